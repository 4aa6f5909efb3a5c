import { MessageChannel } from "node:worker_threads";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { ClientError, Unreachable } from "../lib/errors";

import { STOPPED } from "./calls";
import type { Port } from "./calls";
import type { Messenger, StartOptions } from "./messenger";
import type { Told } from "./model";
import { remote } from "./remote";
import { serve } from "./serving";

const OPTIONS: StartOptions = { account: "a", username: "sam", csrf: "c", knownDevice: "" };

let channel: MessageChannel;
let ports: [Port, Port];
let batches: number;
beforeEach(() => {
  channel = new MessageChannel();
  ports = [channel.port1, channel.port2] as unknown as [Port, Port];
  batches = 0;
});
afterEach(() => {
  channel.port1.close();
  channel.port2.close();
});

/** A messenger of which a test fills in what it needs. */
function messenger(parts: Partial<Messenger>): Messenger & { tell: (told: Told) => void } {
  const hearing = new Set<(told: Told) => void>();
  return {
    ...parts,
    listen: (hear: (told: Told) => void) => {
      hearing.add(hear);
      return () => hearing.delete(hear);
    },
    tell: (told: Told) => {
      for (const hear of hearing) hear(told);
    },
  } as Messenger & { tell: (told: Told) => void };
}

function connect(parts: Partial<Messenger>): {
  page: Messenger;
  local: ReturnType<typeof messenger>;
  failPage: () => void;
  failWorker: () => void;
  told: Told[];
} {
  const local = messenger(parts);
  const [pagePort, workerPort] = ports;
  const post = workerPort.postMessage.bind(workerPort);
  workerPort.postMessage = (message) => {
    if (typeof message === "object" && message !== null && "told" in message) batches += 1;
    post(message);
  };
  const { messenger: page, fail: failPage } = remote(pagePort);
  const { fail: failWorker } = serve(workerPort, local);
  const told: Told[] = [];
  page.listen((one) => {
    told.push(one);
  });
  return { page, local, failPage, failWorker, told };
}

const typing = (on: boolean): Told => ({ type: "typing", chat: "c", account: "a", name: "bob", on });
const soon = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 30));

describe("calls", () => {
  test("take their values over, and bring theirs back", async () => {
    const { page } = connect({
      lines: (...values: unknown[]) => Promise.resolve(values as never),
      safetyNumber: () => Promise.resolve({ digits: "1", scannable: Uint8Array.of(1, 2), key: Uint8Array.of(3) }),
      look: () => Promise.resolve(),
    });
    expect(await page.lines("chat", null, 7)).toEqual(["chat", null, 7]);
    expect((await page.safetyNumber("a")).scannable).toEqual(Uint8Array.of(1, 2));
    await expect(page.look(null)).resolves.toBeUndefined();
  });

  test("are answered as they are done, not as they were asked", async () => {
    let finish = (): void => undefined;
    const { page } = connect({
      chats: () => new Promise((resolve) => (finish = () => resolve([]))),
      reconnect: () => Promise.resolve(),
    });
    const order: string[] = [];
    const first = page.chats().then(() => order.push("chats"));
    await page.reconnect().then(() => order.push("reconnect"));
    finish();
    await first;
    expect(order).toEqual(["reconnect", "chats"]);
  });

  test("that fail say why, in a sentence and with a code", async () => {
    const { page } = connect({
      find: () => Promise.reject(new Unreachable("The server cannot be reached.", "draining")),
      block: () => Promise.reject(new TypeError("x of undefined")),
      accept: () => {
        throw new RangeError("at once");
      },
    });
    const error: unknown = await page.find("al").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({ code: "draining", message: "The server cannot be reached." });
    await expect(page.block("a")).rejects.toMatchObject({ code: "defect" });
    await expect(page.accept("a")).rejects.toMatchObject({ code: "defect" });
    await expect(page.block("a")).rejects.not.toThrow("undefined");
  });

  test("made before the Worker has run wait for it", async () => {
    const [pagePort, workerPort] = ports;
    const { messenger: page } = remote(pagePort);
    const early = page.start(OPTIONS);
    await soon();
    serve(workerPort, messenger({ start: ({ username }) => Promise.resolve({ state: "failed", why: username }) }));
    expect(await early).toEqual({ state: "failed", why: "sam" });
  });

  test("one that fails before its first word is begun once more, with what was asked meanwhile", async () => {
    const dead: Port = { postMessage: () => undefined, onmessage: null, onmessageerror: null };
    const [pagePort, workerPort] = ports;
    let begun = 0;
    const again = (): Port => {
      begun += 1;
      return begun === 1 ? pagePort : dead;
    };
    const { messenger: page, fail } = remote(dead, undefined, again);
    const asked = page.chats();
    fail();
    serve(workerPort, messenger({ chats: () => Promise.resolve([]) }));
    expect(await asked).toEqual([]);
    fail(); // it has spoken: this is the end
    await expect(page.chats()).rejects.toThrow(STOPPED);
    expect(begun).toBe(1);
  });

  test("come after what the page does first", async () => {
    const order: string[] = [];
    const [pagePort, workerPort] = ports;
    const { messenger: page } = remote(pagePort, () => Promise.resolve(void order.push("persist")));
    const start = (): Promise<{ state: "signed_out" }> => {
      order.push("start");
      return Promise.resolve({ state: "signed_out" });
    };
    serve(workerPort, messenger({ start }));
    await page.start(OPTIONS);
    expect(order).toEqual(["persist", "start"]);
  });
});

describe("what is told", () => {
  test("comes in order and in batches", async () => {
    const { local, told } = connect({});
    for (let at = 0; at < 1000; at += 1) local.tell(typing(at % 2 === 0));
    await soon();
    expect(told).toHaveLength(1000);
    expect(told[999]).toEqual(typing(false));
    expect(batches).toBe(1);
  });

  test("before an answer arrives before it", async () => {
    const { page, local, told } = connect({
      reconnect: () => {
        local.tell(typing(true));
        return Promise.resolve();
      },
    });
    await page.reconnect();
    expect(told).toEqual([typing(true)]);
  });

  test("is heard by all who listen, for as long as they do", async () => {
    const { page, local, told } = connect({});
    const stop = page.listen(() => {
      stop();
    });
    local.tell(typing(true));
    await soon();
    expect(told).toHaveLength(1);
  });
});

describe("an error that nobody foresaw", () => {
  const ENDED: Told = { type: "ended", why: "failed", text: STOPPED };

  test("in the Worker ends all calls, visibly", async () => {
    const { page, failWorker, told } = connect({ chats: () => new Promise(() => undefined) });
    const waiting = page.chats();
    failWorker();
    await expect(waiting).rejects.toMatchObject({ code: "failed", message: STOPPED });
    expect(told).toEqual([ENDED]);
    await expect(page.reconnect()).rejects.toMatchObject({ code: "failed" });
  });

  test("of the Worker itself does, too, and once", async () => {
    const { page, failPage, told } = connect({ chats: () => new Promise(() => undefined) });
    const waiting = page.chats();
    failPage();
    failPage();
    await expect(waiting).rejects.toMatchObject({ code: "failed" });
    expect(told).toEqual([ENDED]);
  });

  test.each([{ call: 1, name: "listen", values: [] }, { call: 1, name: "constructor", values: [] }, { call: 1 }, null])(
    "a message %o that is no call is one",
    async (message) => {
      const { told } = connect({});
      ports[0].postMessage(message);
      await soon();
      expect(told).toEqual([ENDED]);
    },
  );
});
