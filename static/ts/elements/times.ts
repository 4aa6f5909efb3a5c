// Dates, times and numbers as the page's language writes them.

export interface Times {
  /** 14:05, or 2:05 PM */
  time(at: number): string;
  /** Today, Yesterday, Tuesday, 3 March, 3 March 2025: what a divider says. */
  day(at: number, now: number): string;
  /** The shortest that says when: a time today, a weekday this week, a date before. */
  brief(at: number, now: number): string;
  /** To the second, and with the date unless it is today. */
  exact(at: number, now: number): string;
  /** Everything, to the second. */
  full(at: number): string;
  number(value: number): string;
  percent(value: number): string;
}

const DAY = 86_400_000;

export function timesOf(language: string): Times {
  const time = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });
  const weekday = new Intl.DateTimeFormat(language, { weekday: "long" });
  const shortWeekday = new Intl.DateTimeFormat(language, { weekday: "short" });
  const date = new Intl.DateTimeFormat(language, { day: "numeric", month: "long" });
  const dateOfYear = new Intl.DateTimeFormat(language, { day: "numeric", month: "long", year: "numeric" });
  const short = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
  const shortOfYear = new Intl.DateTimeFormat(language, { day: "2-digit", month: "2-digit", year: "2-digit" });
  const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  const second = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const number = new Intl.NumberFormat(language);
  const percent = new Intl.NumberFormat(language, { style: "percent" });
  return {
    time: (at) => time.format(at),
    day(at, now) {
      const ago = daysBetween(at, now);
      if (ago === 0 || ago === 1) return capital(relative.format(-ago, "day"));
      if (ago > 1 && ago < 7) return weekday.format(at);
      return sameYear(at, now) ? date.format(at) : dateOfYear.format(at);
    },
    brief(at, now) {
      const ago = daysBetween(at, now);
      if (ago <= 0) return time.format(at);
      if (ago < 7) return shortWeekday.format(at);
      return sameYear(at, now) ? short.format(at) : shortOfYear.format(at);
    },
    exact: (at, now) => (daysBetween(at, now) === 0 ? second : full).format(at),
    full: (at) => full.format(at),
    number: (value) => number.format(value),
    percent: (value) => percent.format(value),
  };
}

/** Midnights between two times, where the person is. */
function daysBetween(at: number, now: number): number {
  return Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / DAY);
}

function sameYear(at: number, now: number): boolean {
  return new Date(at).getFullYear() === new Date(now).getFullYear();
}

function capital(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
