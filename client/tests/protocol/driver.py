"""The Python core's half of the differential test: one JSON request a line, one answer a line.

No test by itself: `static/ts/protocol/tests/differential.test.ts` starts it with PYTHONPATH=client:vectors. Every step
is taken by both cores, one of which draws the randomness that the other repeats; after it both must have given the same
answer and hold the same bytes.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import run
from given import Draws, unhex
from protocol_cast import Dice

from messenger_client.protocol import keys, pqxdh, prekeys, session
from messenger_client.protocol.secret import Secret

Json = Any


class Recorder(Dice):
    """Dice whose fall is written down."""

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.draws: dict[str, list[Json]] = {}

    def random(self, size: int) -> bytes:
        drawn = super().random(size)
        self.draws.setdefault({16: "secrets", 24: "nonces", 32: "keys", 64: "kem_seeds"}[size], []).append(drawn.hex())
        return drawn

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        ct, ss = super().encapsulate(public)
        self.draws.setdefault("encapsulations", []).append({"ct": ct.hex(), "ss": bytes(ss).hex()})
        return ct, ss


class Conversation(run.Conversation):
    """The vectors' steps, and those that only two cores need."""

    def do_device(self, name: str, request: Json) -> None:
        """A device out of the bytes that the other core stores."""
        made = [prekeys.PrivatePrekey.from_bytes(unhex(one)) for one in request["prekeys"]]
        psks = [Secret(unhex(one)) for one in request["psks"]]
        self.parties[name] = run.Party(
            keys.OwnDevice.from_bytes(unhex(request["own"])),
            {(one.label, one.key_id): one for one in made},
            {pqxdh.psk_id(one): one for one in psks},
            {},
        )
        for objects in request["lists"]:
            self.parties[name].learn(objects)

    def do_load(self, who: run.Party, step: Json, _: object) -> Json:
        """Forget the sessions that are here, and go on with what the other core has stored."""
        pairs = [session.Pair.from_bytes(unhex(one)) for one in step["pairs"]]
        who.pairs = {one.device: one for one in pairs}
        return {}

    def do_tidy(self, who: run.Party, step: Json, _: object) -> Json:
        gone = []
        for device, pair in who.pairs.items():
            who.pairs[device], dropped = pair.tidy(now=step["now"])
            gone += [one.hex() for one in dropped]
        return gone


def stored(who: run.Party) -> Json:
    return {
        "pairs": sorted(bytes(one.to_bytes()).hex() for one in who.pairs.values()),
        "prekeys": sorted(f"{label} {key_id}" for label, key_id in who.privates),
        "psks": sorted(one.hex() for one in who.psks),
        "seen_eks": sorted(one.hex() for one in who.seen_eks),
    }


def main() -> None:
    conversation = Conversation({})
    for line in sys.stdin:
        request = json.loads(line)
        entropy: Recorder | Draws
        if request["do"] == "device":
            conversation.do_device(request["who"], request)
            entropy, result = Recorder(""), {}
        else:
            entropy = Recorder(request["seed"]) if "seed" in request else Draws(request["draws"])
            result = conversation.step(request, entropy)
        if isinstance(entropy, Draws):
            entropy.finish()  # a refusal, too, must have drawn what the other core drew
        draws = entropy.draws if isinstance(entropy, Recorder) else {}
        answer = {"result": result, "draws": draws, "stored": stored(conversation.parties[request["who"]])}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
