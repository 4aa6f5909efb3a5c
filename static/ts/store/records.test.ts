import { encode } from "cborg";
import { expect, test } from "vitest";

import { StoreError } from "../lib/errors";

import { Entry, Outgoing, Peer } from "./records";

const ID = new Uint8Array(16).fill(1);

test("a record reads as it was packed", () => {
  const peer = Peer.of({ account: ID, username: "é\u{1F600}", pin: new Uint8Array(3), suspended: [ID], blocked: true });
  expect(Peer.unpack(Peer.pack(peer))).toEqual(peer);
});

test("defaults take no room, and are there again", () => {
  const outgoing = Outgoing.of({ id: ID, account: ID, sent: 5, text: "" });
  expect(Outgoing.pack(outgoing).length).toBeLessThan(70);
  expect(Outgoing.unpack(Outgoing.pack(outgoing))).toEqual(outgoing);
});

test("a record of another version reads: what is new there is left out, what is new here has its default", () => {
  const packed = encode({ account: ID, username: "sam", colour: "blue" });
  expect(Peer.unpack(packed)).toEqual(Peer.of({ account: ID, username: "sam" }));
});

test.each([
  ["nothing", null],
  ["no CBOR", Uint8Array.of(0xff)],
  ["a list", encode([1])],
  ["no account", encode({ username: "sam" })],
])("%s is damage", (_, data) => {
  expect(() => Peer.unpack(data)).toThrow(StoreError);
});

test("what stands in columns is not packed twice", () => {
  const entry = Entry.of({ id: ID, kind: "text", outgoing: true, account: ID, chat: ID, sent: 1, position: 4 });
  expect(Entry.unpack(Entry.pack(entry), { id: ID, account: ID, chat: ID, outgoing: true, position: 4 })).toEqual(entry);
  expect(() => Entry.unpack(Entry.pack(entry))).toThrow(StoreError);
});
