import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { encodeBase64url } from "../lib/base64url";
import { Defect, Refused, SignInNeeded, Unreachable } from "../lib/errors";
import { uuid } from "../lib/uuid";
import * as cbor from "../protocol/cbor";

import { GroupCalls } from "./groups";
import { Api, directory, statusesOfFrame, waitingOrNone } from "./index";
import type { Json } from "./index";

const SAM = new Uint8Array(16).fill(2);
const DEVICE = new Uint8Array(16).fill(3);
const CHAT = new Uint8Array(16).fill(4);
const [PAYLOAD, SIGNATURE] = [Uint8Array.of(1, 2, 3), Uint8Array.of(255, 254)];
const SIGNED = { payload: encodeBase64url(PAYLOAD), signature: encodeBase64url(SIGNATURE) };
const PAIR = { access: "a", refresh: "r", expires_in: 600, account: { id: uuid(SAM), username: "sam" }, device: null };

interface Heard {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

let server: Server;
let heard: Heard[] = [];
let respond: (request: Heard, response: ServerResponse) => void;
const answers = (...given: (readonly [status: number, value?: unknown, headers?: Record<string, string>])[]): void => {
  const rest = [...given];
  respond = (_, response) => {
    const [status, value, headers] = (rest.length > 1 ? rest.shift() : rest[0])!;
    response.writeHead(status, { "Content-Type": "application/json", ...headers });
    response.end(value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value));
  };
};

const origin = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
let asked: (string | null)[] = [];
const api = (): Api =>
  new Api(
    origin(),
    (refused) => {
      asked.push(refused);
      return Promise.resolve(refused === null ? "token-1" : "token-2");
    },
    fetch,
  );

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      heard.push({ method, url, headers, body });
      respond(heard.at(-1)!, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => server.close());
beforeEach(() => {
  heard = [];
  asked = [];
});

test("group chats are listed to the last page", async () => {
  const listed = (id: Uint8Array): Json => ({ id: uuid(id), index: 0, hash: "AQID", request: false });
  answers([200, { groups: [listed(CHAT)], next: "a-b/c" }], [200, { groups: [listed(SAM)], next: null }]);
  expect((await api().groups.list()).map((one) => one.group)).toEqual([CHAT, SAM]);
  expect(heard.map((one) => one.url)).toEqual(["/api/v1/groups", "/api/v1/groups?cursor=a-b%2Fc"]);
  const endless = new GroupCalls(() => Promise.resolve({ groups: [], next: "again" }));
  await expect(endless.list()).rejects.toThrow(Defect);
  const groups = Array.from({ length: 501 }, () => listed(CHAT));
  await expect(new GroupCalls(() => Promise.resolve({ groups, next: null })).list()).rejects.toThrow(Defect);
});

const LISTS = {
  chats: (one: Api) => one.chats(),
  contacts: (one: Api) => one.contacts(),
  devices: (one: Api) => one.devices(),
};

test.each(["chats", "contacts", "devices"] as const)("%s are listed to the last page", async (name) => {
  answers([200, { [name]: [], next: "a-b/c" }], [200, { [name]: [], next: null }]);
  expect(await LISTS[name](api())).toEqual([]);
  expect(heard.map((one) => one.url)).toEqual([`/api/v1/${name}`, `/api/v1/${name}?cursor=a-b%2Fc`]);
  const by = (next: unknown): Api =>
    new Api(origin(), () => Promise.resolve("t"), () => Promise.resolve(Response.json({ [name]: [], next })));
  for (const next of ["again", 7, ["again"]]) await expect(LISTS[name](by(next))).rejects.toThrow(Defect);
});

