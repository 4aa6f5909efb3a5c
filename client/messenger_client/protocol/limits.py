"""Every number the protocol bounds something by, with the reason for it."""

from __future__ import annotations

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# Encoding
MAX_ENCODED = 1 << 20  # one decode never costs more than reading a megabyte
MAX_DEPTH = 16  # our deepest object needs 5; a parser's stack never sees more than 16
MAX_INTEGER = 2**53 - 1  # the largest that a JavaScript number holds exactly

# Padding
MIN_PADDED = 256  # a "yes" and a sentence have one length

# Device list
MAX_DEVICES = 10  # bounds the fan-out of a send

# Prekeys
ONE_TIME_TARGET = 100  # of each kind on the server
ONE_TIME_REFILL = 25  # refill under this many
SIGNED_PREKEY_PERIOD = 7 * DAY  # a new signed prekey and last-resort key every week
PREKEY_MAX_AGE = 90 * DAY  # a sender refuses older ones: whoever stole its private half reads first messages
PREKEY_MAX_AHEAD = 24 * HOUR  # room for wrong clocks, not for a key that never ages
PREKEY_GRACE = 31 * DAY  # the server keeps an undelivered message for 30 days
PREKEY_RETENTION = PREKEY_MAX_AGE + PREKEY_GRACE

# Account data and history
MAX_SHARED = 61_000  # bytes of contacts or messages in one content: padded, a server takes it (64 KiB a body)

# Ratchet
MAX_JUMP = 2_000  # keys that one message may make a receiver compute, on either chain
MAX_SKIPPED = 2_000  # message keys stored for late messages, a session
MAX_OLD_CHAINS = 2_000  # finished receiving chains whose late messages are known as duplicates
SKIPPED_MAX_AGE = 30 * DAY  # nothing is delivered later than that
KEM_MESSAGES = 50  # a chain carries a new KEM key once that many were sent since the last one,
KEM_PERIOD = 24 * HOUR  # or after a day: healing against a quantum adversary has a bounded delay

# Sessions
MAX_SESSIONS = 5  # of one device pair: both may start at once, and start again after a loss
UNANSWERED_MAX_AGE = 30 * DAY  # its first message has expired on the server

# Group chats
MAX_ROSTER = 500  # accounts in a group chat and waiting, together: above it sender keys cost too much
MAX_GROUP_DEVICES = 500  # that get a sender's chain; those added to their lists last are left out
MAX_LINKS = 20  # of a group chat at a time: every reader of the chain keeps them
MAX_META = 4_096  # bytes of a sealed meta: every change of it stays on the server
CHAIN_MESSAGES = 500  # a sender makes a new chain after that many messages,
CHAIN_PERIOD = 7 * DAY  # or after that long: sender keys heal by nothing else
MAX_CHAINS = 5  # of one device in a group chat: late messages of chains before are asked for again
CHAIN_RETENTION = CHAIN_PERIOD + SKIPPED_MAX_AGE

# Device proof
MIN_NONCE = 16  # a server nonce shorter than that could repeat
MAX_NONCE = 64
