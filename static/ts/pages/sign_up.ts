// The sign-up page while somebody types: whether the username is free, and how long the password still has to be.
// Without this script the form says the same after it was sent.

const PAUSE = 350; // ms without a key before the server is asked

/** What stands below a field: `good` and `bad` are sentences, either may be empty. */
export interface Verdict {
  readonly good: string;
  readonly bad: string;
}

const NOTHING: Verdict = { good: "", bad: "" };

/** `words` come from the page, in its language; "#" is the number. */
export function passwordVerdict(password: string, least: number, words: { one: string; other: string }): Verdict {
  const missing = least - Array.from(password).length; // characters, as the server counts them
  if (password === "" || missing <= 0) return NOTHING;
  return { good: (missing === 1 ? words.one : words.other).replace("#", String(missing)), bad: "" };
}

/** Asks at most one question at a time for what is in the field; an answer to older text counts no more. */
export class UsernameCheck {
  readonly #ask: (username: string) => Promise<readonly string[] | null>;
  readonly #free: string;
  #current = "";

  constructor(ask: (username: string) => Promise<readonly string[] | null>, free: string) {
    this.#ask = ask;
    this.#free = free;
  }

  /** The verdict, or null when the field says something else by now. */
  async check(username: string): Promise<Verdict | null> {
    this.#current = username;
    if (username.trim() === "") return NOTHING;
    const errors = await this.#ask(username);
    if (this.#current !== username) return null;
    if (errors === null) return NOTHING; // no answer: the form will tell
    return errors.length > 0 ? { good: "", bad: errors.join(" ") } : { good: this.#free, bad: "" };
  }
}

function note(field: HTMLInputElement): HTMLElement {
  const found = field.form?.querySelector<HTMLElement>(`#${field.id}_live`);
  if (found) return found;
  const made = document.createElement("p");
  made.id = `${field.id}_live`;
  made.className = "field-live";
  made.setAttribute("role", "status");
  field.after(made);
  const described = field.getAttribute("aria-describedby");
  field.setAttribute("aria-describedby", described === null ? made.id : `${made.id} ${described}`);
  return made;
}

function show(field: HTMLInputElement, verdict: Verdict): void {
  const place = note(field);
  place.textContent = verdict.bad || verdict.good;
  place.dataset["verdict"] = verdict.bad ? "bad" : verdict.good ? "good" : "";
  if (verdict.bad) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

async function askServer(address: string, csrf: string, username: string): Promise<readonly string[] | null> {
  try {
    const body = new URLSearchParams({ username, csrfmiddlewaretoken: csrf });
    const answer = await fetch(address, { method: "POST", body });
    if (!answer.ok) return null;
    const found = (await answer.json()) as { errors?: unknown };
    return Array.isArray(found.errors) ? found.errors.filter((one) => typeof one === "string") : null;
  } catch {
    return null;
  }
}

export function watch(form: HTMLFormElement): void {
  const { check = "", free = "", one = "", other = "", least = "" } = form.dataset;
  const csrf = form.querySelector<HTMLInputElement>("[name=csrfmiddlewaretoken]")?.value ?? "";
  const username = form.querySelector<HTMLInputElement>("[name=username]");
  const password = form.querySelector<HTMLInputElement>("[name=password1]");
  const checking = new UsernameCheck((name) => askServer(check, csrf, name), free);
  for (const field of [username, password]) if (field) note(field);
  let timer = 0;
  username?.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      void checking.check(username.value).then((verdict) => {
        if (verdict) show(username, verdict);
      });
    }, PAUSE);
  });
  // Signing up changes the CSRF token: a question that came after it would be refused.
  form.addEventListener("submit", () => clearTimeout(timer));
  password?.addEventListener("input", () =>
    show(password, passwordVerdict(password.value, Number(least), { one, other })),
  );
}

if (typeof document !== "undefined") {
  const form = document.querySelector<HTMLFormElement>("form[data-check]");
  if (form) watch(form);
}