describe("what is sent", () => {
  test("the page's session goes with one call, and no token", async () => {
    let options: RequestInit = {};
    const spying = new Api(origin(), () => Promise.resolve("t"), (url, given) => {
      options = given;
      return fetch(url, given);
    });
    answers([200, PAIR]);
    const pair = await spying.sessionToken("csrf-value");
    expect(pair).toEqual({ access: "a", refresh: "r", expiresIn: 600, account: SAM, username: "sam", device: null });
    expect(options.credentials).toBe("same-origin");
    expect(heard[0]).toMatchObject({ method: "POST", url: "/api/v1/auth/token/session", body: "{}" });
    expect(heard[0]!.headers["x-csrftoken"]).toBe("csrf-value");
    expect(heard[0]!.headers.authorization).toBeUndefined();
    answers([200, { accounts: [] }]);
    await spying.find("al");
    expect(options).toMatchObject({ credentials: "omit", redirect: "error", cache: "no-store" });
  });

  test("device tokens go in a header; a refused one is renewed once", async () => {
    answers([401, { code: "not_signed_in" }], [200, { contacts: [] }]);
    await api().contacts();
    expect(heard.map((one) => one.headers.authorization)).toEqual(["Bearer token-1", "Bearer token-2"]);
    expect(asked).toEqual([null, "token-1"]);
    answers([401, { code: "not_signed_in", detail: "No." }]);
    await expect(api().contacts()).rejects.toMatchObject({ code: "not_signed_in", message: "No." });
    expect(heard).toHaveLength(4);
    answers([401, { code: "session_ended" }]);
    await expect(api().contacts()).rejects.toBeInstanceOf(SignInNeeded);
    expect(heard).toHaveLength(5);
  });

  test("each call has its path and body", async () => {
    const one = api();
    const by = async (work: () => Promise<unknown>, answer: unknown, status = 200): Promise<string> => {
      answers([status, answer]);
      await work();
      const { method, url, body } = heard.at(-1)!;
      return `${method} ${url.replace("/api/v1/", "")} ${body}`.trim();
    };
    const person = { id: uuid(SAM), username: "sam", display_name: "" };
    const contact = { account: person, state: "accepted", changed_at: 5 };
    const id = uuid(SAM);
    const device = uuid(DEVICE);
    expect(await by(() => one.account("a/b c"), person)).toBe("GET accounts/a%2Fb%20c");
    expect(await by(() => one.find("é&x"), { accounts: [person] })).toBe("GET accounts?prefix=%C3%A9%26x");
    expect(await by(() => one.refresh("old"), PAIR)).toBe('POST auth/token/refresh {"refresh":"old"}');
    expect(await by(() => one.registerDevice("t", "Web", "web", SAM), { id: device }, 201)).toBe(
      `POST devices {"name":"Web","platform":"web","signing_key":"${encodeBase64url(SAM)}"}`,
    );
    expect(await by(() => one.challenge(DEVICE, "t"), { nonce: "AAAA" })).toBe(
      `POST auth/device/challenge {"device":"${device}"}`,
    );
    expect(await by(() => one.prove(DEVICE, SAM, SAM, { token: "t" }), { ...PAIR, device })).toContain('"nonce"');
    const asks = [
      { account: SAM, since: 4 },
      { account: DEVICE, since: null },
    ];
    expect(await by(() => one.directory(asks), { accounts: [] })).toBe(
      `GET keys/directory?account=${id}:4&account=${device}`,
    );
    expect(await by(() => one.publishList(cbor.encode([PAYLOAD, SIGNATURE])), { seq: 1, hash: "x" })).toBe(
      `PUT keys/device-list ${JSON.stringify(SIGNED)}`,
    );
    const nothing = { signedPrekey: null, lastResort: null, oneTime: [], oneTimeKem: [] };
    expect(await by(() => one.publishPrekeys(nothing), {})).toBe("POST keys/prekeys {}");
    expect(await by(() => one.statuses([SAM]), { statuses: [] })).toBe(`POST messages/statuses {"messages":["${id}"]}`);
    expect(await by(() => one.answerContact(SAM, "unblock"), contact)).toBe(`POST contacts/${id}/unblock {}`);
    expect(await by(() => one.claim([{ account: SAM, device: DEVICE }]), { bundles: [], skipped: [] })).toBe(
      `POST keys/claim {"devices":[{"account":"${id}","device":"${device}"}]}`,
    );
    await expect(one.account("\ud800")).rejects.toMatchObject({ code: "wrong_use" });
  });
});

