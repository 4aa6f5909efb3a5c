"""Runs the test vectors against the Python core: `python vectors/run.py`. How a second core would run them, too.

A file holds cases `{name, op, in, expect}`. `op` names a function below; `expect` is its result, or the name of a
failure. All bytes are hexadecimal. `schema.json` gives the shape of every op's input and result.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import groups_run
from given import Draws, Json, hexed, maybe, own_device, private_prekey, to_json, unhex

from messenger_client.protocol import (
    account_data,
    base32,
    cbor,
    content,
    device_list,
    device_proof,
    errors,
    franking,
    ids,
    kem,
    keys,
    linking,
    padding,
    pqxdh,
    prekeys,
    primitives,
    ratchet,
    safety_number,
    session,
)
from messenger_client.protocol.entropy import Entropy
from messenger_client.protocol.secret import Secret
from messenger_client.protocol.wire import Init, peek

FOLDER = Path(__file__).parent
NOT_VECTORS = {"schema.json", "manifest.json", "encapsulations.json"}


# Encoding


def op_cbor(given: Json) -> Json:
    value = cbor.decode(unhex(given["data"]))
    if cbor.encode(value).hex() != given["data"]:
        raise ValueError("encodes to something else")
    return {"value": to_json(value)}


def op_pad(given: Json) -> Json:
    return {"padded": padding.pad(unhex(given["data"])).hex()}


def op_unpad(given: Json) -> Json:
    return {"data": padding.unpad(unhex(given["padded"])).hex()}


def op_x25519(given: Json) -> Json:
    shared = primitives.x25519(Secret(unhex(given["private"])), unhex(given["public"]))
    return {"shared": hexed(shared)}


def op_sign(given: Json) -> Json:
    key = primitives.SigningKey.from_seed(unhex(given["seed"]))
    return {"public": key.public.hex(), "signature": key.sign(given["label"], unhex(given["message"])).hex()}


def op_verify(given: Json) -> Json:
    message, signature = unhex(given["message"]), unhex(given["signature"])
    primitives.verify(unhex(given["public"]), given["label"], message, signature)
    return {}


def op_cseal(given: Json) -> Json:
    entropy = Draws({"nonces": [given["nonce"]]})
    key, ad, plaintext = unhex(given["key"]), unhex(given["ad"]), unhex(given["plaintext"])
    return {"sealed": primitives.cseal(key, given["label"], ad, plaintext, entropy).hex()}


def op_copen(given: Json) -> Json:
    key, ad, sealed = unhex(given["key"]), unhex(given["ad"]), unhex(given["sealed"])
    return {"plaintext": primitives.copen(key, given["label"], ad, sealed).hex()}


def op_decapsulate(given: Json) -> Json:
    seed = Secret(unhex(given["seed"]))
    public = kem.public_key(seed)
    return {"ek_sha256": primitives.sha256(public).hex(), "ss": hexed(kem.decapsulate(seed, unhex(given["ct"])))}


def op_check_ek(given: Json) -> Json:
    kem.check_public_key(unhex(given["ek"]))
    return {}


# Device lists


def op_sign_list(given: Json) -> Json:
    key = primitives.SigningKey.from_seed(unhex(given["account_seed"]))
    entries = [device_list.listed(own_device(one), added=one["added"]) for one in given["devices"]]
    previous = None if given["previous"] is None else device_list.open_list(unhex(given["previous"]))
    account = ids.AccountId(unhex(given["account"]))
    signed = device_list.sign_list(key, account, entries, previous=previous, now=given["now"])
    return {"signed": signed.signed.hex(), "hash": signed.hash.hex()}


def op_open_list(given: Json) -> Json:
    one = device_list.open_list(unhex(given["signed"]))
    return {
        "account": one.account.hex(),
        "account_key": one.account_key.hex(),
        "seq": one.seq,
        "previous": one.previous.hex(),
        "time": one.time,
        "hash": one.hash.hex(),
        "devices": [
            {
                "device": listed.device.hex(),
                "signing_key": listed.signing_key.hex(),
                "identity_key": listed.identity_key.hex(),
                "added": listed.added,
            }
            for listed in one.devices
        ],
    }


def op_accept_lists(given: Json) -> Json:
    pin = None if given["pin"] is None else device_list.Pin.from_bytes(unhex(given["pin"]))
    objects = [unhex(one) for one in given["objects"]]
    return _accepted(device_list.accept_lists(ids.AccountId(unhex(given["account"])), pin, objects))


def op_acknowledge_identity(given: Json) -> Json:
    pin = device_list.Pin.from_bytes(unhex(given["pin"]))
    objects = [unhex(one) for one in given["objects"]]
    return _accepted(device_list.acknowledge_identity(pin, unhex(given["account_key"]), objects))


def _accepted(accepted: device_list.Accepted) -> Json:
    return {
        "account_key": accepted.pin.account_key.hex(),
        "newest": accepted.pin.newest.hash.hex(),
        "removed": [one.hex() for one in accepted.removed],
        "added": [one.hex() for one in accepted.added],
    }


# Prekeys


def op_sign_prekey(given: Json) -> Json:
    own, label = own_device(given["own"]), prekeys.read_label(given["label"])
    private = given["private"]
    entropy = Draws({"keys": [private]} if label in (prekeys.SPK, prekeys.OPK) else {"kem_seeds": [private]})
    made = prekeys.generate_prekeys(
        own, label, first_id=given["key_id"], count=1, now=given["created"], entropy=entropy
    )
    return {"signed": made[0].signed.to_bytes().hex()}


def op_verify_bundle(given: Json) -> Json:
    bundle = prekeys.Bundle.from_bytes(unhex(given["bundle"]))
    newest = device_list.open_list(unhex(given["list"]))
    seen = prekeys.SeenPrekeys(given["seen"]["spk"], given["seen"]["klr"])
    one = prekeys.verify_bundle(bundle, newest, ids.DeviceId(unhex(given["device"])), seen, now=given["now"])
    return {
        "spk_id": one.spk_id,
        "spk": one.spk.hex(),
        "opk_id": one.opk_id,
        "opk": hexed(one.opk),
        "kem_label": one.kem_label,
        "kem_id": one.kem_id,
        "kem_key_sha256": primitives.sha256(one.kem_key).hex(),
        "seen": {"spk": one.seen.spk, "klr": one.seen.klr},
    }


# Session set-up and the ratchet's parts


def op_initiate(given: Json) -> Json:
    return initiate(given, Draws(given["draws"]))


def initiate(given: Json, entropy: Entropy) -> Json:
    newest = device_list.open_list(unhex(given["list"]))
    bundle = prekeys.Bundle.from_bytes(unhex(given["bundle"]))
    verified = prekeys.verify_bundle(
        bundle, newest, ids.DeviceId(unhex(given["device"])), prekeys.SeenPrekeys(), now=given["now"]
    )
    psk = maybe(given["psk"])
    agreement, init = pqxdh.initiate(
        own_device(given["own"]),
        unhex(given["own_list_hash"]),
        verified,
        None if psk is None else Secret(psk),
        entropy,
    )
    return {**_agreement(agreement), "init": init.to_bytes().hex()}


def op_respond(given: Json) -> Json:
    newest = device_list.open_list(unhex(given["list"]))
    init = Init.from_bytes(unhex(given["init"]))
    peer = newest.find(init.device)
    if peer is None:
        raise errors.NotListed
    psk = maybe(given["psk"])
    agreement = pqxdh.respond(
        own_device(given["own"]),
        pqxdh.Party.of_listed(newest.account, newest.account_key, peer),
        init,
        private_prekey(given["spk"]),
        None if given["opk"] is None else private_prekey(given["opk"]),
        private_prekey(given["kem_key"]),
        None if psk is None else Secret(psk),
    )
    return _agreement(agreement)


def _agreement(agreement: pqxdh.Agreement) -> Json:
    return {
        "transcript": agreement.transcript.hex(),
        "secret": hexed(agreement.secret),
        "session_id": agreement.session_id.hex(),
    }


def op_kdf_rk(given: Json) -> Json:
    ss, ct = maybe(given["ss"]), maybe(given["ct"])
    root, chain = ratchet.kdf_rk(Secret(unhex(given["root"])), unhex(given["share"]), ss, ct)
    return {"root": hexed(root), "chain": hexed(chain)}


def op_chain_step(given: Json) -> Json:
    key = unhex(given["chain"])
    return {
        "message_key": primitives.hmac(key, b"\x01").hex(),
        "next": primitives.hmac(key, b"\x02").hex(),
    }


# Contents


def op_content(given: Json) -> Json:
    one = content.decode_content(unhex(given["content"]))
    return {
        "kind": one.body.kind,
        "sent": one.sent,
        "message_id": one.message_id.hex(),
        "conversation": one.conversation.hex(),
        "body": to_json(dict(one.body.to_map())),
        "heads": [one.heads.own.hex(), hexed(one.heads.recipient)],
        "counter": one.counter,
    }


def op_seal_content(given: Json) -> Json:
    one = content.decode_content(unhex(given["content"]))
    sealed = content.seal(one, Draws({"keys": [given["fk"]]}))
    return {"padded": hexed(sealed.padded), "tag": sealed.tag.hex()}


def op_open_padded(given: Json) -> Json:
    padded = unhex(given["padded"])
    franking.check_frank(padded, unhex(given["tag"]))
    return {"content": content.encode_content(content.read_padded(padded)).hex()}


def op_conversation_id(given: Json) -> Json:
    one, other = (ids.AccountId(unhex(given[name])) for name in ("account", "other"))
    return {"conversation": content.private_conversation(one, other).hex()}


def op_check_place(given: Json) -> Json:
    chat_with, message_id = maybe(given["chat_with"]), maybe(given["message_id"])
    content.check_place(
        content.decode_content(unhex(given["content"])),
        own=ids.AccountId(unhex(given["own"])),
        sender=ids.AccountId(unhex(given["sender"])),
        chat_with=None if chat_with is None else ids.AccountId(chat_with),
        message_id=None if message_id is None else ids.MessageId(message_id),
    )
    return {}


def op_stamp(given: Json) -> Json:
    sender = ids.AccountId(unhex(given["sender"]))
    conversation = ids.ConversationId(unhex(given["conversation"]))
    stamp = franking.stamp(unhex(given["key"]), unhex(given["tag"]), sender, conversation, given["accepted"])
    return {"stamp": stamp.hex()}


# Safety numbers and proofs


def op_fingerprint(given: Json) -> Json:
    names = ("identifier", "key", "peer_identifier", "peer_key")
    number = safety_number.numeric_fingerprint(*(unhex(given[name]) for name in names))
    return {"digits": number.digits, "scannable": number.scannable.hex()}


def op_safety_number(given: Json) -> Json:
    number = safety_number.safety_number(
        ids.AccountId(unhex(given["account"])),
        unhex(given["account_key"]),
        ids.AccountId(unhex(given["peer"])),
        unhex(given["peer_account_key"]),
    )
    return {"digits": number.digits, "scannable": number.scannable.hex()}


def op_prove_device(given: Json) -> Json:
    return {
        "signature": device_proof.prove_device(own_device(given["own"]), given["origin"], unhex(given["nonce"])).hex()
    }


def op_verify_proof(given: Json) -> Json:
    device_proof.verify_proof(
        unhex(given["signing_key"]),
        given["origin"],
        ids.AccountId(unhex(given["account"])),
        ids.DeviceId(unhex(given["device"])),
        unhex(given["nonce"]),
        unhex(given["signature"]),
    )
    return {}


# Linking


def op_base32_encode(given: Json) -> Json:
    return {"text": base32.encode(unhex(given["data"]))}


def op_base32_decode(given: Json) -> Json:
    return {"data": base32.decode(given["text"], given["size"]).hex()}


def op_link_code(given: Json) -> Json:
    code = linking.new_link_code(own_device(given["own"]), Draws({"secrets": [given["secret"]]}))
    return {"text": code.to_text(), "psk_id": code.psk_id.hex()}


def op_read_link_code(given: Json) -> Json:
    code = linking.LinkCode.from_text(given["text"])
    return {
        "account": code.account.hex(),
        "device": code.device.hex(),
        "signing_key": code.signing_key.hex(),
        "identity_key": code.identity_key.hex(),
        "secret": hexed(code.secret),
        "psk_id": code.psk_id.hex(),
    }


def op_seal_offer(given: Json) -> Json:
    code, newest = link_code(given), device_list.open_list(unhex(given["list"]))
    return {"sealed": linking.seal_offer(code, newest, Draws({"nonces": [given["nonce"]]})).hex()}


def op_open_offer(given: Json) -> Json:
    newest = linking.open_offer(link_code(given), unhex(given["sealed"]))
    return {"account_key": newest.account_key.hex(), "newest": newest.hash.hex()}


def op_seal_answer(given: Json) -> Json:
    own, entropy = own_device(given["own"]), Draws({"nonces": [given["nonce"]]})
    return {"sealed": linking.seal_answer(link_code(given), own, entropy).hex()}


def op_open_answer(given: Json) -> Json:
    account_key, sealed = unhex(given["account_key"]), unhex(given["sealed"])
    entry = linking.open_answer(link_code(given), account_key, sealed, added=given["added"])
    return {
        "device": entry.device.hex(),
        "signing_key": entry.signing_key.hex(),
        "identity_key": entry.identity_key.hex(),
        "added": entry.added,
        "bind": entry.bind.hex(),
    }


def link_code(given: Json) -> linking.LinkCode:
    return linking.LinkCode.from_bytes(unhex(given["code"]))


def op_shared_key(given: Json) -> Json:
    shared = account_data.AccountData(account_key_seed=Secret(unhex(given["seed"])))
    key = shared.account_key(unhex(given["pinned"]))
    return {"account_key": None if key is None else key.public.hex()}


def op_shared_pin(given: Json) -> Json:
    account, held = ids.AccountId(unhex(given["account"])), maybe(given["held"])
    contact = account_data.SharedContact(account, "", unhex(given["list"]), verified=False)
    pin = contact.pin(None if held is None else device_list.Pin.from_bytes(held))
    return {"account_key": pin.account_key.hex(), "newest": pin.newest.hash.hex()}


def op_read_history(given: Json) -> Json:
    sender, own = (ids.AccountId(unhex(given[name])) for name in ("sender", "own"))
    chat, gid = maybe(given["chat"]), maybe(given["group"])
    padded = Secret(unhex(given["padded"]))
    entry = account_data.HistoryEntry(sender, ids.DeviceId(bytes(16)), 0, padded, None, None, account_data.ACCEPTED)
    one = content.read_history(
        entry,
        own=own,
        chat=None if chat is None else ids.AccountId(chat),
        group=None if gid is None else ids.GroupId(ids.ConversationId(gid)),
    )
    return {"content": content.encode_content(one).hex(), "tag": franking.frank(padded).hex()}


def op_peek(given: Json) -> Json:
    seen = peek(unhex(given["wire"]))
    return {"session_id": seen.session_id.hex(), "dh": seen.dh.hex(), "n": seen.n, "tag": seen.tag.hex()}


# Conversations: several devices, step by step. Every step has its own result or failure in `expect`.


@dataclass
class Party:
    """A device with its store; it is the Lookup of its own store."""

    own: keys.OwnDevice
    privates: dict[tuple[str, int], prekeys.PrivatePrekey]
    psks: dict[bytes, Secret]
    lists: dict[bytes, list[device_list.DeviceList]]
    seen_eks: set[bytes] = field(default_factory=set)
    pairs: dict[bytes, session.Pair] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Json) -> Party:
        made = [private_prekey(one) for one in value["prekeys"]]
        psks = [Secret(unhex(one)) for one in value["psks"]]
        party = cls(
            own_device(value),
            {(one.label, one.key_id): one for one in made},
            {pqxdh.psk_id(one): one for one in psks},
            {},
        )
        for objects in value["lists"]:
            party.learn(objects)
        return party

    def learn(self, objects: list[str]) -> None:
        opened = [device_list.open_list(unhex(one)) for one in objects]
        self.lists[opened[0].account] = opened

    def pair(self, peer: keys.OwnDevice) -> session.Pair:
        return self.pairs.get(peer.device, session.Pair(peer.account, peer.device))

    def private_prekey(self, label: str, key_id: int) -> prekeys.PrivatePrekey | None:
        return self.privates.get((label, key_id))

    def psk(self, psk_id: bytes) -> Secret | None:
        return self.psks.get(psk_id)

    def has_seen_ek(self, ek_hash: bytes) -> bool:
        return ek_hash in self.seen_eks

    def list_named(self, account: bytes, list_hash: bytes) -> device_list.DeviceList | None:
        return next((one for one in self.lists.get(account, []) if one.hash == list_hash), None)

    def newest_list(self, account: bytes) -> device_list.DeviceList | None:
        return self.lists[account][-1] if account in self.lists else None


class Conversation:
    """Runs steps one after the other. `receive` takes `wire`, or `wire_of`: the number of an `encrypt` step."""

    def __init__(self, devices: Json) -> None:
        self.parties = {name: Party.of(value) for name, value in devices.items()}
        self.wires: dict[int, bytes] = {}
        self.number = 0

    def step(self, step: Json, entropy: Entropy) -> Json:
        """Return the result of a step, or the name of its failure."""
        try:
            result: Json = getattr(self, f"do_{step['do']}")(self.parties[step["who"]], step, entropy)
        except errors.ProtocolError as failure:
            result = failure.code
        else:
            if isinstance(entropy, Draws):
                entropy.finish()
        self.number += 1
        return result

    def do_start(self, who: Party, step: Json, entropy: Entropy) -> Json:
        peer = self.parties[step["peer"]].own
        newest, own_list = who.newest_list(peer.account), who.newest_list(who.own.account)
        if newest is None or own_list is None:
            raise errors.NotListed
        bundle = prekeys.Bundle.from_bytes(unhex(step["bundle"]))
        seen = prekeys.SeenPrekeys()
        verified = prekeys.verify_bundle(bundle, newest, peer.device, seen, now=step["now"])
        psk = maybe(step.get("psk"))
        started = session.start_session(
            who.own,
            own_list,
            verified,
            now=step["now"],
            psk=None if psk is None else Secret(psk),
            entropy=entropy,
        )
        who.pairs[peer.device], dropped = who.pair(peer).add(started)
        return {"session_id": started.id.hex(), "dropped": [one.hex() for one in dropped]}

    def do_encrypt(self, who: Party, step: Json, entropy: Entropy) -> Json:
        peer = self.parties[step["peer"]].own
        sealed = content.Sealed.from_bytes(unhex(step["padded"]))
        if "tag" in step:  # a sender that lies about F
            sealed = content.Sealed(sealed.padded, unhex(step["tag"]))
        on = maybe(step.get("session"))
        session_id = None if on is None else ids.SessionId(on)
        sent = session.encrypt(who.pair(peer), sealed, now=step["now"], session_id=session_id, entropy=entropy)
        who.pairs[peer.device] = sent.pair
        self.wires[self.number] = sent.wire
        return {"wire": sent.wire.hex()}

    def do_receive(self, who: Party, step: Json, entropy: Entropy) -> Json:
        peer = self.parties[step["peer"]].own
        data = self.wires[step["wire_of"]] if "wire_of" in step else unhex(step["wire"])
        chat_with, message_id = maybe(step.get("chat_with")), maybe(step.get("message_id"))
        envelope = session.Envelope(
            peer.account,
            peer.device,
            data,
            None if message_id is None else ids.MessageId(message_id),
            None if chat_with is None else ids.AccountId(chat_with),
        )
        got = session.receive(who.own, who.pair(peer), envelope, who, now=step["now"], entropy=entropy)
        who.pairs[peer.device] = got.pair
        for place in got.delete_prekeys:
            del who.privates[place]
        if got.used_psk is not None:
            del who.psks[got.used_psk]
        if got.remember_ek is not None:
            who.seen_eks.add(got.remember_ek.ek_hash)
        return {
            "padded": hexed(got.sealed.padded),
            "tag": got.sealed.tag.hex(),
            "failure": None if got.failure is None else got.failure.code,
            "session_id": got.session.id.hex(),
            "is_new_session": got.is_new_session,
            "delete_prekeys": [list(one) for one in got.delete_prekeys],
            "used_psk": hexed(got.used_psk),
            "remember_ek": None if got.remember_ek is None else got.remember_ek.ek_hash.hex(),
            "dropped": [one.hex() for one in got.dropped],
        }

    def do_restart(self, who: Party, step: Json, entropy: Entropy) -> Json:
        """Everything goes through the store's bytes."""
        who.pairs = {device: session.Pair.from_bytes(one.to_bytes()) for device, one in who.pairs.items()}
        return {}

    def do_forget(self, who: Party, step: Json, entropy: Entropy) -> Json:
        """The sessions with a peer are lost; prekeys and remembered ephemeral keys are not."""
        del who.pairs[self.parties[step["peer"]].own.device]
        return {}

    def do_only(self, who: Party, step: Json, entropy: Entropy) -> Json:
        """A reset came: every session with a peer but one is given up."""
        peer = self.parties[step["peer"]].own
        who.pairs[peer.device], dropped = who.pair(peer).only(ids.SessionId(unhex(step["session"])))
        return {"dropped": [one.hex() for one in dropped]}

    def do_learn(self, who: Party, step: Json, entropy: Entropy) -> Json:
        """Newer lists of an account, accepted before."""
        who.learn(step["objects"])
        return {}


