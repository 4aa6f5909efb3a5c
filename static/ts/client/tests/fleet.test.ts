// Many devices of two people, coming and going: at the end all show the same conversation.

import { expect, test } from "vitest";
import { befriend, joined, linked, passing, type Party } from "./parties";
import { Relay } from "./relay";

/** Chance that can be repeated (mulberry32). */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

test.each([1, 2])("a hundred messages from five devices that go offline, are linked and removed (seed %i)", async (seed) => {
  const upTo = chance(seed);
  const relay = new Relay();
  relay.strict = true;
  const [alice, bob] = [await joined(relay, "alice"), await joined(relay, "bob")];
  await befriend(alice, bob);
  const [laptop, tablet] = [await linked(alice, { history: true }), await linked(alice, { history: true })];
  let fleet = [alice, laptop, tablet, bob, await linked(bob, { history: true })];
  const away = new Set<Party>();
  const sent: string[] = ["hello", "hello yourself"];
  const step = async (at: number): Promise<void> => {
    const party = fleet[upTo(fleet.length)]!;
    const text = `${at} by ${party.name}`;
    await party.write(party.name === "alice" ? bob : alice, text);
    sent.push(text);
    if (upTo(5) > 0) return;
    const other = fleet[upTo(fleet.length)]!;
    if (away.delete(other)) other.mend();
    else {
      away.add(other);
      other.browser.offline = true;
      relay.sockets.get(other.device)?.end(1006);
    }
  };
  for (let at = 0; at < 50; at++) await step(at);
  for (const party of away) party.mend();
  away.clear();
  const texts = async (party: Party): Promise<string[]> => party.texts(party.name === "alice" ? bob : alice);
  const settled = async (): Promise<boolean> => {
    for (const party of fleet) if ((await texts(party)).length < sent.length) return false;
    return fleet.every((party) => party.messenger.inside.sender.waiting === 0);
  };
  // What a device had sent and nobody had read yet would be lost with it.
  await passing(fleet, settled);
  await alice.messenger.removeDevice(tablet.device, { newIdentity: false });
  fleet = fleet.filter((party) => party !== tablet);
  fleet.push(await linked(alice, { history: true }));
  for (let at = 50; at < 100; at++) await step(at);
  for (const party of away) party.mend();
  await passing(fleet, settled);
  for (const party of fleet) expect((await texts(party)).sort()).toEqual([...sent].sort());
  expect(relay.acks.flatMap((ack) => ack.unreadable)).toEqual([]);
}, 60_000);
