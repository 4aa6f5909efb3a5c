// Time as the states see it: given by the page, so that tests hold the hands.

export interface Clock {
  now(): number;
  /** Call once after `ms`; returns how to take it back. */
  after(ms: number, call: () => void): () => void;
}

export const PAGE_CLOCK: Clock = {
  now: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};
