"""An invite link to a group chat: the secret that lets somebody join, and which group it is.

PROTOCOL.md, Groups. The code stands in the link's fragment, which no server is sent. It names the chain up to the
operation that opened the link, so that a server cannot show whoever comes by it a group of its own making.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from . import base32, cbor, form
from .entropy import SYSTEM, Entropy
from .errors import ListRefused, Malformed
from .group_args import Join
from .group_chain import Lookup, apply
from .group_state import GroupState
from .ids import AccountId, ConversationId, GroupId
from .primitives import HASH_SIZE, KEY_SIZE, SigningKey
from .secret import Secret

CODE_SIZE = 91  # bytes of the encoded code: 146 characters, two bits left over
_KIND = "join"


@dataclass(frozen=True, slots=True)
class GroupLink:
    """What stands in a link's fragment."""

    group: GroupId
    key: SigningKey  # the link's secret; its public half stands in the operation
    gsh: bytes  # hash of the operation that opened the link

    def to_text(self) -> str:
        """Write the code as its 146 characters. Hazard: whoever has them may join."""
        return base32.encode(self.to_bytes())

    @classmethod
    def from_text(cls, text: str) -> GroupLink:
        """Read what was opened, scanned or pasted. Raises Malformed."""
        return cls.from_bytes(base32.decode(text, CODE_SIZE))

    def to_bytes(self) -> Secret:
        """CBOR["join", gid, seed, gsh]."""
        return Secret(cbor.encode([_KIND, self.group, bytes(self.key.seed), self.gsh]))

    @classmethod
    def from_bytes(cls, data: bytes) -> GroupLink:
        kind, group, seed, gsh = form.array(cbor.decode(bytes(data)), 4)
        if kind != _KIND:
            raise Malformed("not a group link")
        return cls(
            GroupId(ConversationId(form.identifier(group))),
            SigningKey.from_seed(form.octets(seed, KEY_SIZE)),
            form.octets(gsh, HASH_SIZE),
        )

    def join(self, account: AccountId) -> Join:
        """Sign for that account: the args of its operation, and what shows a server that it may read the chain."""
        return Join.by(self.key, self.group, account)

    def follow(self, objects: Iterable[bytes], lookup: Lookup) -> GroupState:
        """Hold all the operations of the group, from the first one on, against the link.

        Raises what `group_chain.apply` raises; ListRefused too when they are not the chain that the link names.
        """
        state, is_named = None, False
        for signed in objects:
            state = apply(state, signed, lookup)
            is_named = is_named or state.hash == self.gsh
        if state is None or state.group != self.group or not is_named:
            raise ListRefused("not the group of the link")
        return state


def new_link_key(entropy: Entropy = SYSTEM) -> SigningKey:
    """Make a link's key: its public half for `OpenLink`, the whole for `GroupLink` once the operation is taken."""
    return SigningKey.generate(entropy)
