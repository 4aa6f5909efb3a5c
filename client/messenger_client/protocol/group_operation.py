"""One signed operation of a group chat. An operation travels as `[payload bytes, signature]`.

PROTOCOL.md, Groups. Form is read here; whether the operation may be done is judged by `group_chain`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import cbor, form
from .errors import Malformed, Unsupported
from .group_args import (
    Add,
    Approve,
    Args,
    CloseLink,
    Create,
    Join,
    Leave,
    Map,
    OpenLink,
    Rekey,
    Remove,
    SetMeta,
    SetRole,
)
from .ids import AccountId, ConversationId, DeviceId, GroupId
from .keys import OwnDevice
from .primitives import HASH_SIZE, SIGNATURE_SIZE, sha256, verify

NO_PREVIOUS = bytes(HASH_SIZE)  # `prev` of the first operation

_KIND = "groupop"
_LABEL = "groupop"

# Of each code: the reader, the keys that must be there, the keys that may be.
_READERS: dict[int, tuple[Callable[[Map], Args], set[int], set[int]]] = {
    Create.code: (Create.from_map, {0, 1, 2}, set()),
    Add.code: (Add.from_map, {0}, set()),
    Remove.code: (Remove.from_map, {0, 1}, set()),
    Leave.code: (Leave.from_map, set(), set()),
    SetRole.code: (SetRole.from_map, {0, 1}, set()),
    SetMeta.code: (SetMeta.from_map, {0, 1}, set()),
    OpenLink.code: (OpenLink.from_map, {0, 3}, {1, 2}),
    CloseLink.code: (CloseLink.from_map, {0}, set()),
    Join.code: (Join.from_map, {0, 1}, set()),
    Approve.code: (Approve.from_map, {0}, set()),
    Rekey.code: (Rekey.from_map, {0}, set()),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation whose form has been checked, and nothing else."""

    group: GroupId
    index: int
    previous: bytes  # hash of the operation before
    time: int  # ms
    account: AccountId  # the author
    device: DeviceId
    list_hash: bytes  # of the author's account's list
    args: Args
    payload: bytes
    signature: bytes

    @property
    def hash(self) -> bytes:
        """H(payload): gsh, once this operation is the last."""
        return sha256(self.payload)

    @property
    def signed(self) -> bytes:
        """The object as it travels."""
        return cbor.dump([self.payload, self.signature])

    def check_signature(self, signing_key: bytes) -> None:
        """Check it with the DSK of the author's device. Raises BadSignature."""
        verify(signing_key, _LABEL, self.payload, self.signature)


def sign_operation(
    own: OwnDevice, list_hash: bytes, group: GroupId, index: int, previous: bytes, args: Args, *, time: int
) -> Operation:
    """Sign an operation as this device. `group_chain.propose` is what a client calls. Raises Malformed."""
    fields = [_KIND, group, index, previous, time, own.account, own.device, list_hash, args.code, args.to_map()]
    payload = cbor.encode(fields)
    # Opened at once: what others would refuse never leaves.
    return open_operation(cbor.encode([payload, own.signing.sign(_LABEL, payload)]))


def open_operation(signed: bytes) -> Operation:
    """Read an operation. Raises Malformed, Unsupported (a code, or a key of its args, that is not known)."""
    payload_value, signature_value = form.array(cbor.decode(signed), 2)
    payload = form.any_octets(payload_value)
    signature = form.octets(signature_value, SIGNATURE_SIZE)
    kind, group, index, previous, time, account, device, list_hash, code, args = form.array(cbor.decode(payload), 10)
    if kind != _KIND:
        raise Malformed("not a group operation")
    return Operation(
        GroupId(ConversationId(form.identifier(group))),
        form.unsigned(index),
        form.octets(previous, HASH_SIZE),
        form.unsigned(time),
        AccountId(form.identifier(account)),
        DeviceId(form.identifier(device)),
        form.octets(list_hash, HASH_SIZE),
        read_args(form.unsigned(code), args),
        payload,
        signature,
    )


def read_args(code: int, value: cbor.Value) -> Args:
    """Read the args of a code. Raises Malformed, Unsupported (a code or a key that is not known)."""
    if code not in _READERS:
        raise Unsupported("operation code")
    read, required, optional = _READERS[code]
    fields = form.mapping(value)
    if not required <= fields.keys():
        raise Malformed("args")
    # Hazard: a key that some readers ignored would leave them with another group than the rest.
    if not fields.keys() <= required | optional:
        raise Unsupported("operation key")
    return read(fields)
