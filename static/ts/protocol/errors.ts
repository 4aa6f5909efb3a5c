// The closed set of failures. Nothing else is thrown for anything that came from the outside.

export type FailureCode =
  | "malformed"
  | "unsupported"
  | "unknown_session"
  | "unknown_prekey"
  | "bad_signature"
  | "bad_key"
  | "not_listed"
  | "list_refused"
  | "identity_changed"
  | "replayed"
  | "duplicate"
  | "too_far"
  | "kem_step"
  | "undecryptable"
  | "bad_franking";

/** A failure of the protocol; `code` is its name in PROTOCOL.md (Messages) and in the vectors. */
export abstract class ProtocolError extends Error {
  readonly detail: string;

  constructor(detail = "", options?: ErrorOptions) {
    super(detail, options);
    this.name = "ProtocolError";
    this.detail = detail;
    this.message = detail === "" ? this.code : `${this.code}: ${detail}`;
  }

  abstract get code(): FailureCode;
}

/** The form is wrong: encoding, types, ranges, padding, or a content that belongs elsewhere. */
export class Malformed extends ProtocolError {
  get code() {
    return "malformed" as const;
  }
}

/** A newer version is needed to read this: keep it, acknowledge it, show "update needed". */
export class Unsupported extends ProtocolError {
  get code() {
    return "unsupported" as const;
  }
}

/** No session of that id, and nothing in the message to start one from. */
export class UnknownSession extends ProtocolError {
  get code() {
    return "unknown_session" as const;
  }
}

/** The private half of a prekey, or the pre-shared key, that a first message names is not here. */
export class UnknownPrekey extends ProtocolError {
  get code() {
    return "unknown_prekey" as const;
  }
}

/** A prekey or a proof is not signed by the key that should have signed it. */
export class BadSignature extends ProtocolError {
  get code() {
    return "bad_signature" as const;
  }
}

/** A public key is no valid point or matrix, or a prekey is rolled back, too old or too new. */
export class BadKey extends ProtocolError {
  get code() {
    return "bad_key" as const;
  }
}

/** The device is not on the account's signed device list. */
export class NotListed extends ProtocolError {
  get code() {
    return "not_listed" as const;
  }
}

/** A device list is rolled back, forked, has a gap, or is not signed as it must be. */
export class ListRefused extends ProtocolError {
  get code() {
    return "list_refused" as const;
  }
}

/** The account shows another account key; sending stops until the person has acknowledged it. */
export class IdentityChanged extends ProtocolError {
  get code() {
    return "identity_changed" as const;
  }
}

/** A first message whose ephemeral key has been used before. */
export class Replayed extends ProtocolError {
  get code() {
    return "replayed" as const;
  }
}

/** This message was read before, or its key is gone. Acknowledge it, show nothing. */
export class Duplicate extends ProtocolError {
  get code() {
    return "duplicate" as const;
  }
}

/** A counter jumps further than a receiver is willing to compute keys for. */
export class TooFar extends ProtocolError {
  get code() {
    return "too_far" as const;
  }
}

/** A new chain lacks the KEM answer that is due, or carries one that nobody asked for. */
export class KemStep extends ProtocolError {
  get code() {
    return "kem_step" as const;
  }
}

/** The authenticated encryption does not open, or a first message derives another session. */
export class Undecryptable extends ProtocolError {
  get code() {
    return "undecryptable" as const;
  }
}

/** The franking tag does not belong to the plaintext: it could not be reported, so it is not shown. */
export class BadFranking extends ProtocolError {
  get code() {
    return "bad_franking" as const;
  }
}

export const FAILURES: Readonly<Record<FailureCode, new (detail?: string) => ProtocolError>> = {
  malformed: Malformed,
  unsupported: Unsupported,
  unknown_session: UnknownSession,
  unknown_prekey: UnknownPrekey,
  bad_signature: BadSignature,
  bad_key: BadKey,
  not_listed: NotListed,
  list_refused: ListRefused,
  identity_changed: IdentityChanged,
  replayed: Replayed,
  duplicate: Duplicate,
  too_far: TooFar,
  kem_step: KemStep,
  undecryptable: Undecryptable,
  bad_franking: BadFranking,
};
