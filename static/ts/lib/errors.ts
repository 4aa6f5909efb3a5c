// What can go wrong for whoever uses the client. Each message is one sentence that a person can act on.

/** The base of all of them; `code` is stable, the text is for people. */
export class ClientError extends Error {
  readonly code: string;

  constructor(sentence: string, code = "failed") {
    super(sentence);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The call makes no sense as it stands: nothing was tried. */
export class WrongUse extends ClientError {
  constructor(sentence: string, code = "wrong_use") {
    super(sentence, code);
  }
}

/** No session, or it ended: sign in (again). */
export class SignInNeeded extends ClientError {
  constructor(sentence: string, code = "sign_in_needed") {
    super(sentence, code);
  }
}

/** The account has devices already, and this one is not among them. */
export class LinkingNeeded extends SignInNeeded {
  readonly reset: boolean; // it was one, of an identity that is no more

  constructor(sentence: string, reset = false) {
    super(sentence, "linking_needed");
    this.reset = reset;
  }
}

/** The server does not answer, or cannot just now. Trying again later may help. */
export class Unreachable extends ClientError {
  readonly retryAfter: number | null; // seconds

  constructor(sentence: string, code = "unreachable", retryAfter: number | null = null) {
    super(sentence, code);
    this.retryAfter = retryAfter;
  }
}

/** The server understood and said no; `code` is the server's, `problem` all that it said. */
export class Refused extends ClientError {
  readonly status: number;
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(sentence: string, code: string, status = 0, problem: Readonly<Record<string, unknown>> = {}) {
    super(sentence, code);
    this.status = status;
    this.problem = problem;
  }
}

/** No account of that name, or one that nobody can write to yet. */
export class UnknownPerson extends ClientError {
  constructor(sentence: string) {
    super(sentence, "not_found");
  }
}

/** The server showed keys of an account that contradict what it showed before. */
export class KeysRefused extends ClientError {
  constructor(sentence: string) {
    super(sentence, "list_refused");
  }
}

/** An account shows another account key. Nothing is sent until the person has acknowledged it. */
export class IdentityHasChanged extends ClientError {
  constructor(sentence: string) {
    super(sentence, "identity_changed");
  }
}

/** Another connection or tab of this device took over; this one stays away. */
export class TakenOver extends ClientError {
  constructor(sentence: string) {
    super(sentence, "taken_over");
  }
}

/** The store cannot be read: a wrong key, damage, or files of a newer version. */
export class StoreError extends ClientError {
  constructor(sentence: string, code = "store") {
    super(sentence, code);
  }
}

/** The client or the server breaks the contract between them. */
export class Defect extends ClientError {
  constructor(sentence: string) {
    super(sentence, "defect");
  }
}
