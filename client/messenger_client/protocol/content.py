"""Contents: what a message says, padded and franked. Refuses what was moved here from another chat.

PROTOCOL.md, Content.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import cbor, form
from .account_data import AccountData, History, HistoryEntry
from .body import Body, is_control, read_body, read_map
from .entropy import SYSTEM, Entropy
from .errors import Malformed, Unsupported
from .franking import frank
from .ids import AccountId, ConversationId, GroupId, MessageId
from .padding import pad, unpad
from .primitives import HASH_SIZE, KEY_SIZE, labelled, sha256
from .secret import Secret
from .sender_key import SenderKey

CONTENT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Heads:
    """The newest lists the sender knew, so that a withheld list shows."""

    own: bytes  # hash of the sender's account's list
    recipient: bytes | None  # of the recipient's account's list; None in a group


@dataclass(frozen=True, slots=True)
class Content:
    sent: int  # ms, by the sender's clock
    message_id: MessageId  # the client message id of the send
    conversation: ConversationId
    body: Body
    heads: Heads
    counter: int  # this sender device's messages in the conversation, from 1; control contents: 0


@dataclass(frozen=True, slots=True)
class Sealed:
    """One content, ready for every device it goes to, and for retries: store it with the send."""

    padded: Secret  # fk ‖ CBOR content, padded
    tag: bytes  # F

    def to_bytes(self) -> Secret:
        return self.padded

    @classmethod
    def from_bytes(cls, data: bytes) -> Sealed:
        """Rebuild from the stored padded content."""
        return cls(Secret(data), frank(data))


def private_conversation(account: AccountId, other: AccountId) -> ConversationId:
    """H(P‖"dm"‖00‖ lower account id ‖ higher)[:16]; the same from both sides."""
    lower, higher = sorted((account, other))
    return ConversationId(sha256(labelled("dm") + lower + higher)[:16])


def seal(content: Content, entropy: Entropy = SYSTEM) -> Sealed:
    """Encode, pad and frank a content once, for all its devices. Raises Malformed, Unsupported."""
    # PROTOCOL.md has pad(fk ‖ CBOR content): the padding counts fk in.
    padded = pad(entropy.random(KEY_SIZE) + encode_content(content))
    return Sealed(Secret(padded), frank(padded))


def read_padded(padded: bytes) -> Content:
    """Read the content of a padded plaintext, fk included. Raises Malformed, Unsupported."""
    return decode_content(unpad(padded)[KEY_SIZE:])


def read_history(
    entry: HistoryEntry, *, own: AccountId, chat: AccountId | None = None, group: GroupId | None = None
) -> Content:
    """Read a message out of the history of the chat with `chat`, or of `group`, held to what holds for a received one.

    Raises Malformed, Unsupported: skip the entry. Its device, time and state are the sharing device's word; in a
    group chat the sender is, too: members come and go.
    """
    content = read_padded(entry.padded)
    if group is not None:
        check_group_place(content, group=group)
        return content
    if chat is None or entry.account not in (own, chat) or content.conversation != private_conversation(own, chat):
        raise Malformed("conversation")
    if is_control(content.body.kind):
        raise Malformed("control content")
    return content


def encode_content(content: Content) -> bytes:
    """Encode a content. Raises Malformed, Unsupported for what a receiver would refuse: it never leaves."""
    data = cbor.encode(
        {
            0: CONTENT_VERSION,
            1: content.body.kind,
            2: content.sent,
            3: content.message_id,
            4: content.conversation,
            5: content.body.to_map(),
            6: [content.heads.own, content.heads.recipient],
            7: content.counter,
        }
    )
    decode_content(data)
    return data


def decode_content(data: bytes) -> Content:
    """Decode a content. Raises Malformed, Unsupported (an unknown version, kind, or key from 16 up)."""
    fields = read_map(cbor.decode(data))
    if form.unsigned(fields.get(0)) != CONTENT_VERSION:
        raise Unsupported("content version")
    kind = form.unsigned(fields.get(1))
    body = read_body(kind, fields.get(5))
    own, recipient = form.array(fields.get(6), 2)
    counter = form.unsigned(fields.get(7))
    _check_counter(kind, counter)
    return Content(
        form.unsigned(fields.get(2)),
        MessageId(form.identifier(fields.get(3))),
        ConversationId(form.identifier(fields.get(4))),
        body,
        Heads(form.octets(own, HASH_SIZE), None if recipient is None else form.octets(recipient, HASH_SIZE)),
        counter,
    )


def check_place(
    content: Content,
    *,
    own: AccountId,
    sender: AccountId,
    chat_with: AccountId | None = None,
    group: GroupId | None = None,
    message_id: MessageId | None = None,
) -> None:
    """Hold a content against the session it came on and against what the server says of it, or Malformed.

    `sender` is the account of the session. A copy from one of our own devices belongs to the private chat
    with `chat_with`, so the server cannot move it either; a message that is sent again out of a group chat, to
    `group`; a control content to the pair's own chat. Account data and history come from one's own devices
    alone. A sender key carries its group's id; whether it may be taken, `group_message` judges.
    """
    if message_id is not None and content.message_id != message_id:
        raise Malformed("message id")
    body, kind = content.body, content.body.kind
    if isinstance(body, SenderKey):
        if content.conversation != body.group:
            raise Malformed("conversation")
        return
    if group is not None and not is_control(kind):
        check_group_place(content, group=group, message_id=message_id)
        return
    if kind in (AccountData.kind, History.kind) and sender != own:
        raise Malformed("another account's data")
    other = sender
    if sender == own and chat_with is not None and not is_control(kind):
        other = chat_with
    if content.conversation != private_conversation(own, other):
        raise Malformed("conversation")


def check_group_place(content: Content, *, group: GroupId, message_id: MessageId | None = None) -> None:
    """Hold a content against the group chat it came in and the id the server knows it by, or Malformed."""
    if message_id is not None and content.message_id != message_id:
        raise Malformed("message id")
    if content.conversation != group:
        raise Malformed("conversation")
    if is_control(content.body.kind):
        raise Malformed("control content")
    if content.heads.recipient is not None:
        raise Malformed("a head of one recipient")


def _check_counter(kind: int, counter: int) -> None:
    if (counter == 0) != is_control(kind):
        raise Malformed("counter")
