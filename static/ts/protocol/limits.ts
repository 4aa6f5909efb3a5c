// Every number the protocol bounds something by, with the reason for it.

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

// Encoding
export const MAX_ENCODED = 1 << 20; // one decode never costs more than reading a megabyte
export const MAX_DEPTH = 16; // our deepest object needs 5; a parser's stack never sees more than 16
export const MAX_INTEGER = Number.MAX_SAFE_INTEGER; // 2^53 - 1, the largest that a number holds exactly

// Padding
export const MIN_PADDED = 256; // a "yes" and a sentence have one length

// Device list
export const MAX_DEVICES = 10; // bounds the fan-out of a send

// Prekeys
export const ONE_TIME_TARGET = 100; // of each kind on the server
export const ONE_TIME_REFILL = 25; // refill under this many
export const SIGNED_PREKEY_PERIOD = 7 * DAY; // a new signed prekey and last-resort key every week
// A sender refuses older ones: whoever stole the private half reads first messages.
export const PREKEY_MAX_AGE = 90 * DAY;
export const PREKEY_MAX_AHEAD = 24 * HOUR; // room for wrong clocks, not for a key that never ages
export const PREKEY_GRACE = 31 * DAY; // the server keeps an undelivered message for 30 days
export const PREKEY_RETENTION = PREKEY_MAX_AGE + PREKEY_GRACE;

// Account data and history
// Bytes of contacts or messages in one content: padded, a server takes it (64 KiB a body).
export const MAX_SHARED = 61_000;

// Ratchet
export const MAX_JUMP = 2_000; // keys that one message may make a receiver compute, on either chain
export const MAX_SKIPPED = 2_000; // message keys stored for late messages, a session
export const MAX_OLD_CHAINS = 2_000; // finished receiving chains whose late messages are known as duplicates
export const SKIPPED_MAX_AGE = 30 * DAY; // nothing is delivered later than that
export const KEM_MESSAGES = 50; // a chain carries a new KEM key once that many were sent since the last one,
export const KEM_PERIOD = 24 * HOUR; // or after a day: healing against a quantum adversary has a bounded delay

// Sessions
export const MAX_SESSIONS = 5; // of one device pair: both may start at once, and start again after a loss
export const UNANSWERED_MAX_AGE = 30 * DAY; // its first message has expired on the server

// Group chats
export const MAX_ROSTER = 500; // accounts in a group chat and waiting, together: above it sender keys cost too much
export const MAX_GROUP_DEVICES = 500; // that get a sender's chain; those added to their lists last are left out
export const MAX_LINKS = 20; // of a group chat at a time: every reader of the chain keeps them
export const MAX_META = 4_096; // bytes of a sealed meta: every change of it stays on the server
export const CHAIN_MESSAGES = 500; // a sender makes a new chain after that many messages,
export const CHAIN_PERIOD = 7 * DAY; // or after that long: sender keys heal by nothing else
export const MAX_CHAINS = 5; // of one device in a group chat: late messages of chains before are asked for again
export const CHAIN_RETENTION = CHAIN_PERIOD + SKIPPED_MAX_AGE;

// Device proof
export const MIN_NONCE = 16; // a server nonce shorter than that could repeat
export const MAX_NONCE = 64;
