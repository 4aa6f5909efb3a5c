// What the page can look like, by name: for the dev page only.

import type { Start } from "../../client/model";
import { deviceScenes, type Scene } from "./device_scenes";
import { FakeMessenger, id } from "./fake";
import { groupScenes } from "./group_scenes";
import { openScenes } from "./open_scenes";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const BOB = id("c", 1);

function everybody(): FakeMessenger {
  const fake = new FakeMessenger();
  const now = Date.now();
  fake.people = [
    { account: id("p", 40), username: "marta", chat: id("c", 40) },
    { account: id("p", 41), username: "marko.petrov", chat: id("c", 41) },
    { account: id("p", 42), username: "mary_ann", chat: id("c", 42) },
  ];
  const others: [number, string, string, number, object, object][] = [
    [9, "noor", "Thank you, that helped a lot!", 9 * DAY, {}, {}],
    [8, "ivan.k", "Ok", 6 * DAY, { outgoing: true, state: "delivered" }, {}],
    [7, "zoë", "Hello, are you the zoë from the choir? I have your scarf.", 2 * DAY, {}, { request: true, unread: 1 }],
    [6, "spam4u", "Buy now!!!", 3 * DAY, {}, { blocked: true }],
    [5, "grace", "שלום, מה שלומך היום?", 26 * HOUR, {}, { identityChanged: true }],
    [4, "dana", "The train leaves at 7:40 from track 3.", 5 * HOUR, {}, { draft: "I will be there at" }],
    [3, "charlie", "Can you send me the address once more?", 40 * MINUTE, {}, { unread: 12, verified: true }],
  ];
  for (const [number, name, text, ago, line, chat] of others) {
    const made = fake.addChat(number, name);
    const unread = "unread" in chat ? (chat.unread as number) : 0;
    for (let at = 1; at < unread; at += 1) fake.addLine(made.id, `Are you there? ${at}`, { sentAt: now - ago - MINUTE });
    const added = fake.addLine(made.id, text, { sentAt: now - ago, ...line });
    fake.change(made.id, { firstUnread: unread ? added.position - unread + 1 : 0, ...chat });
  }
  fake.addLine(id("c", 5), "", { kind: "identity_changed", sentAt: now - 25 * HOUR });
  fake.addChat(1, "bob", { verified: true });
  return fake;
}

function lines(fake: FakeMessenger): void {
  const day = new Date().setHours(9, 12, 0, 0);
  const say = (text: string, sentAt: number, more = {}): void => void fake.addLine(BOB, text, { sentAt, ...more });
  const own = { outgoing: true };
  say("Have you seen the new place by the river?", day - DAY);
  say("They bake their own bread.", day - DAY + 10_000);
  say("Not yet! Is it good?", day - DAY + 3 * MINUTE, own);
  say("", day - DAY + 4 * MINUTE, { kind: "gap", missing: 2 });
  say("Very. Tomorrow at one?", day - DAY + 5 * MINUTE);
  say("", day - DAY + 6 * MINUTE, { kind: "unreadable", cause: "unknown_prekey" });
  say("Yes, let us do that. I bring the book you asked for; it is longer than I remembered, so take your time with it.",
    day, own);
  say("And https://example.org/menu?day=thu has the menu.", day + 5_000, own);
  say("", day + MINUTE, { kind: "expired" });
  say("", day + 2 * MINUTE, { kind: "update_needed" });
  say("<b>Perfect</b> & thanks — here is the plan:\n\n1. meet at the bridge\n2. walk over\n3. eat", day + 3 * MINUTE);
  say("Supercalifragilisticexpialidocious".repeat(4), day + 4 * MINUTE);
  say("مرحبا، أراك غدا في الساعة الواحدة", day + 5 * MINUTE);
  const device = { account: id("p", 1), device: id("d", 2) };
  const read = { ...own, devices: [{ ...device, status: "delivered", at: day + 6 * MINUTE }, { ...device, status: "read", at: day + 7 * MINUTE }] };
  say("Read on one device", day + 6 * MINUTE, read);
  say("Delivered", day + 7 * MINUTE, { ...own, state: "delivered", devices: [{ ...device, status: "delivered", at: day + 8 * MINUTE }] });
  say("Accepted", day + 8 * MINUTE, { ...own, state: "accepted" });
  say("This one expired", day + 9 * MINUTE, { ...own, state: "expired" });
  say("This one failed", day + 10 * MINUTE, { ...own, state: "failed", acceptedAt: 0, cause: "bob has not set up a device yet." });
  say("And this waits", day + 11 * MINUTE, { ...own, state: "queued", acceptedAt: 0 });
}

function started(start: Start): Scene {
  const fake = everybody();
  fake.start_ = start;
  return { fake, path: "/chats/" };
}

