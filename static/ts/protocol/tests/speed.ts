// How fast the core is. Not a test: it prints and promises nothing.
//
//   npx vite build --ssr static/ts/protocol/tests/speed.ts --outDir build/speed --emptyOutDir && node build/speed/speed.js

import { MAX_JUMP } from "../limits";
import { ready } from "../primitives";
import { Session } from "../session";
import { makeCast, some, talkingCast } from "./cast";

const COUNT = 2_000;

function report(name: string, count: number, work: () => void): void {
  const begun = performance.now();
  work();
  const took = performance.now() - begun;
  const rate = Math.round((1_000 * count) / took).toLocaleString("en");
  process.stdout.write(`${name.padEnd(56)} ${rate.padStart(9)}/s  ${(took / count).toFixed(3).padStart(8)} ms\n`);
}

function measure(): void {
  const { alice, bob } = talkingCast();
  alice.read(bob, bob.send(alice, "a chain with neither ek nor ct follows"));
  bob.read(alice, alice.send(bob, "x"));
  const sealed = alice.seal("twenty words or so, as people write them to each other in a chat", bob.account);
  const wires: Uint8Array[] = [];
  const send = () => wires.push(alice.sendSealed(bob, sealed));
  const reader = (wire: Uint8Array) => void bob.receive(alice, wire);

  for (let n = 0; n < 200; n++) send();
  wires.splice(0).forEach(reader);

  report("seal a content", COUNT, () => {
    for (let n = 0; n < COUNT; n++) alice.seal("words", bob.account);
  });
  report("encrypt", COUNT, () => {
    for (let n = 0; n < COUNT; n++) send();
  });
  report("decrypt in order", COUNT, () => wires.splice(0).forEach(reader));

  for (let n = 0; n < MAX_JUMP; n++) send();
  const late = wires.splice(0);
  send();
  report("decrypt one after a jump of 2,000", 1, () => wires.splice(0).forEach(reader));
  for (let n = 0; n < COUNT; n++) send();
  report("decrypt in order, beside 2,000 skipped keys", COUNT, () => wires.splice(0).forEach(reader));
  report("decrypt late, out of 2,000 skipped keys", 1_000, () => late.splice(1_000).forEach(reader));
  let stored: Uint8Array = new Uint8Array();
  const session = some(bob.pair(alice).sessions[0]);
  report("session to bytes, beside 1,000 skipped keys", 500, () => {
    for (let n = 0; n < 500; n++) stored = session.toBytes();
  });
  report(`session from bytes, ${stored.length} of them`, 500, () => {
    for (let n = 0; n < 500; n++) Session.fromBytes(stored);
  });
  report("a message and its answer: two ratchet steps", 500, () => {
    for (let n = 0; n < 500; n++) {
      bob.receive(alice, alice.sendSealed(bob, sealed));
      alice.receive(bob, bob.sendSealed(alice, sealed));
    }
  });

  const others = makeCast("others");
  others.bob.makePrekeys(200);
  report("start a session and read its first message", 200, () => {
    for (let n = 0; n < 200; n++) {
      others.alice.pairs.clear();
      others.bob.pairs.clear();
      others.alice.start(others.bob);
      others.bob.read(others.alice, others.alice.send(others.bob, "hello"));
    }
  });
}

await ready();
measure();
