"""Every number that delivery bounds something by, with the reason for it. What operators may turn is in settings."""

BODY_BYTES = 64 * 1024  # of one ciphertext: a long text; files travel as blobs
ENVELOPES_PER_SEND = 20  # ten devices of the recipient and nine other ones of one's own
FRAME_BYTES = 2 * 1024 * 1024  # that many envelopes of that size in base64url fit
SMALL_FRAME = 16 * 1024  # characters: a frame up to here is read whatever it holds; past it,
PARTS_PER_FRAME = 4_000  # this many commas are refused unread: a full ack frame has 3,001, and no other has more
REFUSED_UNIT = 64 * 1024  # characters of a refused frame that cost its sender a share
ACKS_PER_FRAME = 1_000
MESSAGES_PER_FRAME = 500
ID_LENGTH = 64
OPERATION_BYTES = 16 * 1024  # of a group chat's operation: create names 500 members in 9,500, beside a meta of 4,096
OPERATIONS_PER_PAGE = 100
GROUP_DEVICES = 500  # of all members together: each message is an envelope for each; those added later get none
OPEN_MEMBERS = 500  # of an open chat: each message is told to the devices of all
OPEN_TITLE = 128  # characters of an open chat's title
OPEN_BODY = 16_000  # characters of a message in an open chat
OPEN_PAGE = 50  # messages of an open chat that one answer has; 100 of the longest are some megabytes
MOST_OPEN_PAGE = 100
SEARCH_CHATS = 1_000  # that one search is in: those with the newest messages
SEARCH_LENGTH = 200  # characters of a search
SEARCH_WORDS = 16
MAX_AHEAD_MS = 24 * 3600 * 1000  # that an operation may be dated: no later one may be dated before it

WINDOW = 1_000  # envelopes that a socket may have unacknowledged: what one ack frame can take back. With 256 a fast
# recipient fell behind what one commit delivers, and read from the database what had just been in memory;
WINDOW_BYTES = 1024 * 1024  # or that many bytes of ciphertext, whichever is less
BACKLOG_FRAMES = 2_000  # answers and events that wait for a socket to be read, before it is closed (1013);
BACKLOG_SIZE = 8 * 1024 * 1024  # or that many characters: a full window is two million, an answer can be as many
READ_AHEAD_FRAMES = 200  # answers that wait for a slow reader, before its own frames are read no further;
READ_AHEAD_SIZE = 2 * 1024 * 1024  # or that many characters
ACK_BACKLOG = 4_000  # acknowledged ids of a socket on their way to the database, before it is read no further
MOST_ACK_PAUSE = 5.0  # seconds that a socket is not read for acknowledging what was not sent on it

BATCH = 2_000  # sends in one transaction: past this only the latency grows
BATCH_BYTES = 16 * 1024 * 1024  # of ciphertext in it: PostgreSQL gets them in one statement
WRITER_QUEUE = 20_000  # sends that wait for the writer; beyond it the server says that it is busy
WAITING_BYTES = (
    128 * 1024 * 1024
)  # or that much ciphertext, before facts and before the writer; as text it is there too
ACK_INTERVAL = 0.02  # seconds that acks are gathered: fifty deletes a second carry any number of acks
DRAIN_ROWS = 1_024  # envelopes that one drain query reads, for all its devices together
DRAIN_DEVICES = 64
TELL_SECONDS = 1.0  # between two words to other processes of what devices have sent here
SWEEP_SECONDS = 3.0  # between two checks of all live sessions: an ended one is off within 5 s
CACHED_FACTS = 100_000  # accounts and pairs whose facts a process remembers; about 1 KB each
CACHED_GROUP_DEVICES = 200_000  # devices in the group chats that a process remembers; about 200 bytes each
GROUP_BATCH = 10  # messages of group chats in one transaction: of 500 envelopes each, which hold up all others
WAITING_PER_DEVICE = 1_000  # sends of a device that wait for facts: a share's burst, and not the queue of all
ATTEMPTS = 4  # of a send whose facts change under it
HANDSHAKE_SECONDS = 10  # an unauthenticated socket lives no longer
