import { describe, expect, test } from "vitest";

import type { Clock } from "../lib/clock";

import { takeLock } from "./lock";
import type { Channel, Held, Locks, Surroundings } from "./lock";

interface Request {
  readonly work: (lock: object | null) => Promise<void> | null;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What all tabs of a browser share. A tab that is frozen hears nothing. */
class Browser {
  readonly log: string[] = [];
  readonly #held = new Map<string, Request>();
  readonly #lines = new Map<string, Request[]>();
  readonly #channels = new Set<Channel & { readonly name: string; readonly tab: Tab }>();

  tab(name: string): Tab {
    return new Tab(this, name);
  }

  request(name: string, options: LockOptions, work: Request["work"]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const request = { work, resolve, reject };
      const holder = this.#held.get(name);
      if (options.steal === true) {
        this.#held.delete(name);
        holder?.reject(new DOMException("stolen", "AbortError"));
        this.#grant(name, request);
      } else if (holder === undefined) this.#grant(name, request);
      else if (options.ifAvailable === true) resolve(work(null));
      else {
        const line = this.#lines.get(name) ?? [];
        this.#lines.set(name, [...line, request]);
        options.signal?.addEventListener("abort", () => {
          this.#lines.set(name, (this.#lines.get(name) ?? []).filter((one) => one !== request));
          reject(new DOMException("aborted", "AbortError"));
        });
      }
    });
  }

  #grant(name: string, request: Request): void {
    this.#held.set(name, request);
    void request.work({})?.then(() => {
      if (this.#held.get(name) !== request) return;
      this.#held.delete(name);
      request.resolve(undefined);
      const [next, ...rest] = this.#lines.get(name) ?? [];
      this.#lines.set(name, rest);
      if (next !== undefined) this.#grant(name, next);
    });
  }

  openChannel(name: string, tab: Tab): Channel {
    const channel: Channel & { readonly name: string; readonly tab: Tab } = {
      name,
      tab,
      onmessage: null,
      postMessage: (data) => {
        for (const other of [...this.#channels]) {
          if (other.name !== name || other === channel || other.tab.frozen) continue;
          queueMicrotask(() => other.onmessage?.({ data } as MessageEvent));
        }
      },
      close: () => void this.#channels.delete(channel),
    };
    this.#channels.add(channel);
    return channel;
  }

  get openChannels(): number {
    return this.#channels.size;
  }
}

class Tab {
  frozen = false;
  readonly #browser: Browser;
  readonly #name: string;
  readonly #sleeping: (() => void)[] = [];

  constructor(browser: Browser, name: string) {
    this.#browser = browser;
    this.#name = name;
  }

  wake(): void {
    for (const wake of this.#sleeping.splice(0)) wake();
  }

  take(steal = false, closing: Promise<void> = Promise.resolve()): Promise<Held | null> {
    const clock: Clock = { now: () => 0, sleep: () => new Promise((resolve) => this.#sleeping.push(resolve)) };
    const around: Surroundings = {
      locks: this.#browser satisfies Locks,
      openChannel: (name) => this.#browser.openChannel(name, this),
      clock,
    };
    const lost = async (): Promise<void> => {
      this.#browser.log.push(`${this.#name} loses`);
      await closing;
      this.#browser.log.push(`${this.#name} has closed`);
    };
    return takeLock(around, "account", { steal, lost }).then((held) => {
      this.#browser.log.push(`${this.#name} ${held === null ? "has none" : "holds"}`);
      return held;
    });
  }
}

const settle = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 0));

describe("the lock of an account", () => {
  test("is waited for where the page that holds it is going, as in a reload", async () => {
    const browser = new Browser();
    const gone = browser.tab("gone");
    const held = await gone.take();
    gone.frozen = true; // nothing of it runs any more, and the browser has not noticed yet
    const reloaded = browser.tab("reloaded").take();
    await settle();
    expect(browser.log).toEqual(["gone holds"]);
    held?.release();
    expect(await reloaded).not.toBeNull();
    expect(browser.log).toEqual(["gone holds", "reloaded holds"]);
    expect(browser.openChannels).toBe(1);
  });

  test("is not waited for where the tab that holds it says so, and for long only where it is silent", async () => {
    const browser = new Browser();
    const first = browser.tab("first");
    await first.take();
    expect(await browser.tab("second").take()).toBeNull();
    first.frozen = true;
    const third = browser.tab("third");
    const taking = third.take();
    await settle();
    third.wake(); // two seconds later
    expect(await taking).toBeNull();
    expect(browser.log).toEqual(["first holds", "second has none", "third has none"]);
  });

  test("goes to the tab that asks for it, whatever the holder says to a third one", async () => {
    const browser = new Browser();
    let close = (): void => undefined;
    await browser.tab("first").take(false, new Promise((resolve) => (close = resolve)));
    const third = browser.tab("third");
    const [asking, taking] = [third.take(), browser.tab("second").take(true)];
    await settle();
    expect(browser.log.toSorted()).toEqual(["first holds", "first loses", "third has none"]);
    close();
    expect(await taking).not.toBeNull();
    expect(await asking).toBeNull();
  });

  test("is one tab's, until it is released", async () => {
    const browser = new Browser();
    const held = await browser.tab("first").take();
    expect(await browser.tab("second").take()).toBeNull();
    held?.release();
    held?.release();
    await settle();
    expect(await browser.tab("third").take()).not.toBeNull();
    expect(browser.log).toEqual(["first holds", "second has none", "third holds"]);
  });

  test("goes to a tab that asks for it, once the first has closed its store", async () => {
    const browser = new Browser();
    let close = (): void => undefined;
    await browser.tab("first").take(false, new Promise((resolve) => (close = resolve)));
    const second = browser.tab("second").take(true);
    await settle();
    expect(browser.log).toEqual(["first holds", "first loses"]);
    close();
    expect(await second).not.toBeNull();
    expect(browser.log).toEqual(["first holds", "first loses", "first has closed", "second holds"]);
    expect(browser.openChannels).toBe(1);
  });

  test("is taken from a tab that does not answer, which learns of it later", async () => {
    const browser = new Browser();
    const first = browser.tab("first");
    const held = await first.take();
    first.frozen = true;
    const taker = browser.tab("second");
    const second = taker.take(true);
    await settle();
    expect(browser.log).toEqual(["first holds"]);
    taker.wake(); // two seconds later
    expect(await second).not.toBeNull();
    await settle();
    expect(browser.log).toContain("first has closed");
    held?.release();
    expect(await browser.tab("third").take()).toBeNull();
  });

  test("that is free is simply taken", async () => {
    const browser = new Browser();
    expect(await browser.tab("first").take(true)).not.toBeNull();
    expect(browser.log).toEqual(["first holds"]);
  });

  test("of which two tabs want to have it ends with one", async () => {
    const browser = new Browser();
    await browser.tab("first").take();
    const [second, third] = [browser.tab("second"), browser.tab("third")];
    const both = Promise.all([second.take(true), third.take(true)]);
    await settle();
    second.wake();
    third.wake();
    await both;
    await settle();
    expect(await browser.tab("fourth").take()).toBeNull();
    expect(browser.log.filter((line) => line.endsWith("loses")).sort()).toEqual(["first loses", "second loses"]);
  });

  test("is lost once", async () => {
    const browser = new Browser();
    await browser.tab("first").take();
    const second = await browser.tab("second").take(true);
    await settle();
    second?.release();
    await browser.tab("third").take(true);
    await settle();
    expect(browser.log.filter((line) => line === "first loses")).toHaveLength(1);
    expect(browser.log).not.toContain("second loses");
  });
});
