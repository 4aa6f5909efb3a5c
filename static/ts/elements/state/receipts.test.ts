import { expect, test } from "vitest";
import type { DeviceStatus, GroupMember } from "../../client/model";
import { id, OPTIONS } from "../tests/fake";
import { receiptsOf } from "./receipts";

const [BOB, CAROL, DAVE, ERIN, GONE] = [1, 2, 3, 4, 5].map((number) => id("p", number)) as [string, string, string, string, string];

function member(account: string, name: string): GroupMember {
  return { account, name, role: "member", identityChanged: false };
}

function said(account: string, device: number, status: DeviceStatus["status"], at: number): DeviceStatus {
  return { account, device: id("d", device), status, at };
}

const MEMBERS = [
  member(OPTIONS.account, "alice"),
  member(ERIN, "erin"),
  member(DAVE, "dave"),
  member(CAROL, "carol"),
  member(BOB, "bob"),
];

test("a message's receipts count a member once, by the most that one of their devices has said", () => {
  const devices = [
    said(BOB, 2, "delivered", 10),
    said(BOB, 3, "read", 40),
    said(BOB, 2, "read", 30),
    said(CAROL, 4, "delivered", 12),
    said(CAROL, 5, "delivered", 11),
    said(CAROL, 6, "expired", 90),
    said(DAVE, 7, "expired", 80),
  ];
  expect(receiptsOf({ devices }, MEMBERS, OPTIONS.account)).toEqual({
    read: [{ account: BOB, name: "bob", at: 30 }],
    delivered: [{ account: CAROL, name: "carol", at: 11 }],
    expired: [{ account: DAVE, name: "dave", at: 80 }],
    waiting: [{ account: ERIN, name: "erin", at: 0 }],
  });
});

test("receipts stand in the order of their times, those without one by name, and keep who has left", () => {
  const devices = [said(GONE, 9, "read", 50), said(BOB, 2, "read", 60)];
  const { read, waiting } = receiptsOf({ devices }, MEMBERS, OPTIONS.account);
  expect(read.map(({ account, name }) => [account, name])).toEqual([[GONE, ""], [BOB, "bob"]]);
  expect(waiting.map(({ name }) => name)).toEqual(["carol", "dave", "erin"]);
});

test("of a message that another own device has summed up, nobody is said not to have it yet", () => {
  const devices = [said(OPTIONS.account, 0, "read", 5), said(BOB, 2, "delivered", 10)];
  expect(receiptsOf({ devices }, MEMBERS, OPTIONS.account)).toEqual({
    read: [],
    delivered: [{ account: BOB, name: "bob", at: 10 }],
    expired: [],
    waiting: [],
  });
});
