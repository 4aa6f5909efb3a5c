"""Makes `sender_keys.json`: chains of a group chat, announced and used, step by step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import groups_run
from groups import ELSEWHERE, GID, Cast, Chain, sealed_meta
from making import NOW, Account, File, Json, Recorder, flipped, named

from messenger_client.protocol import (
    account_data,
    body,
    cbor,
    content,
    form,
    group_chain,
    ids,
    limits,
    primitives,
)
from messenger_client.protocol.group_args import (
    ADMIN,
    MEMBER,
    OWNER,
    Add,
    Create,
    Rekey,
    Remove,
)
from messenger_client.protocol.group_wire import GroupHeader, GroupMessage, signed_part


class Script:
    """A conversation in the making: each step is run, and kept with its result, as meant."""

    def __init__(self, file: File, name: str, devices: Json) -> None:
        self.file, self.name, self.devices = file, name, devices
        self.run = groups_run.GroupConversation(devices)
        self.steps: list[Json] = []
        self.results: list[Json] = []

    def step(self, fails: str | None, **step: Json) -> Json:
        entropy = Recorder(f"{self.name}/{len(self.steps)}")
        result = self.run.step(step, entropy)
        self.file.check(f"{self.name}, step {len(self.steps)}", result, fails)
        self.steps.append({**step, "draws": entropy.draws} if entropy.draws else step)
        self.results.append(result)
        return result

    def number(self) -> int:
        return len(self.steps) - 1

    def begin(self, who: str, now: int = NOW) -> None:
        self.step(None, do="begin", who=who, now=now)

    def announce(self, who: str, group_key: Json = None) -> int:
        self.step(None, do="announce", who=who, group_key=group_key)
        return self.number()

    def accept(self, who: str, sender: str, of: int | str, fails: str | None = None, now: int = NOW) -> Json:
        own = self.run.members[sender]
        newest = own.newest_list(own.own.account)
        announced = {"announced_of": of} if isinstance(of, int) else {"announced": of}
        own_list = "" if newest is None else newest.hash.hex()
        return self.step(fails, do="accept", who=who, sender=sender, own_list=own_list, now=now, **announced)

    def send(self, who: str, padded: bytes, **more: Json) -> int:
        self.step(None, do="encrypt", who=who, padded=padded.hex(), **more)
        return self.number()

    def read(
        self, who: str, sender: str, of: int | str, fails: str | None = None, now: int = NOW, **more: Json
    ) -> Json:
        wire = {"wire_of": of} if isinstance(of, int) else {"wire": of}
        place = {"group": GID.hex(), **more}
        return self.step(fails, do="receive", who=who, sender=sender, now=now, **place, **wire)

    def wire(self, number: int) -> str:
        return self.run.made[number].hex()

    def save(self) -> None:
        self.file.cases.append(
            {
                "name": self.name,
                "op": "group_conversation",
                "in": {"devices": self.devices, "steps": self.steps},
                "expect": self.results,
            }
        )


def _padded(words: str, **changes: Any) -> bytes:
    one = content.Content(
        NOW, ids.MessageId(named(f"message {words}")), GID, body.Text(words), content.Heads(named("head", 32), None), 1
    )
    return bytes(content.seal(replace(one, **changes), Recorder(f"fk {words}")).padded)


def make_sender_keys() -> File:
    file = File("sender_keys.json", "Chains of a group chat, announced and used, step by step (PROTOCOL.md, Groups).")
    cast = Cast()
    sealed = sealed_meta("group key")
    roster = cast.roster(alice=OWNER, bob=ADMIN, dora=MEMBER)
    chain = Chain(cast, "", Create.of(roster, sealed, members_may_add=False))
    key = {"key": named("group key", 32).hex(), "version": 0}
    names = ("alice", "bob", "charlie", "dora")

    def devices() -> Json:
        return {
            name: {
                "own": cast.devices[name].own_json(),
                "lists": cast.lists(),
                "operations": [one.hex() for one in chain.operations[:1]],
            }
            for name in names
        }

    def begun(name: str, *readers: str) -> Script:
        script = Script(file, name, devices())
        script.begin("alice")
        announced = script.announce("alice", key)
        for reader in readers:
            script.accept(reader, "alice", announced)
        return script

    _order(begun("once, in any order", "bob"))
    _late(begun("whoever comes later", "bob"), cast, chain)
    _removed(begun("whoever is removed", "bob", "dora"), cast, chain)
    _names(begun("in anothers name", "bob", "dora"), cast)
    _announced(file, begun("what is announced", "bob"), cast, chain)
    _opened(begun("what fails after it has opened", "bob"))
    _due(begun("when a new chain is due", "bob"), cast)
    script = begun("damaged messages", "bob")
    sent = script.send("alice", _padded("hello"))
    wire = script.wire(sent)
    message = cbor.decode(bytes.fromhex(wire))
    if not isinstance(message, list):
        raise SystemExit("not a message")
    for fails, fields in (
        ("unsupported", [1, *message[1:]]),
        ("unsupported", [3, *message[1:]]),
        ("malformed", message[:-1]),
        ("malformed", [*message[:2], bytes(71), *message[3:]]),
        ("malformed", [*message[:3], bytes(63), message[4]]),
        ("malformed", [*message[:4], bytes(31)]),
        ("malformed", [2, b"", *message[2:]]),
        ("malformed", []),
    ):
        script.read("bob", "alice", cbor.encode(fields).hex(), fails)
    for place, fails in (
        (60, "unknown_session"),
        (200, "bad_signature"),
        (-60, "bad_signature"),
        (-1, "bad_signature"),
    ):
        script.read("bob", "alice", flipped(wire, place), fails)
    script.read("bob", "alice", sent)
    script.save()
    file.add("a message is named by its outside", "peek_group", wire=wire)
    file.add("an outside that does not read", "peek_group", "malformed", wire=wire[:-2])
    file.add("a message of a session", "peek_group", "unsupported", wire=cbor.encode([1, *message[1:]]).hex())
    return file


def _order(script: Script) -> None:
    sent = [script.send("alice", _padded(f"message {number}")) for number in range(5)]
    for number in (3, 0, 4):
        script.read("bob", "alice", sent[number])
    script.step(None, do="restart", who="bob")
    script.read("bob", "alice", sent[0], "duplicate")
    script.read("bob", "alice", sent[1])
    script.read("bob", "alice", sent[1], "duplicate")
    script.step(None, do="restart", who="alice")
    far = script.send("alice", _padded("after a restart"))
    script.read("bob", "alice", far)
    script.read("bob", "alice", sent[2], "duplicate", now=NOW + limits.SKIPPED_MAX_AGE + 1)
    script.step(None, do="tidy", who="bob", now=NOW + limits.SKIPPED_MAX_AGE)
    script.read("bob", "alice", sent[2], now=NOW + limits.SKIPPED_MAX_AGE)
    script.step(None, do="tidy", who="bob", now=NOW + limits.CHAIN_RETENTION)
    script.step(None, do="tidy", who="bob", now=NOW + limits.CHAIN_RETENTION + 1)
    script.read("bob", "alice", script.send("alice", _padded("too late")), "unknown_session")
    script.save()


def _late(script: Script, cast: Cast, chain: Chain) -> None:
    before = script.send("alice", _padded("before"))
    script.accept("charlie", "alice", script.announce("alice"))
    chain.state = group_chain.rebuild(chain.operations[:1])
    add = chain.signed("bob", Add(cast.id("charlie"))).signed.hex()
    for name in ("alice", "bob", "charlie", "dora"):
        script.step(None, do="follow", who=name, operation=add)
    after = script.send("alice", _padded("after"))
    script.read("charlie", "alice", before, "undecryptable")
    script.read("charlie", "alice", after)
    script.read("charlie", "alice", after, "duplicate")
    script.read("dora", "alice", after, "unknown_session")
    script.read("bob", "alice", after)
    script.read("bob", "alice", before)
    script.begin("charlie")
    early = script.announce("charlie")
    script.accept("bob", "charlie", early)
    script.read("bob", "charlie", script.send("charlie", _padded("without a group key")))
    script.save()


def _removed(script: Script, cast: Cast, chain: Chain) -> None:
    chain.state = group_chain.rebuild(chain.operations[:1])
    script.begin("dora")
    announced = script.announce("dora")
    script.accept("bob", "dora", announced)
    late = script.send("dora", _padded("late"))
    remove = chain.signed("bob", Remove(cast.id("dora"), sealed_meta("second key"))).signed.hex()
    for name in ("alice", "bob", "dora"):
        script.step(None, do="follow", who=name, operation=remove)
    script.read("bob", "dora", late, "not_listed")
    script.accept("alice", "dora", announced, "not_listed")
    script.begin("alice")
    fresh = script.announce("alice", {"key": named("second key", 32).hex(), "version": 1})
    script.accept("bob", "alice", fresh)
    sent = script.send("alice", _padded("without dora"))
    script.read("bob", "alice", sent)
    script.read("dora", "alice", sent, "unknown_session")
    script.save()


def _names(script: Script, cast: Cast) -> None:
    script.begin("bob")
    announced = script.announce("bob")
    script.accept("dora", "bob", announced)
    sent = script.send("bob", _padded("I am alice"))
    alice, bob = cast.devices["alice"].own, cast.devices["bob"].own
    alices, bobs = (script.run.members[name].chain for name in ("alice", "bob"))
    wire = script.wire(sent)
    named_alice = {"account": alice.account, "device": alice.device}
    for sender, fails, fields in (
        ("alice", "unknown_session", named_alice),
        ("alice", "bad_signature", {**named_alice, "chain": alices.id}),
        ("bob", "unknown_session", {"chain": alices.id}),
        ("bob", "malformed", {"account": alice.account}),
        ("bob", "malformed", {"device": alice.device}),
        ("bob", "malformed", {"group": ELSEWHERE}),
        ("bob", "malformed", {"epoch": 1}),
        ("bob", "undecryptable", {"n": 1}),
        ("bob", "too_far", {"n": limits.MAX_JUMP + 1}),
        ("bob", "too_far", {"n": limits.MAX_INTEGER}),
    ):
        script.read("dora", sender, _rewritten(wire, bobs.signing, **fields), fails)
    script.read("dora", "alice", sent, "malformed")
    script.read("dora", "bob", sent, "malformed", group=ELSEWHERE.hex())
    stolen = script.announce("alice")
    script.accept("dora", "bob", cbor.encode(cbor.decode(bytes.fromhex(script.results[stolen]["announced"]))).hex())
    mine = script.send("alice", _padded("mine"))
    posing = {"account": bob.account, "device": bob.device}
    script.read("dora", "bob", mine, "malformed")
    script.read("dora", "bob", _rewritten(script.wire(mine), bobs.signing, **posing), "bad_signature")
    script.read("dora", "alice", mine)
    script.save()


def _rewritten(wire: str, signing: primitives.SigningKey, **fields: Any) -> str:
    message = GroupMessage.from_bytes(bytes.fromhex(wire))
    header = replace(GroupHeader.from_bytes(message.header), **fields).to_bytes()
    signature = signing.sign("skmsg", signed_part(header, message.body, message.tag))
    return replace(message, header=header, signature=signature).to_bytes().hex()


def _announced(file: File, script: Script, cast: Cast, chain: Chain) -> None:
    chain.state = group_chain.rebuild(chain.operations[:1])
    rekey = chain.signed("alice", Rekey(sealed_meta("second key")))
    for name in ("alice", "dora"):
        script.step(None, do="follow", who=name, operation=rekey.signed.hex())
    script.begin("alice")
    second = {"key": named("second key", 32).hex(), "version": 1}
    good = script.announce("alice", second)
    script.accept("bob", "alice", good, "not_listed")  # bob has not seen the rekey
    script.step(None, do="follow", who="bob", operation=rekey.signed.hex())
    base = cbor.decode(bytes.fromhex(script.results[good]["announced"]))
    if not isinstance(base, dict):
        raise SystemExit("not a sender key")

    def changed(**fields: Any) -> str:
        new = {**base, **{int(name.removeprefix("k")): value for name, value in fields.items()}}
        return cbor.encode({key: value for key, value in new.items() if value is not ...}).hex()

    for fails, announced in (
        ("not_listed", changed(k0=ELSEWHERE)),
        ("malformed", changed(k1=0)),
        ("not_listed", changed(k2=named("x", 32))),
        ("bad_key", changed(k7=named("x", 32))),
        ("malformed", changed(k7=named("group key", 32), k8=0)),
        ("malformed", changed(k7=...)),
        ("malformed", changed(k8=...)),
        ("malformed", changed(k5=named("x", 31))),
        ("malformed", changed(k6=None)),
    ):
        script.accept("bob", "alice", announced, fails)
    script.step("not_listed", do="accept", who="bob", sender="alice", own_list="00" * 32, now=NOW, announced_of=good)
    script.accept("bob", "alice", good)
    sent = script.send("alice", _padded("hello"))
    script.read("bob", "alice", sent)
    script.accept("bob", "alice", good)  # held already: it stays where it is
    script.read("bob", "alice", sent, "duplicate")
    script.accept("bob", "alice", changed(k6=named("x", 32)), "malformed")
    # The same chain under bob's gsh would not open: gsh is sealed in.
    fork = chain.signed("bob", Rekey(sealed_meta("third key"))).signed.hex()
    forked = Script(file, "a message does not cross a fork", script.devices)
    forked.step(None, do="follow", who="alice", operation=rekey.signed.hex())
    forked.step(None, do="follow", who="bob", operation=fork)
    forked.begin("alice")
    other = forked.announce("alice")
    forked.accept("bob", "alice", other, "not_listed")
    gsh = forked.run.members["bob"].group.hash
    moved = form.mapping(cbor.decode(bytes.fromhex(forked.results[other]["announced"])))
    forked.accept("bob", "alice", cbor.encode({**moved, 2: gsh}).hex())
    forked.read("bob", "alice", forked.send("alice", _padded("hello")), "undecryptable")
    for number in range(limits.MAX_CHAINS):
        script.begin("alice", NOW + 1 + number)
        script.accept("bob", "alice", script.announce("alice"), now=NOW + 1 + number)
    script.save()
    forked.save()


def _opened(script: Script) -> None:
    private = content.private_conversation(ids.AccountId(named("alice")), ids.AccountId(named("bob")))
    for name, changes in {
        "of a private chat": {"conversation": private},
        "of another group": {"conversation": ELSEWHERE},
        "with a head": {"heads": content.Heads(named("head", 32), named("head", 32))},
        "a control content": {"body": body.Reset(), "counter": 0},
        "account data": {"body": account_data.AccountData(), "counter": 0},
    }.items():
        script.read("bob", "alice", script.send("alice", _padded(name, **changes)))
    lie = script.send("alice", _padded("a lie"), tag=named("tag", 32).hex())
    script.read("bob", "alice", lie)
    script.read("bob", "alice", lie, "duplicate")
    named_here = script.send("alice", _padded("its id"))
    script.read("bob", "alice", named_here, message_id=named("message its id").hex())
    script.read("bob", "alice", script.send("alice", _padded("another id")), message_id=named("x").hex())
    script.read("bob", "alice", script.send("alice", b"f" * 32 + bytes(224)))
    failures = [one["failure"] for one in script.results if isinstance(one, dict) and "failure" in one]
    if failures != [*["malformed"] * 5, "bad_franking", None, "malformed", "malformed"]:
        raise SystemExit(f"not what was meant: {failures}")
    script.save()


def _due(script: Script, cast: Cast) -> None:
    readers = [cast.devices[name].own for name in ("bob", "dora")]
    told = [[one.account.hex(), one.device.hex(), one.signing.public.hex()] for one in readers]

    def due(meant: bool, told: Json, now: int) -> None:
        got = script.step(None, do="due", who="alice", told=told, now=now)
        if got["due"] != meant:
            raise SystemExit("not due when it was meant to be")

    due(False, told, NOW)
    due(False, told[:1], NOW + limits.CHAIN_PERIOD - 1)
    due(True, told, NOW + limits.CHAIN_PERIOD)
    due(True, [*told, [told[0][0], told[0][1], named("x", 32).hex()]], NOW)
    charlies = cast.devices["charlie"].own
    due(True, [[charlies.account.hex(), charlies.device.hex(), charlies.signing.public.hex()]], NOW)
    doras = cast.accounts["dora"]
    newer = _emptied(doras)
    script.step(None, do="learn", who="alice", objects=[doras.lists[-1].signed.hex(), newer])
    due(True, told, NOW)
    due(False, told[:1], NOW)
    script.save()


def _emptied(account: Account) -> str:
    """The account's last device signs itself out; the account of the cast stays as it was."""
    other = Account(account.name)
    other.lists = list(account.lists)
    return other.publish().signed.hex()
