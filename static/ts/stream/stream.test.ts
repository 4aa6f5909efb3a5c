import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Defect, Refused, SignInNeeded, TakenOver, Unreachable } from "../lib/errors";

import { Backoff } from "./backoff";
import { Stream } from "./index";
import type { Json } from "./index";

/** A WebSocket whose server is the test. */
class FakeSocket {
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly sent: Json[] = [];
  closedWith: number | null = null;
  readonly url: string;
  readonly protocols: readonly string[];

  constructor(url: string, protocols: readonly string[]) {
    this.url = url;
    this.protocols = protocols;
  }

  send(text: string): void {
    if (this.readyState !== 1) throw new DOMException("not open", "InvalidStateError");
    this.sent.push(JSON.parse(text) as Json);
  }

  close(code: number): void {
    this.closedWith = code;
    this.readyState = 3;
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  say(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  end(code: number): void {
    this.readyState = 3;
    this.onerror?.();
    this.onclose?.({ code });
  }
}

const ORIGIN = "https://chat.example";
const HELLO = { type: "hello", account: "a", device: "d", limits: {} };
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

let socket: FakeSocket;
const opening = (): Promise<Stream> =>
  Stream.open(
    {
      origin: ORIGIN,
      openSocket: (url, protocols) => (socket = new FakeSocket(url, protocols)) as unknown as WebSocket,
    },
    "the-token",
  );
async function connected(): Promise<Stream> {
  const stream = opening();
  socket.open();
  await settle();
  socket.say({ type: "done", id: socket.sent[0]!.id });
  await settle();
  socket.say(HELLO);
  return stream;
}
const fate = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe("opening", () => {
  test("shows the token in the first frame, and waits for hello", async () => {
    const stream = await connected();
    expect([socket.url, socket.protocols]).toEqual(["wss://chat.example/ws/v1", ["messenger.v1"]]);
    expect(socket.sent).toEqual([{ id: expect.any(String) as string, type: "token", access: "the-token" }]);
    expect(stream.hello).toEqual(HELLO);
  });

  test.each([
    [4401, SignInNeeded, "not_signed_in"],
    [4403, SignInNeeded, "session_ended"],
    [4409, TakenOver, "taken_over"],
    [4413, Defect, "defect"],
    [4429, Unreachable, "too_many_requests"],
    [1012, Unreachable, "unreachable"],
    [1006, Unreachable, "unreachable"],
  ])("closed with %i", async (code, kind, name) => {
    const stream = fate(opening());
    socket.open();
    await settle();
    socket.end(code);
    expect(await stream).toBeInstanceOf(kind);
    expect(await stream).toMatchObject({ code: name });
  });

  test("refused before it is open", async () => {
    const stream = fate(opening());
    socket.end(1006);
    expect(await stream).toBeInstanceOf(Unreachable);
    const impossible = Stream.open(
      {
        origin: ORIGIN,
        openSocket: () => {
          throw new DOMException("no", "SecurityError");
        },
      },
      "t",
    );
    expect(await fate(impossible)).toBeInstanceOf(Unreachable);
  });

  test("with a token that is not taken", async () => {
    const stream = fate(opening());
    socket.open();
    await settle();
    socket.say({ type: "rejected", id: socket.sent[0]!.id, code: "not_signed_in", detail: "No." });
    expect(await stream).toBeInstanceOf(SignInNeeded);
    expect(socket.closedWith).toBe(1000);
  });

  test("to nobody: at each step there is an end to waiting", async () => {
    const never = fate(opening());
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await never).toBeInstanceOf(Unreachable);
    const silent = fate(opening());
    socket.open();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await silent).toBeInstanceOf(Unreachable);
    const rude = fate(opening());
    socket.open();
    await settle();
    socket.say({ type: "done", id: socket.sent[0]!.id });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await rude).toMatchObject({ message: "The server does not say hello." });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("an open stream", () => {
  test("gives frames in order, before they are asked for and after", async () => {
    const stream = await connected();
    socket.say({ type: "one" });
    socket.say({ type: "two" });
    expect([await stream.receive(), await stream.receive()]).toEqual([{ type: "one" }, { type: "two" }]);
    const third = stream.receive();
    socket.say({ type: "three", id: null });
    expect(await third).toEqual({ type: "three", id: null });
  });

  test("matches answers by id, in any order, among other frames", async () => {
    const stream = await connected();
    const [first, second] = [stream.request({ type: "a" }), stream.request({ type: "b" })];
    const [, one, other] = socket.sent;
    expect(one!.id).not.toBe(other!.id);
    socket.say({ type: "done", id: other!.id });
    socket.say({ type: "typing" });
    socket.say({ type: "message.accepted", id: one!.id, accepted_at: 5 });
    expect(await first).toMatchObject({ type: "message.accepted" });
    expect(await second).toMatchObject({ type: "done" });
    expect(await stream.receive()).toEqual({ type: "typing" });
  });

  test.each([
    [{ code: "not_found", detail: "Nobody." }, Refused, { code: "not_found", message: "Nobody." }],
    [{ code: "too_many_requests", detail: "", retry_after: 2.5 }, Unreachable, { retryAfter: 2.5 }],
    [{ code: "unavailable", retry_after: "x" }, Unreachable, { retryAfter: null }],
    [{ code: 7 }, Refused, { code: "refused" }],
  ])("a rejection %o is an error", async (said, kind, like) => {
    const stream = await connected();
    const request = fate(stream.request({ type: "a" }));
    socket.say({ type: "rejected", id: socket.sent[1]!.id, ...said });
    expect(await request).toBeInstanceOf(kind);
    expect(await request).toMatchObject(like);
  });

  test("gives up an answer that does not come, and lives on", async () => {
    const stream = await connected();
    const request = fate(stream.request({ type: "a" }));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await request).toMatchObject({ message: "The server does not answer." });
    const next = stream.request({ type: "b" });
    socket.say({ type: "done", id: socket.sent[2]!.id });
    expect(await next).toMatchObject({ type: "done" });
  });

  test("that ends says so to all who wait, and to those who come later", async () => {
    const stream = await connected();
    socket.say({ type: "last" });
    const waiting = [fate(stream.request({ type: "a" })), fate(stream.request({ type: "b" }))];
    socket.end(4409);
    for (const one of await Promise.all(waiting)) expect(one).toBeInstanceOf(TakenOver);
    expect(await stream.receive()).toEqual({ type: "last" });
    expect(await fate(stream.receive())).toBeInstanceOf(TakenOver);
    expect(await fate(stream.request({ type: "c" }))).toBeInstanceOf(TakenOver);
    expect(() => stream.send({ type: "d" })).toThrow(TakenOver);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("can be closed from here, twice", async () => {
    const stream = await connected();
    const receiving = fate(stream.receive());
    stream.close();
    stream.close();
    expect(await receiving).toBeInstanceOf(Unreachable);
    expect(socket.closedWith).toBe(1000);
    socket.say({ type: "late" });
    expect(await fate(stream.receive())).toBeInstanceOf(Unreachable);
  });

  test.each(["", "[]", "5", "{", "null", "x".repeat(5 * 1024 * 1024)])("a frame of nonsense ends it", async (text) => {
    const stream = await connected();
    socket.say(text);
    expect(await fate(stream.receive())).toBeInstanceOf(Defect);
    expect(socket.closedWith).toBe(1000);
  });

  test("a binary frame ends it", async () => {
    const stream = await connected();
    socket.onmessage?.({ data: new ArrayBuffer(3) });
    expect(await fate(stream.receive())).toBeInstanceOf(Defect);
  });

  test("holds no more than a bound of what nobody asks for", async () => {
    const stream = await connected();
    for (let at = 0; at <= 4096; at += 1) socket.say({ type: "flood" });
    expect(socket.closedWith).toBe(1000);
    for (let at = 0; at < 4096; at += 1) await stream.receive();
    expect(await fate(stream.receive())).toBeInstanceOf(Unreachable);
  });
});

test("backing off doubles the ceiling up to a limit, and starts anew after a success", () => {
  const backoff = new Backoff((_, most) => most);
  expect(Array.from({ length: 8 }, () => backoff.delay())).toEqual([0.5, 1, 2, 4, 8, 16, 30, 30]);
  for (let at = 0; at < 2000; at += 1) expect(backoff.delay()).toBe(30);
  backoff.worked();
  expect(backoff.delay()).toBe(0.5);
  expect(new Backoff((least) => least).delay()).toBe(0);
});