describe("what goes wrong", () => {
  const error = (): Promise<unknown> =>
    api()
      .contacts()
      .catch((reason: unknown) => reason);

  test("nobody answers", async () => {
    const none = new Api("http://127.0.0.1:9", () => Promise.resolve("t"), fetch);
    await expect(none.contacts()).rejects.toBeInstanceOf(Unreachable);
  });

  test.each([
    [429, { code: "too_many_requests", detail: "Slowly." }, { "Retry-After": "7" }, Unreachable, "too_many_requests", 7],
    [429, "<html>", { "Retry-After": "soon" }, Unreachable, "too_many_requests", null],
    [503, { code: "unavailable" }, { "Retry-After": "-3" }, Unreachable, "unavailable", 0],
    [502, "<html>", {}, Unreachable, "unavailable", null],
    [403, { code: "wrong_token" }, {}, SignInNeeded, "wrong_token", undefined],
    [403, { code: "csrf_failed" }, {}, Refused, "csrf_failed", undefined],
    [409, { code: "devices_changed", accounts: [] }, {}, Refused, "devices_changed", undefined],
    [404, "nothing", {}, Refused, "refused", undefined],
    [400, { code: 5, detail: 6 }, {}, Refused, "refused", undefined],
  ] as const)("%i %o", async (status, body, headers, kind, code, retryAfter) => {
    answers([status, body, headers]);
    const found = await error();
    expect(found).toBeInstanceOf(kind);
    expect(found).toMatchObject({ code });
    if (retryAfter !== undefined) expect(found).toMatchObject({ retryAfter });
    expect((found as Error).message).toMatch(/[a-z]/);
  });

  test("the fields of a problem make a sentence, and the rest is kept", async () => {
    const body = { code: "malformed", errors: [{ field: "name", message: "Too long." }, { message: "No." }, 5] };
    answers([400, body]);
    expect(await error()).toMatchObject({ message: "name: Too long. No.", status: 400, problem: body });
  });

  test.each(["", "[]", "nonsense", '{"contacts": {}}', '{"contacts": [{}]}', "null"])("%j is a defect", async (text) => {
    answers([200, text]);
    expect(await error()).toBeInstanceOf(Defect);
  });

  test("an answer without end is read no further than any answer of ours goes", async () => {
    let sent = 0;
    const endless = (): ReadableStream<Uint8Array> =>
      new ReadableStream({
        pull: (controller) => {
          sent += 1;
          if (sent > 100) controller.close();
          else controller.enqueue(new Uint8Array(1024 * 1024).fill(0x20));
        },
      });
    const flooded = new Api(origin(), () => Promise.resolve("t"), () => Promise.resolve(new Response(endless())));
    await expect(flooded.contacts()).rejects.toBeInstanceOf(Defect);
    expect(sent).toBeLessThan(70);
  });

  test("fewer keys than none are a defect", async () => {
    answers([200, { one_time: -1_000_000_000, one_time_kem: 0, signed_prekey: 1, last_resort: 1 }]);
    await expect(api().prekeyCounts()).rejects.toBeInstanceOf(Defect);
  });

  test("a redirect is followed nowhere", async () => {
    answers([302, "", { Location: "/elsewhere" }]);
    expect(await error()).toBeInstanceOf(Unreachable);
    expect(heard).toHaveLength(1);
  });
});

