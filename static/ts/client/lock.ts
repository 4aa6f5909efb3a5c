// One tab at a time: whoever holds an account's Web Lock has its store open. The browser frees it with the tab.
import type { Clock } from "../lib/clock";

/** The part of navigator.locks that is used. */
export interface Locks {
  request(name: string, options: LockOptions, work: (lock: object | null) => Promise<void> | null): Promise<unknown>;
}

/** The part of BroadcastChannel that is used. */
export interface Channel {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

export interface Surroundings {
  readonly locks: Locks;
  readonly openChannel: (name: string) => Channel;
  readonly clock: Clock;
}

export interface LockWish {
  /** Make the tab that has the lock let go. */
  readonly steal: boolean;
  /** Another tab takes over: once this has resolved, the store is closed and the lock may go. */
  readonly lost: () => Promise<void>;
}

/** A lock that is held. */
export interface Held {
  release(): void;
}

const PATIENCE = 2; // seconds for the other tab to close its store, or for what is left of one to go
const LET_GO = "let_go";
const WHO_IS_THERE = "who_is_there";
const HERE = "here";

/** Take an account's lock; null when another tab has it and is not to lose it. */
export async function takeLock(around: Surroundings, account: string, wish: LockWish): Promise<Held | null> {
  const name = `messenger/${account}`;
  const free = await request(around.locks, name, { ifAvailable: true });
  if (free !== null) return keep(around, name, free, wish);
  // A page that was left or reloaded a moment ago may hold it still, but answers no more: that one is waited for.
  const granted = await ask(around, name, wish.steal ? LET_GO : WHO_IS_THERE);
  if (granted !== null) return keep(around, name, granted, wish);
  return wish.steal ? keep(around, name, await seize(around.locks, name), wish) : null;
}

interface Granted {
  readonly release: () => void;
  /** Resolves to true when another tab has taken the lock by force, to false when it was released. */
  readonly stolen: Promise<boolean>;
}

/** Wait in line for as long as a holder may take to let go, or until it says that it stays. */
async function ask(around: Surroundings, name: string, question: string): Promise<Granted | null> {
  const enough = new AbortController();
  const waiting = request(around.locks, name, { signal: enough.signal });
  const channel = around.openChannel(name);
  channel.onmessage = (event: MessageEvent<unknown>) => {
    if (event.data === HERE && question === WHO_IS_THERE) enough.abort();
  };
  channel.postMessage(question);
  const done = new AbortController();
  void around.clock.sleep(PATIENCE, done.signal).then(() => enough.abort());
  try {
    return await waiting;
  } finally {
    done.abort();
    channel.close();
  }
}

/** The holder does not answer: its tab may be frozen. It hears of it when it goes on. */
async function seize(locks: Locks, name: string): Promise<Granted> {
  const granted = await request(locks, name, { steal: true });
  if (granted === null) throw new Error("The browser gave no lock.");
  return granted;
}

/** Resolves once the lock is held; to null when it is not to be had. */
function request(locks: Locks, name: string, options: LockOptions): Promise<Granted | null> {
  return new Promise((resolve, reject) => {
    let isHeld = false;
    let end: (stolen: boolean) => void = () => undefined;
    const stolen = new Promise<boolean>((settle) => (end = settle));
    const work = (lock: object | null): Promise<void> | null => {
      isHeld = lock !== null;
      if (isHeld) return new Promise((release) => resolve({ release, stolen }));
      resolve(null);
      return null;
    };
    locks.request(name, options, work).then(
      () => end(false),
      (error: unknown) => {
        if (isHeld) end(true);
        else if (options.signal?.aborted === true) resolve(null);
        else reject(error instanceof Error ? error : new Error("The browser gave no lock."));
      },
    );
  });
}

/** Hold the lock until it is released, asked for, or taken. */
function keep(around: Surroundings, name: string, granted: Granted, { lost }: LockWish): Held {
  const channel = around.openChannel(name);
  let isOver = false;
  const end = (): void => {
    isOver = true;
    channel.close();
    granted.release();
  };
  const lose = (): void => {
    if (isOver) return;
    isOver = true;
    void lost().finally(end);
  };
  channel.onmessage = (event: MessageEvent<unknown>) => {
    if (event.data === LET_GO) lose();
    else if (event.data === WHO_IS_THERE && !isOver) channel.postMessage(HERE);
  };
  void granted.stolen.then((stolen) => stolen && lose());
  return { release: () => !isOver && end() };
}
