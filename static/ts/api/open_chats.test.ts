import { expect, test } from "vitest";

import { Defect } from "../lib/errors";
import { uuid } from "../lib/uuid";

import type { Json } from "./forms";
import { OpenCalls } from "./open_chats";

const CHAT = new Uint8Array(16).fill(4);
const SAM = new Uint8Array(16).fill(2);
const MESSAGE = new Uint8Array(16).fill(5);
const PROFILE = { id: uuid(SAM), username: "sam", display_name: "" };
const LISTED = {
  ...{ id: uuid(CHAT), kind: "group", title: "Choir", member_count: 2, role: "admin", request: true, added_by: uuid(SAM) },
  ...{ newest: null, read_position: 3, created_by: uuid(SAM), created_at: 7 },
};
const DETAILS = { ...LISTED, members: [{ account: PROFILE, role: "owner", read_position: null }] };
const ROW = {
  ...{ position: 9, message_id: uuid(MESSAGE), sender: uuid(SAM), accepted_at: 5, edited_at: null, deleted: false, body: "hi" },
};

let called: string[] = [];
function calls(...given: Json[]): OpenCalls {
  called = [];
  return new OpenCalls((method, path, body) => {
    called.push([method, path, ...(body === undefined ? [] : [JSON.stringify(body)])].join(" "));
    return Promise.resolve(given.shift() ?? {});
  });
}

test("each call has its path and body", async () => {
  const [chat, sam, path] = [uuid(CHAT), uuid(SAM), `open-chats/${uuid(CHAT)}`];
  const page = { messages: [], next: null };
  const open = calls(DETAILS, DETAILS, DETAILS, {}, {}, {}, {}, {}, page, page, ROW, {}, page, page);
  await open.startPrivate(SAM);
  await open.startGroup(MESSAGE, "Choir", [SAM]);
  await open.details(CHAT);
  await open.rename(CHAT, "Tenors");
  await open.accept(CHAT);
  await open.add(CHAT, SAM);
  await open.setRole(CHAT, SAM, 2);
  await open.remove(CHAT, SAM);
  await open.before(CHAT, null, 50);
  await open.before(CHAT, 9, 2);
  await open.edit(CHAT, 9, "ho");
  await open.delete(CHAT, 9);
  await open.after(CHAT, 0, 5);
  await open.search("é & x", { chat: CHAT, cursor: "a-b" });
  expect(called).toEqual([
    `POST open-chats {"kind":"private","account":"${sam}"}`,
    `POST open-chats {"kind":"group","creation_id":"${uuid(MESSAGE)}","title":"Choir","members":["${sam}"]}`,
    `GET ${path}`,
    `PATCH ${path} {"title":"Tenors"}`,
    `POST ${path}/accept {}`,
    `POST ${path}/members {"account":"${sam}"}`,
    `PATCH ${path}/members/${sam} {"role":"owner"}`,
    `DELETE ${path}/members/${sam}`,
    `GET ${path}/messages?limit=50`,
    `GET ${path}/messages?before=9&limit=2`,
    `PATCH ${path}/messages/9 {"body":"ho"}`,
    `DELETE ${path}/messages/9`,
    `GET ${path}/messages?after=0&limit=5`,
    `GET open-chats/search?q=%C3%A9+%26+x&chat=${chat}&cursor=a-b`,
  ]);
});

test("answers are values, and a list is read to its end", async () => {
  const listed = await calls({ open_chats: [LISTED], next: "a/b" }, { open_chats: [LISTED], next: null }).list();
  expect(called).toEqual(["GET open-chats", "GET open-chats?cursor=a%2Fb"]);
  expect(listed).toHaveLength(2);
  const fields = { id: CHAT, kind: "group", role: 1, request: true, addedBy: SAM, newest: 0, readTo: 3, createdAt: 7 };
  expect(listed[0]).toEqual({ ...fields, title: "Choir", memberCount: 2 });
  expect((await calls(DETAILS).details(CHAT)).members).toEqual([{ account: SAM, username: "sam", role: 2, readTo: 0 }]);
  const gone = { ...ROW, position: 8, deleted: true, edited_at: 6, body: "still here" };
  const { messages, more } = await calls({ messages: [ROW, gone], next: "x" }).before(CHAT, null, 2);
  expect(more).toBe(true);
  expect(messages[1]).toEqual({ position: 8, message: MESSAGE, sender: SAM, acceptedAt: 5, editedAt: 6, deleted: true, body: "" });
  const hit = { open_chat: uuid(CHAT), position: 9, message_id: uuid(MESSAGE), sender: uuid(SAM), accepted_at: 5, snippet: "hi" };
  expect((await calls({ messages: [hit], next: null }).search("hi", { chat: null, cursor: null })).matches).toEqual([
    { chat: CHAT, position: 9, message: MESSAGE, sender: SAM, acceptedAt: 5, snippet: "hi" },
  ]);
});

test("what makes no sense in a list is passed over", async () => {
  const listed = await calls({ open_chats: [{ ...LISTED, kind: "channel" }, 5, LISTED], next: null }).list();
  expect(listed.map(({ id, kind }) => [id, kind])).toEqual([[CHAT, "group"]]);
});

test.each([
  ["a list without an end", (open: OpenCalls) => open.list(), Array.from({ length: 1_001 }, () => ({ open_chats: [], next: "x" }))],
  ["a list that is none", (open: OpenCalls) => open.list(), [{ open_chats: "none", next: null }]],
  ["another kind", (open: OpenCalls) => open.details(CHAT), [{ ...DETAILS, kind: "channel" }]],
  ["another role", (open: OpenCalls) => open.details(CHAT), [{ ...DETAILS, role: "king" }]],
  ["no members", (open: OpenCalls) => open.details(CHAT), [LISTED]],
  ["a page that stands still", (open: OpenCalls) => open.before(CHAT, null, 2), [{ messages: [ROW, ROW], next: "x" }]],
  ["a page from above", (open: OpenCalls) => open.before(CHAT, 9, 2), [{ messages: [ROW], next: null }]],
  ["a page from below", (open: OpenCalls) => open.after(CHAT, 9, 2), [{ messages: [ROW] }]],
  ["a page backwards", (open: OpenCalls) => open.after(CHAT, 1, 2), [{ messages: [ROW, { ...ROW, position: 8 }] }]],
  ["no position", (open: OpenCalls) => open.before(CHAT, null, 2), [{ messages: [{ ...ROW, position: 0 }], next: null }]],
  ["a body without bounds", (open: OpenCalls) => open.before(CHAT, null, 2), [{ messages: [{ ...ROW, body: "x".repeat(32_001) }] }]],
])("%s is a defect", async (_, ask, answers) => {
  await expect(ask(calls(...answers))).rejects.toBeInstanceOf(Defect);
});