describe("answers", () => {
  test("lists come as signed objects; those of one account that make no sense are none", () => {
    const devices = [{ device: uuid(SAM), signed_prekey: SIGNED }, { device: uuid(DEVICE), signed_prekey: null }];
    const fields = { account: uuid(SAM), lists: [SIGNED], suspended: [uuid(DEVICE)], devices };
    expect(directory(fields)).toEqual({
      account: SAM,
      lists: [cbor.encode([PAYLOAD, SIGNATURE])],
      suspended: [DEVICE],
      ready: [SAM],
    });
    const none = { account: SAM, lists: [], suspended: [], ready: [] };
    expect(directory({ ...fields, lists: [{ payload: "+" }] })).toEqual(none);
    expect(() => directory({ ...fields, account: "sam" })).toThrow(Defect);
  });

  test("one's own devices, a link's slot and chats are read; a slot that is not there is none", async () => {
    const device = { id: uuid(DEVICE), name: "Firefox", platform: "browser", created_at: 1, last_seen_at: null };
    answers(
      [200, { devices: [{ ...device, suspended: false, listed: true }] }],
      [200, { offer: "AQI", answer: null, expires_at: 9 }],
      [404, { code: "not_found" }],
      [200, { chats: [{ id: uuid(DEVICE), account: { id: uuid(SAM), username: "sam", display_name: "" }, created_at: 1 }] }],
    );
    expect(await api().devices()).toMatchObject([{ device: DEVICE, lastSeenAt: 0, listed: true, suspended: false }]);
    expect(await api().linkSlot(DEVICE)).toEqual({ offer: Uint8Array.of(1, 2), answer: null });
    expect(await api().linkSlot(DEVICE)).toBeNull();
    expect(await api().chats()).toEqual([{ chat: DEVICE, account: SAM, username: "sam" }]);
  });

  test("bundles come in the protocol's form", async () => {
    const target = { account: uuid(SAM), device: uuid(DEVICE) };
    const kem = { label: "okpk", ...SIGNED };
    answers([
      200,
      {
        bundles: [{ ...target, signed_prekey: SIGNED, one_time: null, kem }],
        skipped: [{ ...target, reason: "rate_limited", retry_after: 9 }],
      },
    ]);
    const claimed = await api().claim([]);
    const signed = [PAYLOAD, SIGNATURE];
    expect(claimed.bundles[0]!.bundle).toEqual(cbor.encode([SAM, DEVICE, signed, null, ["okpk", signed]]));
    expect(claimed.skipped[0]).toEqual({ account: SAM, device: DEVICE, reason: "rate_limited", retryAfter: 9 });
  });

  const FRAME: Json = {
    type: "envelope",
    envelope: 7,
    kind: "message",
    message_id: uuid(CHAT),
    sender: { account: uuid(SAM), device: uuid(DEVICE) },
    chat: null,
    accepted_at: 5,
    request: true,
    expired: false,
    body: "AQID",
    stamp: null,
    stamp_key: null,
  };

  test("an envelope is read, or its number, or nothing", () => {
    expect(waitingOrNone(FRAME)).toMatchObject({ number: 7, account: SAM, body: PAYLOAD, stamp: null, request: true });
    expect(waitingOrNone({ ...FRAME, body: "*" })).toBe(7);
    expect(waitingOrNone({ ...FRAME, sender: [] })).toBe(7);
    for (const envelope of [-1, 1.5, 2 ** 60, "7", null]) expect(waitingOrNone({ ...FRAME, envelope })).toBeNull();
  });

  test("statuses of a frame are one a message", () => {
    const frame = { account: uuid(SAM), device: uuid(DEVICE), at: 5, messages: [uuid(CHAT)] };
    expect(statusesOfFrame(frame, "read")).toEqual([
      { message: CHAT, account: SAM, device: DEVICE, status: "read", at: 5 },
    ]);
    expect(() => statusesOfFrame({ ...frame, messages: ["x"] }, "read")).toThrow(Defect);
  });

  test("of many devices they are one a message and device", () => {
    const devices = [SAM, CHAT].map((account) => ({ account: uuid(account), device: uuid(DEVICE) }));
    const frame = { group: uuid(CHAT), devices, at: 5, messages: [uuid(CHAT), uuid(SAM)] };
    expect(statusesOfFrame(frame, "delivered").map(({ account, message }) => [account, message])).toEqual([
      [SAM, CHAT],
      [SAM, SAM],
      [CHAT, CHAT],
      [CHAT, SAM],
    ]);
    expect(() => statusesOfFrame({ ...frame, devices: [7] }, "delivered")).toThrow(Defect);
  });
});
