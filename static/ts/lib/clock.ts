// Time, passed in: tests let it run as they need.

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Wait; ends early, without an error, when `until` is aborted. */
  sleep(seconds: number, until?: AbortSignal): Promise<void>;
}

const LONGEST = 0x7fff_ffff; // ms; a longer timer would fire at once

/** The machine's clock. */
export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  sleep: (seconds, until) =>
    new Promise((resolve) => {
      if (until?.aborted === true) {
        resolve();
        return;
      }
      const finish = (): void => {
        clearTimeout(timer);
        until?.removeEventListener("abort", finish);
        resolve();
      };
      const timer = setTimeout(finish, Math.min(Math.max(0, seconds * 1000), LONGEST));
      until?.addEventListener("abort", finish);
    }),
};
