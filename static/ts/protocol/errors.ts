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
  readonly code: FailureCode;
  readonly detail: string;

  constructor(code: FailureCode, detail: string, options?: ErrorOptions) {
    super(detail === "" ? code : `${code}: ${detail}`, options);
    this.name = "ProtocolError";
    this.code = code;
    this.detail = detail;
  }
}

function failure<Code extends FailureCode>(code: Code) {
  return class extends ProtocolError {
    declare readonly code: Code;

    constructor(detail = "", options?: ErrorOptions) {
      super(code, detail, options);
    }
  };
}

/** The form is wrong: encoding, types, ranges, padding, or a content that belongs elsewhere. */
export class Malformed extends failure("malformed") {}

/** A newer version is needed to read this: keep it, acknowledge it, show "update needed". */
export class Unsupported extends failure("unsupported") {}

/** No session of that id, and nothing in the message to start one from. */
export class UnknownSession extends failure("unknown_session") {}

/** The private half of a prekey, or the pre-shared key, that a first message names is not here. */
export class UnknownPrekey extends failure("unknown_prekey") {}

/** A prekey or a proof is not signed by the key that should have signed it. */
export class BadSignature extends failure("bad_signature") {}

/** A public key is no valid point or matrix, or a prekey is rolled back, too old or too new. */
export class BadKey extends failure("bad_key") {}

/** The device is not on the account's signed device list. */
export class NotListed extends failure("not_listed") {}

/** A device list is rolled back, forked, has a gap, or is not signed as it must be. */
export class ListRefused extends failure("list_refused") {}

/** The account shows another account key; sending stops until the person has acknowledged it. */
export class IdentityChanged extends failure("identity_changed") {}

/** A first message whose ephemeral key has been used before. */
export class Replayed extends failure("replayed") {}

/** This message was read before, or its key is gone. Acknowledge it, show nothing. */
export class Duplicate extends failure("duplicate") {}

/** A counter jumps further than a receiver is willing to compute keys for. */
export class TooFar extends failure("too_far") {}

/** A new chain lacks the KEM answer that is due, or carries one that nobody asked for. */
export class KemStep extends failure("kem_step") {}

/** The authenticated encryption does not open, or a first message derives another session. */
export class Undecryptable extends failure("undecryptable") {}

/** The franking tag does not belong to the plaintext: it could not be reported, so it is not shown. */
export class BadFranking extends failure("bad_franking") {}

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