def op_conversation(given: Json) -> Json:
    conversation = Conversation(given["devices"])
    return [conversation.step(step, Draws(step.get("draws", {}))) for step in given["steps"]]


OPS: dict[str, Callable[[Json], Json]] = {
    name.removeprefix("op_"): function for name, function in list(globals().items()) if name.startswith("op_")
} | groups_run.OPS


def outcome(op: str, given: Json) -> Json:
    """The result of one case, or the name of its failure."""
    try:
        return OPS[op](given)
    except errors.ProtocolError as failure:
        return failure.code


def passes(case: Json) -> bool:
    """Tell whether a case holds; a step that lacks what an earlier one should have made does not."""
    try:
        return bool(outcome(case["op"], case["in"]) == case["expect"])
    except (KeyError, IndexError, ValueError):
        return False


def files(folder: Path = FOLDER) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if path.name not in NOT_VECTORS)


def manifest(folder: Path = FOLDER) -> dict[str, str]:
    """SHA-256 of every vector file: whoever runs them knows that these are the ones meant."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files(folder)}


def _differing(stated: dict[str, str], found: dict[str, str]) -> list[str]:
    return sorted(name for name in stated.keys() | found.keys() if stated.get(name) != found.get(name))


def failures(folder: Path = FOLDER) -> list[str]:
    """Name everything that is not as it must be: the files themselves, then the cases in them."""
    stated = json.loads((folder / "manifest.json").read_text())
    wrong = [f"{name}: not the file that manifest.json names" for name in _differing(stated, manifest(folder))]
    if wrong:
        return wrong
    return [
        f"{path.name}: {case['name']}"
        for path in files(folder)
        for case in json.loads(path.read_text())["cases"]
        if not passes(case)
    ]


def main() -> int:
    wrong = failures()
    for path in files():
        sys.stdout.write(f"{path.name}: {len(json.loads(path.read_text())['cases'])} cases\n")
    for line in wrong:
        sys.stdout.write(f"failed: {line}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
