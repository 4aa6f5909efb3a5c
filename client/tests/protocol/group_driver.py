"""The Python core's half of the differential test of group chats: one JSON request a line, one answer a line.

No test by itself: `static/ts/protocol/tests/group_differential.test.ts` starts it with PYTHONPATH=client:vectors.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import groups_run
from driver import Recorder
from given import Draws, unhex

from messenger_client.protocol import cbor, errors, group_chain
from messenger_client.protocol.announced_chain import AnnouncedChain
from messenger_client.protocol.entropy import Entropy
from messenger_client.protocol.group_operation import read_args
from messenger_client.protocol.group_state import GroupState
from messenger_client.protocol.sender_key import OwnChain

Json = Any


class Conversation(groups_run.GroupConversation):
    """The vectors' steps, and those that only two cores need."""

    def do_propose(self, who: groups_run.Member, step: Json, entropy: Entropy) -> Json:
        newest = who.newest_list(who.own.account)
        if newest is None:
            raise errors.NotListed
        args = read_args(step["code"], cbor.decode(unhex(step["args"])))
        proposed = group_chain.propose(who.own, newest, who.group, args, now=step["now"])
        return {"operation": proposed.operation.signed.hex(), "state": proposed.state.to_bytes().hex()}

    def do_load(self, who: groups_run.Member, step: Json, entropy: Entropy) -> Json:
        """Forget what is here, and go on with what the other core has stored."""
        who.state = GroupState.from_bytes(unhex(step["state"]))
        who.own_chain = None if step["own_chain"] is None else OwnChain.from_bytes(unhex(step["own_chain"]))
        who.held = [AnnouncedChain.from_bytes(unhex(one)) for one in step["held"]]
        return {}


def stored(who: groups_run.Member) -> Json:
    return {
        "state": who.group.to_bytes().hex(),
        "own_chain": None if who.own_chain is None else who.own_chain.to_bytes().hex(),
        "held": [one.to_bytes().hex() for one in who.held],
    }


def main() -> None:
    conversation = Conversation(json.loads(sys.stdin.readline())["devices"])
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        request = json.loads(line)
        entropy = Recorder(request["seed"]) if "seed" in request else Draws(request["draws"])
        result = conversation.step(request, entropy)
        if isinstance(entropy, Draws):
            entropy.finish()  # a refusal, too, must have drawn what the other core drew
        draws = entropy.draws if isinstance(entropy, Recorder) else {}
        answer = {"result": result, "draws": draws, "stored": stored(conversation.members[request["who"]])}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