export const scenes: Record<string, () => Scene> = {
  first: () => {
    const fake = new FakeMessenger();
    fake.people = everybody().people;
    return { fake, path: "/chats/" };
  },
  list: () => ({ fake: withLines(), path: "/chats/" }),
  chat: () => ({ fake: withLines(), path: `/chats/${BOB}` }),
  typing: () => {
    const fake = withLines();
    return { fake, path: `/chats/${BOB}`, then: () => fake.tell({ type: "typing", chat: BOB, account: id("p", 1), name: "bob", on: true }) };
  },
  unread: () => ({ fake: withLines(), path: `/chats/${id("c", 3)}` }),
  request: () => ({ fake: withLines(), path: `/chats/${id("c", 7)}` }),
  blocked: () => ({ fake: withLines(), path: `/chats/${id("c", 6)}` }),
  changed: () => ({ fake: withLines(), path: `/chats/${id("c", 5)}` }),
  details: () => ({ fake: withLines(), path: `/chats/${id("c", 4)}#details` }),
  verified: () => ({ fake: withLines(), path: `/chats/${BOB}#details` }),
  unreadable: () => {
    const fake = everybody();
    const day = new Date().setHours(9, 12, 0, 0);
    fake.fill(BOB, 4, day);
    const causes = ["unknown_session", "unknown_prekey", "undecryptable", "too_far", "kem_step", "bad_key", "replayed"];
    causes.forEach((cause, at) => {
      const repair = at % 2 === 0 ? "asked" : "possible";
      fake.addLine(BOB, "", { kind: "unreadable", cause, repair, sentAt: day + at * MINUTE });
    });
    for (const cause of ["not_listed", "list_refused", "bad_signature", "bad_franking", "malformed"]) {
      fake.addLine(BOB, "", { kind: "unreadable", cause, sentAt: day + 20 * MINUTE });
    }
    const device = { account: id("p", 1), device: id("d", 2), status: "delivered", at: day + 22 * MINUTE } as const;
    const own = { outgoing: true, sentAt: day + 21 * MINUTE, state: "delivered", devices: [device] } as const;
    fake.addLine(BOB, "One of your devices was left out of this", { ...own, skipped: 1 });
    return { fake, path: `/chats/${BOB}` };
  },
  missing: () => ({ fake: withLines(), path: `/chats/${id("c", 99)}` }),
  offline: () => {
    const fake = withLines();
    return { fake, path: `/chats/${BOB}`, then: () => fake.connection({ state: "offline" }) };
  },
  waiting: () => {
    const fake = withLines();
    const then = (): void => {
      fake.connection({ state: "waiting", retryAt: Date.now() + 12_000 });
      fake.tell({ type: "notice", text: "The server answers with another account than bob's: nothing is sent to it." });
    };
    return { fake, path: `/chats/${BOB}`, then };
  },
  loading: () => {
    const fake = withLines();
    fake.slow = 60_000;
    return { fake, path: `/chats/${BOB}` };
  },
  long: () => {
    const fake = withLines();
    fake.addChat(20, "a".repeat(60));
    fake.addLine(id("c", 20), "w".repeat(400));
    fake.addChat(21, "<script>alert(1)</script>", { verified: true, unread: 1234 });
    fake.addLine(id("c", 21), "<img src=x onerror=alert(1)>");
    return { fake, path: `/chats/${id("c", 20)}#details` };
  },
  many: () => {
    const fake = everybody();
    fake.fill(BOB, 10_000, Date.now());
    return { fake, path: "/chats/" };
  },
  halfway: () => {
    const fake = everybody();
    fake.fill(BOB, 10_000, Date.now());
    const all = fake.stored.get(BOB) ?? [];
    fake.change(BOB, { unread: 500, firstUnread: all[9_000]?.position ?? 0 });
    return { fake, path: `/chats/${BOB}` };
  },
  evicted: () => started({ state: "evicted" }),
  elsewhere: () => started({ state: "open_elsewhere" }),
  signedout: () => started({ state: "signed_out" }),
  unsupported: () => started({ state: "unsupported", missing: "a private file system" }),
  failed: () => started({ state: "failed", why: "What this browser has stored cannot be read." }),
  takenover: () => {
    const fake = withLines();
    return {
      fake,
      path: `/chats/${BOB}`,
      then: () => fake.tell({ type: "ended", why: "taken_over", text: "" }),
    };
  },
  unlinked: () => {
    const fake = withLines();
    return { fake, path: `/chats/${BOB}`, then: () => fake.tell({ type: "ended", why: "unlinked", text: "" }) };
  },
  ...deviceScenes(withLines),
  ...groupScenes(withLines),
  ...openScenes(withLines),
};

function withLines(): FakeMessenger {
  const fake = everybody();
  lines(fake);
  return fake;
}
