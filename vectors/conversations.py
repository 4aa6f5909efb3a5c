"""Makes `ratchet.json`: conversations of devices, step by step, with the bytes that go over the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import run
from making import NOW, Account, Device, File, Json, Recorder, a_padded, flipped, named

from messenger_client.protocol import content, kem, limits, padding, prekeys, primitives, ratchet
from messenger_client.protocol.wire import Header, Message


class Script:
    """One case in the making: each step is run as it is written, and its result becomes what is expected."""

    def __init__(self, file: File, name: str, devices: dict[str, Json]) -> None:
        self.file, self.name, self.devices = file, name, devices
        self.conversation = run.Conversation(devices)
        self.steps: list[Json] = []
        self.results: list[Json] = []
        self.now = NOW

    def step(self, fails: str | None, **step: Json) -> Json:
        recorder = Recorder(f"{self.name}/{len(self.steps)}")
        result = self.conversation.step(step, recorder)
        self.file.check(f"{self.name}, step {len(self.steps)} {step['do']}", result, fails)
        self.steps.append({**step, "draws": recorder.draws} if recorder.draws else step)
        self.results.append(result)
        return result

    def start(self, who: str, peer: Device, bundle: prekeys.Bundle, psk: bytes | None = None) -> str:
        known = {} if psk is None else {"psk": psk.hex()}
        given = {"peer": peer.name, "bundle": bundle.to_bytes().hex(), "now": self.now, **known}
        result: Json = self.step(None, do="start", who=who, **given)
        return str(result["session_id"])

    def send(self, who: str, peer: str, padded: bytes, fails: str | None = None, **more: Json) -> int:
        """Return the number of the step, by which `read` finds the message."""
        self.step(fails, do="encrypt", who=who, peer=peer, padded=padded.hex(), now=self.now, **more)
        return len(self.steps) - 1

    def wire(self, number: int) -> str:
        return str(self.results[number]["wire"])

    def read(self, who: str, peer: str, what: int | str, fails: str | None = None, **more: Json) -> Json:
        message = {"wire_of": what} if isinstance(what, int) else {"wire": what}
        return self.step(fails, do="receive", who=who, peer=peer, **message, now=self.now, **more)

    def unreadable(self, who: str, peer: str, what: int | str, failure: str, **more: Json) -> None:
        """It opens, moves the ratchet, and is not shown."""
        if self.read(who, peer, what, **more)["failure"] != failure:
            raise SystemExit(f"{self.name}: meant {failure} after opening")

    def save(self) -> None:
        given = {"devices": self.devices, "steps": self.steps}
        if run.op_conversation(given) != self.results:
            raise SystemExit(f"{self.name}: runs differently the second time")
        self.file.cases.append({"name": self.name, "op": "conversation", "in": given, "expect": self.results})


class Cast:
    """alice with two devices, bob, and charlie outside."""

    def __init__(self) -> None:
        self.alice, self.bob, self.charlie = Account("alice"), Account("bob"), Account("charlie")
        self.phone, self.tablet = Device("alice", self.alice), Device("tablet", self.alice)
        self.bobs, self.outside = Device("bob", self.bob), Device("charlie", self.charlie)
        self.alice.publish(self.phone, self.tablet)
        self.bob.publish(self.bobs)
        self.charlie.publish(self.outside)

    def devices(self, *names: str, psks: tuple[bytes, ...] = ()) -> dict[str, Json]:
        lists = (self.alice.lists, self.bob.lists, self.charlie.lists)
        everyone = (self.phone, self.tablet, self.bobs, self.outside)
        wanted = names or ("alice", "bob")
        return {one.name: one.party_json(*lists, psks=psks) for one in everyone if one.name in wanted}

    def from_alice(self, words: str) -> bytes:
        return a_padded(words, self.alice, self.bob)

    def from_bob(self, words: str) -> bytes:
        return a_padded(words, self.bob, self.alice)


def forged(wire: str, **changes: Json) -> str:
    """The message with another header, as somebody on the way can make it."""
    message = Message.from_bytes(bytes.fromhex(wire))
    header = replace(Header.from_bytes(message.header), **changes)
    return replace(message, header=header.to_bytes()).to_bytes().hex()


def broken(script: Script, who: str, peer: Device, padded: bytes, change: Callable[[Header], Header]) -> str:
    """A message whose sender itself breaks the rules: another header, properly sealed."""
    session = script.conversation.parties[who].pair(peer.own).sessions[0]
    chain = session.ratchet.sending
    if chain is None:
        raise SystemExit("no chain")
    header = change(Header(session.ratchet.own.public, chain.pn, chain.n, chain.ek, chain.ct)).to_bytes()
    tag = content.Sealed.from_bytes(padded).tag
    ad = ratchet.associated_data(session.ratchet.transcript, header, tag)
    key = primitives.hmac(chain.key, b"\x01")
    body = primitives.cseal(key, "dr", ad, padded, Recorder(f"{script.name} broken {len(script.steps)}"))
    return Message(session.id, header, body, tag, session.init).to_bytes().hex()


def make() -> File:
    file = File("ratchet.json", "Conversations: the wire bytes of each step, and what each receiver makes of them.")
    for write in (
        _first_contact,
        _order,
        _kem_period,
        _kem_rules,
        _first_messages_refused,
        _headers_refused,
        _contents_refused,
        _several_sessions,
        _ages,
        _own_devices,
    ):
        write(file, Cast())
    return file


def _first_contact(file: File, cast: Cast) -> None:
    for name, bundle, psk in (
        ("with one-time keys", cast.bobs.bundle(), None),
        ("without one-time keys", cast.bobs.bundle(None, prekeys.KLR), None),
        ("with a psk", cast.bobs.bundle(), named("psk")),
    ):
        script = Script(file, f"first contact {name}", cast.devices(psks=(psk,) if psk else ()))
        script.start("alice", cast.bobs, bundle, psk)
        first = script.send("alice", "bob", cast.from_alice("one"))
        second = script.send("alice", "bob", cast.from_alice("two"))
        script.read("bob", "alice", second)
        script.read("bob", "alice", first)
        answer = script.send("bob", "alice", cast.from_bob("answer"))
        script.read("alice", "bob", answer)
        script.read("bob", "alice", script.send("alice", "bob", cast.from_alice("init rides no more")))
        script.read("alice", "bob", script.send("bob", "alice", cast.from_bob("no KEM values any more")))
        script.save()


def _talking(file: File, name: str, cast: Cast, *devices: str) -> Script:
    """alice and bob have a session that both have used, and all first KEM steps are done."""
    script = Script(file, name, cast.devices(*devices))
    script.start("alice", cast.bobs, cast.bobs.bundle(None, prekeys.KLR))
    for _ in range(2):
        script.read("bob", "alice", script.send("alice", "bob", cast.from_alice("hello")))
        script.read("alice", "bob", script.send("bob", "alice", cast.from_bob("hi")))
    return script


def _order(file: File, cast: Cast) -> None:
    script = _talking(file, "out of order, late, again, and after a restart", cast)
    early = [script.send("alice", "bob", cast.from_alice(f"early {number}")) for number in range(4)]
    script.read("bob", "alice", early[2])
    script.read("bob", "alice", early[0])
    script.read("bob", "alice", early[0], "duplicate")
    script.read("bob", "alice", early[2], "duplicate")
    script.read("alice", "bob", script.send("bob", "alice", cast.from_bob("a new chain")))
    later = [script.send("alice", "bob", cast.from_alice(f"later {number}")) for number in range(3)]
    script.read("bob", "alice", later[1])
    script.step(None, do="restart", who="bob")
    script.read("bob", "alice", early[3])
    script.read("bob", "alice", early[1])
    script.read("bob", "alice", early[1], "duplicate")
    script.read("bob", "alice", forged(script.wire(early[1]), n=99), "duplicate")
    script.read("bob", "alice", later[1], "duplicate")
    script.read("bob", "alice", later[0])
    script.read("bob", "alice", later[2])
    script.save()


def _kem_period(file: File, cast: Cast) -> None:
    script = _talking(file, "a KEM key after 50 messages", cast)

    def chain(expected: bool) -> None:
        script.read("alice", "bob", script.send("bob", "alice", cast.from_bob("go on")))
        number = script.send("alice", "bob", cast.from_alice("a new chain"))
        script.read("bob", "alice", number)
        header = Header.from_bytes(Message.from_bytes(bytes.fromhex(script.wire(number))).header)
        if (header.ek is not None) != expected:
            raise SystemExit(f"{script.name}: a KEM key is {'missing' if expected else 'too early'}")

    for number in range(46):  # 2 were sent before, and 1 comes with each new chain
        script.read("bob", "alice", script.send("alice", "bob", cast.from_alice(f"many {number}")))
    chain(False)
    chain(False)
    chain(True)
    script.read("alice", "bob", script.send("bob", "alice", cast.from_bob("with the answer to it")))
    script.save()
    script = _talking(file, "a KEM key after 24 hours", cast)
    script.now += limits.KEM_PERIOD - 1
    chain(False)
    script.now += 1
    chain(True)
    script.now += limits.KEM_PERIOD - 1
    chain(False)
    script.save()


def _kem_rules(file: File, cast: Cast) -> None:
    script = Script(file, "KEM values stripped, added and changed", cast.devices())
    script.start("alice", cast.bobs, cast.bobs.bundle())
    first = script.send("alice", "bob", cast.from_alice("one"))
    unasked = bytes(kem.CIPHERTEXT_SIZE)
    script.read("bob", "alice", forged(script.wire(first), ct=unasked), "kem_step")
    script.read("bob", "alice", forged(script.wire(first), ek=None), "undecryptable")
    header = Header.from_bytes(Message.from_bytes(bytes.fromhex(script.wire(first))).header)
    ek = bytes.fromhex(flipped((header.ek or b"").hex(), 700))
    script.read("bob", "alice", forged(script.wire(first), ek=ek), "undecryptable")
    bad = broken(script, "alice", cast.bobs, cast.from_alice("bad"), lambda h: replace(h, ek=b"\xff" * kem.PUBLIC_SIZE))
    script.read("bob", "alice", bad, "bad_key")
    script.read("bob", "alice", first)
    answer = script.send("bob", "alice", cast.from_bob("two"))
    script.read("alice", "bob", forged(script.wire(answer), ct=None), "kem_step")
    stripped = broken(script, "bob", cast.phone, cast.from_bob("bad"), lambda h: replace(h, ct=None))
    script.read("alice", "bob", stripped, "kem_step")
    script.read("alice", "bob", forged(script.wire(answer), ct=unasked), "undecryptable")
    script.read("alice", "bob", answer)
    for _ in range(2):
        script.read("bob", "alice", script.send("alice", "bob", cast.from_alice("x")))
        number = script.send("bob", "alice", cast.from_bob("y"))
        script.read("alice", "bob", number)
    script.read("bob", "alice", script.send("alice", "bob", cast.from_alice("z")))
    number = script.send("bob", "alice", cast.from_bob("nothing is awaited"))
    script.read("alice", "bob", forged(script.wire(number), ct=unasked), "kem_step")
    script.read("alice", "bob", number)
    script.save()


def _first_messages_refused(file: File, cast: Cast) -> None:
    script = Script(file, "first messages that start nothing", cast.devices("alice", "tablet", "bob", "charlie"))
    script.start("alice", cast.bobs, cast.bobs.bundle(1))
    first = script.send("alice", "bob", cast.from_alice("one"))
    message = Message.from_bytes(bytes.fromhex(script.wire(first)))

    def changed(**changes: Json) -> str:
        return replace(message, **changes).to_bytes().hex()

    script.read("bob", "alice", changed(init=None), "unknown_session")
    script.read("bob", "alice", changed(init=b"\x81\x02"), "unsupported")
    script.read("bob", "alice", changed(init=b"\x80"), "malformed")
    script.read("bob", "alice", changed(session_id=named("another session")), "undecryptable")
    script.read("bob", "charlie", first, "malformed")
    script.read("bob", "tablet", first, "malformed")
    script.read("charlie", "alice", first, "undecryptable")
    script.read("alice", "bob", first, "kem_step")
    script.read("bob", "alice", first)
    script.read("bob", "alice", first, "duplicate")
    script.step(None, do="forget", who="bob", peer="alice")
    script.step(None, do="restart", who="bob")
    script.read("bob", "alice", first, "replayed")
    again = script.start("alice", cast.bobs, cast.bobs.bundle(1))
    second = script.send("alice", "bob", cast.from_alice("two"), session=again)
    script.read("bob", "alice", second, "unknown_prekey")
    with_psk = script.start("alice", cast.bobs, cast.bobs.bundle(2), named("not bob's psk"))
    script.read("bob", "alice", script.send("alice", "bob", cast.from_alice("x"), session=with_psk), "unknown_prekey")
    third_session = script.start("alice", cast.bobs, cast.bobs.bundle(3))
    third = script.send("alice", "bob", cast.from_alice("three"), session=third_session)
    whole = cast.alice.lists[:]
    removed = cast.alice.publish(cast.tablet)
    for lists in ([whole[0], removed], [removed]):
        script.step(None, do="learn", who="bob", objects=[one.signed.hex() for one in lists])
        script.read("bob", "alice", third, "not_listed")
    script.step(None, do="learn", who="bob", objects=[one.signed.hex() for one in whole])
    script.read("bob", "alice", third)
    script.save()


def _headers_refused(file: File, cast: Cast) -> None:
    script = _talking(file, "headers and bytes changed on the way", cast)
    script.read("bob", "alice", script.send("alice", "bob", cast.from_alice("zero")))
    number = script.send("alice", "bob", cast.from_alice("one"))
    wire = script.wire(number)
    script.read("bob", "alice", forged(wire, n=2002), "too_far")
    script.read("bob", "alice", forged(wire, n=2001), "undecryptable")
    script.read("bob", "alice", forged(wire, n=2**53 - 1), "too_far")
    script.read("bob", "alice", forged(wire, n=0), "duplicate")
    script.read("bob", "alice", forged(wire, pn=0), "undecryptable")
    script.read("bob", "alice", forged(wire, dh=bytes(32)), "bad_key")
    script.read("bob", "alice", forged(wire, dh=b"\xff" * 32), "bad_key")
    script.read("bob", "alice", forged(wire, dh=named("a new chain", 32)[:31] + b"\x01"), "undecryptable")
    script.read("bob", "alice", forged(wire, dh=named("a new chain", 32)[:31] + b"\x01", n=2001), "too_far")
    script.read("bob", "alice", forged(wire, dh=named("a new chain", 32)[:31] + b"\x01", pn=2002), "too_far")
    message = Message.from_bytes(bytes.fromhex(wire))
    for part in ("body", "tag"):
        value: bytes = getattr(message, part)
        changed = bytes.fromhex(flipped(value.hex(), len(value) // 2))
        script.read("bob", "alice", replace(message, **{part: changed}).to_bytes().hex(), "undecryptable")
    script.read("bob", "alice", replace(message, body=message.body[:71]).to_bytes().hex(), "malformed")
    script.read("bob", "alice", replace(message, body=message.body[:72]).to_bytes().hex(), "undecryptable")
    script.read("bob", "alice", replace(message, header=b"\x80").to_bytes().hex(), "malformed")
    script.read("bob", "alice", "8102", "unsupported")
    script.read("bob", "alice", "80", "malformed")
    script.read("bob", "alice", "81f5", "malformed")
    script.read("bob", "alice", "8101", "malformed")
    script.read("bob", "alice", wire + "00", "malformed")
    script.read("bob", "alice", wire[:-2], "malformed")
    script.read("alice", "bob", number, "undecryptable")  # reflection
    script.read("bob", "alice", replace(message, init=b"not read").to_bytes().hex())
    script.read("bob", "alice", number, "duplicate")
    script.read("alice", "bob", script.send("bob", "alice", cast.from_bob("answer")))
    low = broken(script, "alice", cast.bobs, cast.from_alice("pn too low"), lambda h: replace(h, pn=0))
    script.read("bob", "alice", low)
    script.save()


def _contents_refused(file: File, cast: Cast) -> None:
    script = _talking(file, "messages that open and are not shown", cast)
    good = cast.from_alice("good")
    lie = script.send("alice", "bob", good, tag=named("a lie", 32).hex())
    script.unreadable("bob", "alice", lie, "bad_franking")
    script.read("bob", "alice", lie, "duplicate")
    for padded, failure in (
        (good[:100], "malformed"),  # no padding
        (good + bytes(16), "malformed"),  # padding of another length
        (padding.pad(named("fk", 32)), "malformed"),  # no content
        (padding.pad(named("fk", 32) + bytes.fromhex("a10001")), "malformed"),  # half a content
        (padding.pad(named("fk", 32) + bytes.fromhex("a11000")), "unsupported"),  # a critical key
        (a_padded("for charlie", cast.alice, cast.charlie), "malformed"),  # another chat
    ):
        script.unreadable("bob", "alice", script.send("alice", "bob", padded), failure)
    number = script.send("alice", "bob", good)
    script.unreadable("bob", "alice", number, "malformed", message_id=named("another message id").hex())
    script.read("bob", "alice", script.send("alice", "bob", good), message_id=named("message good").hex())
    script.save()


def _several_sessions(file: File, cast: Cast) -> None:
    script = Script(file, "both start at once", cast.devices())
    script.start("alice", cast.bobs, cast.bobs.bundle(1))
    script.start("bob", cast.phone, cast.phone.bundle(1))
    one = script.send("alice", "bob", cast.from_alice("from alice"))
    two = script.send("bob", "alice", cast.from_bob("from bob"))
    script.read("alice", "bob", two)
    script.read("bob", "alice", one)
    for number in range(2):
        script.read("bob", "alice", script.send("alice", "bob", cast.from_alice(f"a {number}")))
        script.read("alice", "bob", script.send("bob", "alice", cast.from_bob(f"b {number}")))
    script.save()
    script = Script(file, "five sessions at most, and the one that decrypted last sends", cast.devices())
    last_resort = cast.bobs.bundle(None, prekeys.KLR)
    for number in range(6):
        started = script.start("alice", cast.bobs, last_resort)
        sent = script.send("alice", "bob", cast.from_alice(f"session {number}"), session=started)
        if len(script.read("bob", "alice", sent)["dropped"]) != (number == 5):
            raise SystemExit("dropped the wrong number of sessions")
        script.now += limits.MINUTE
    answer = script.send("bob", "alice", cast.from_bob("on the newest"))
    if Message.from_bytes(bytes.fromhex(script.wire(answer))).session_id.hex() != started:
        raise SystemExit("sent on another session")
    script.read("alice", "bob", answer)
    script.save()


def _ages(file: File, cast: Cast) -> None:
    script = Script(file, "a session without an answer goes after 30 days", cast.devices())
    script.start("alice", cast.bobs, cast.bobs.bundle())
    script.now += limits.UNANSWERED_MAX_AGE
    script.send("alice", "bob", cast.from_alice("anybody there"))
    script.now += 1
    script.send("alice", "bob", cast.from_alice("nobody"), "unknown_session")
    script.save()
    script = _talking(file, "a skipped key goes after 30 days", cast)
    late, later = (script.send("alice", "bob", cast.from_alice(words)) for words in ("late", "later"))
    script.read("bob", "alice", script.send("alice", "bob", cast.from_alice("in time")))
    script.now += limits.SKIPPED_MAX_AGE
    script.read("bob", "alice", late)
    script.now += 1
    script.read("bob", "alice", later, "duplicate")
    script.save()


def _own_devices(file: File, cast: Cast) -> None:
    script = Script(file, "a copy for an own device stays in its chat", cast.devices("alice", "tablet"))
    script.start("alice", cast.tablet, cast.tablet.bundle())
    padded = cast.from_alice("to bob")
    for chat_with, failure in ((cast.bob, None), (cast.charlie, "malformed")):
        number = script.send("alice", "tablet", padded)
        result = script.read("tablet", "alice", number, chat_with=chat_with.id.hex())
        if result["failure"] != failure:
            raise SystemExit("a copy in the wrong chat")
    script.unreadable("tablet", "alice", script.send("alice", "tablet", padded), "malformed")
    script.save()
