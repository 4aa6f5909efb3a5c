"""One signed operation of a group chat. An operation travels as `[payload bytes, signature]`.

PROTOCOL.md, Groups. Form is read here; whether the operation may be done is judged by `group_chain`.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import cbor, form
from .errors import Malformed
from .group_args import Args, read_args
from .ids import AccountId, ConversationId, DeviceId, GroupId
from .keys import OwnDevice
from .primitives import HASH_SIZE, SIGNATURE_SIZE, sha256, verify

NO_PREVIOUS = bytes(HASH_SIZE)  # `prev` of the first operation

_KIND = "groupop"
_LABEL = "groupop"


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
