"""Makes `groups.json` and `sender_keys.json`: what operations make of a group chat, and messages on chains."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import groups_run
from making import NOW, Account, Device, File, Json, Recorder, flipped, named

from messenger_client.protocol import (
    account_data,
    base32,
    body,
    cbor,
    content,
    group_chain,
    ids,
    limits,
    padding,
    primitives,
)
from messenger_client.protocol.group_args import (
    ADMIN,
    MEMBER,
    OWNER,
    Add,
    Approve,
    Args,
    CloseLink,
    Create,
    Join,
    Leave,
    Member,
    OpenLink,
    Rekey,
    Remove,
    SetMeta,
    SetRole,
)
from messenger_client.protocol.group_operation import NO_PREVIOUS, Operation, sign_operation
from messenger_client.protocol.group_state import GroupState
from messenger_client.protocol.group_wire import GroupHeader, GroupMessage, signed_part
from messenger_client.protocol.secret import Secret

GID = ids.GroupId(ids.ConversationId(named("gid")))
ELSEWHERE = ids.GroupId(ids.ConversationId(named("another gid")))
META = named("a sealed meta", 72)
LINK = primitives.SigningKey.from_seed(named("link", 32))
OTHER_LINK = primitives.SigningKey.from_seed(named("another link", 32))


class Cast:
    """alice owns the group chat, bob is an admin, dora a member; charlie is outside."""

    def __init__(self) -> None:
        self.accounts = {name: Account(name) for name in ("alice", "bob", "charlie", "dora")}
        self.devices = {name: Device(f"{name}'s phone", account) for name, account in self.accounts.items()}
        for name, account in self.accounts.items():
            account.publish(self.devices[name])

    def id(self, name: str) -> ids.AccountId:
        return self.accounts[name].id

    def roster(self, **roles: int) -> list[Member]:
        return [Member(self.id(name), role) for name, role in roles.items()]

    def lists(self) -> Json:
        return [[one.signed.hex() for one in account.lists] for account in self.accounts.values()]


class Chain:
    """A chain in the making: each step is signed by its author, and taken or refused as was meant."""

    def __init__(self, cast: Cast, name: str, create: Create | None = None) -> None:
        self.cast, self.name = cast, name
        self.state: GroupState | None = None
        self.operations: list[bytes] = []
        self.meant: list[str | None] = []
        self.do("alice", create or self.create())

    def create(self, *, members_may_add: bool = False) -> Create:
        roster = self.cast.roster(alice=OWNER, bob=ADMIN, dora=MEMBER)
        return Create.of(roster, META, members_may_add=members_may_add)

    def signed(self, author: str, args: Args, **changes: Any) -> Operation:
        state = self.state
        place: dict[str, Any] = {
            "group": GID,
            "index": 0 if state is None else state.index + 1,
            "previous": NO_PREVIOUS if state is None else state.hash,
            "time": NOW if state is None else state.time,
            "list_hash": self.cast.accounts[author].lists[-1].hash,
            "own": self.cast.devices[author].own,
            **changes,
        }
        return sign_operation(args=args, **place)

    def do(self, author: str, args: Args, **changes: Any) -> Operation:
        operation = self.signed(author, args, **changes)
        self.state = group_chain.apply(self.state, operation.signed, self)
        self.operations.append(operation.signed)
        self.meant.append(None)
        return operation

    def refuse(self, author: str, args: Args, fails: str = "malformed", **changes: Any) -> None:
        self.refuse_signed(self.signed(author, args, **changes).signed, fails)

    def refuse_signed(self, signed: bytes, fails: str) -> None:
        self.operations.append(signed)
        self.meant.append(fails)

    def list_named(self, account: bytes, list_hash: bytes) -> Any:
        lists = [one for known in self.cast.accounts.values() for one in known.lists]
        return next((one for one in lists if (one.account, one.hash) == (account, list_hash)), None)

    def save(self, file: File) -> list[str]:
        operations = [one.hex() for one in self.operations]
        got = file.add(self.name, "group_chain", lists=self.cast.lists(), operations=operations)
        for number, (result, fails) in enumerate(zip(got, self.meant, strict=True)):
            file.check(f"{self.name}, operation {number}", result, fails)
        return operations


def make_groups() -> File:
    file = File("groups.json", "Group chats: operations, what they make, metas and links (PROTOCOL.md, Groups).")
    _forms(file)
    _rules(file)
    _links(file)
    _chain(file)
    _metas(file)
    _codes(file)
    return file


def _forms(file: File) -> None:
    cast = Cast()
    own = cast.devices["alice"].own
    who = cast.id("bob")
    given = {
        "own": cast.devices["alice"].own_json(),
        "list_hash": cast.accounts["alice"].lists[-1].hash.hex(),
        "group": GID.hex(),
        "index": 3,
        "previous": named("previous", 32).hex(),
        "time": NOW,
    }
    kinds: dict[str, Args] = {
        "create": Create.of(cast.roster(alice=OWNER, bob=MEMBER), META, members_may_add=True),
        "add": Add(who),
        "remove": Remove(who, META),
        "leave": Leave(),
        "role": SetRole(who, ADMIN),
        "meta": SetMeta(META, members_may_add=False),
        "link": OpenLink(LINK.public, NOW + 1, 5, approval=True),
        "link without end and bound": OpenLink(LINK.public, None, None, approval=False),
        "unlink": CloseLink(LINK.public),
        "join": Join.by(LINK, GID, own.account),
        "approve": Approve(who),
        "rekey": Rekey(META),
    }
    for name, args in kinds.items():
        written = cbor.encode(args.to_map()).hex()
        made = file.add(f"sign: {name}", "sign_operation", code=args.code, args=written, **given)
        file.add(f"open: {name}", "open_operation", operation=made["operation"])

    def form(name: str, fails: str, code: int, fields: Any) -> None:
        payload = ["groupop", GID, 1, bytes(32), NOW, own.account, own.device, bytes(32), code, fields]
        file.add(f"open: {name}", "open_operation", fails, operation=_signed(cbor.encode(payload)).hex())

    for code in (11, 255):
        form(f"code {code}", "unsupported", code, {})
    for name, args in kinds.items():
        form(f"{name} with a field that is not known", "unsupported", args.code, {**args.to_map(), 9: 0})
    form("leave with key 16", "unsupported", 3, {16: 0})
    roster = [[cast.id(name), 0] for name in sorted(cast.accounts, key=cast.id)]
    many = [[number.to_bytes(16, "big"), OWNER] for number in range(limits.MAX_ROSTER + 1)]
    for name, code, fields in (
        ("args as an array", 3, []),
        ("args null", 3, None),
        ("create without a roster", 0, {1: META, 2: True}),
        ("create of members out of order", 0, {0: roster[::-1], 1: META, 2: True}),
        ("create with a member twice", 0, {0: [roster[0], roster[0]], 1: META, 2: True}),
        ("create with role 3", 0, {0: [[who, 3]], 1: META, 2: True}),
        ("create with role true", 0, {0: [[who, True]], 1: META, 2: True}),
        ("create of 501", 0, {0: many, 1: META, 2: True}),
        ("create with a short meta", 0, {0: roster, 1: META[1:], 2: True}),
        ("create with a long meta", 0, {0: roster, 1: bytes(limits.MAX_META + 1), 2: True}),
        ("create with may add 1", 0, {0: roster, 1: META, 2: 1}),
        ("add of a short id", 1, {0: bytes(15)}),
        ("add of nobody", 1, {}),
        ("remove without a meta", 2, {0: who}),
        ("remove with a meta of text", 2, {0: who, 1: "x" * 72}),
        ("role without a role", 4, {0: who}),
        ("role 3", 4, {0: who, 1: 3}),
        ("meta without may add", 5, {0: META}),
        ("link with a short key", 6, {0: bytes(31), 3: False}),
        ("link that expires null", 6, {0: bytes(32), 1: None, 3: False}),
        ("link for no use", 6, {0: bytes(32), 2: 0, 3: False}),
        ("link without approval", 6, {0: bytes(32), 1: NOW, 2: 1}),
        ("unlink without a key", 7, {}),
        ("join with a short signature", 8, {0: bytes(63), 1: bytes(32)}),
        ("join without a key", 8, {0: bytes(64)}),
        ("approve null", 9, {0: None}),
        ("rekey with an empty meta", 10, {0: b""}),
    ):
        form(name, "malformed", code, fields)
    good: list[Any] = ["groupop", GID, 1, bytes(32), NOW, own.account, own.device, bytes(32), 3, {}]
    for name, place, value in (
        ("another kind", 0, "groupOp"),
        ("a short gid", 1, bytes(15)),
        ("index null", 2, None),
        ("a short prev", 3, bytes(31)),
        ("time as text", 4, "now"),
        ("a long account id", 5, bytes(17)),
        ("no device", 6, None),
        ("a short list hash", 7, bytes(31)),
        ("code true", 8, True),
    ):
        payload = cbor.encode([*good[:place], value, *good[place + 1 :]])
        file.add(f"open: {name}", "open_operation", "malformed", operation=_signed(payload).hex())
    for name, signed in {
        "nine fields": _signed(cbor.encode(good[:-1])),
        "eleven fields": _signed(cbor.encode([*good, 0])),
        "a short signature": cbor.encode([cbor.encode(good), bytes(63)]),
        "a payload that is no byte string": cbor.encode([good, bytes(64)]),
        "three parts": cbor.encode([cbor.encode(good), bytes(64), 0]),
    }.items():
        file.add(f"open: {name}", "open_operation", "malformed", operation=signed.hex())


def _signed(payload: bytes) -> bytes:
    return cbor.encode([payload, bytes(64)])


def _rules(file: File) -> None:
    cast = Cast()
    bob, charlie, dora, alice = (cast.id(name) for name in ("bob", "charlie", "dora", "alice"))
    stranger = ids.AccountId(named("stranger"))

    roles = Chain(cast, "each role does what it may")
    for author in ("dora", "charlie"):
        for args in (
            Add(stranger),
            Remove(bob, META),
            SetRole(dora, ADMIN),
            SetMeta(META, members_may_add=True),
            OpenLink(LINK.public, None, None, approval=False),
            Rekey(META),
            Create.of(cast.roster(dora=OWNER), META, members_may_add=True),
        ):
            roles.refuse(author, args)
    roles.refuse("charlie", Leave())
    roles.refuse("bob", SetRole(dora, ADMIN))
    roles.refuse("bob", Remove(alice, META))
    roles.do("bob", Add(charlie))
    roles.refuse("alice", Add(charlie))
    roles.refuse("alice", Remove(stranger, META))
    roles.refuse("alice", SetRole(stranger, MEMBER))
    roles.refuse("alice", SetRole(bob, ADMIN))
    roles.do("alice", SetRole(charlie, ADMIN))
    roles.refuse("bob", Remove(charlie, META))
    roles.refuse("bob", Remove(bob, META))
    roles.refuse("alice", Remove(alice, META))
    roles.do("alice", Remove(charlie, named("second meta", 72)))
    roles.refuse("charlie", Add(stranger))
    roles.do("bob", SetMeta(named("third meta", 80), members_may_add=True))
    roles.do("dora", Add(charlie))
    roles.do("bob", Remove(dora, named("fourth meta", 72)))
    roles.do("bob", Rekey(named("fifth meta", 72)))
    roles.save(file)

    owners = Chain(cast, "the last owner leaves nobody behind")
    owners.refuse("alice", Leave())
    owners.refuse("alice", SetRole(alice, ADMIN))
    owners.do("alice", SetRole(bob, OWNER))
    owners.do("alice", SetRole(alice, MEMBER))
    owners.refuse("bob", Leave())
    owners.do("bob", SetRole(alice, OWNER))
    owners.do("bob", Remove(alice, META))
    owners.do("dora", Leave())
    owners.do("bob", Leave())
    owners.refuse("bob", Add(alice))
    owners.refuse("bob", Leave())
    owners.save(file)

    others = [Member(ids.AccountId(named(f"member {number}")), MEMBER) for number in range(limits.MAX_ROSTER - 2)]
    full = Chain(cast, "five hundred", Create.of([*cast.roster(alice=OWNER), *others], META, members_may_add=False))
    full.do("alice", OpenLink(LINK.public, None, None, approval=True))
    full.do("charlie", Join.by(LINK, GID, charlie))
    full.refuse("alice", Add(bob))
    full.refuse("bob", Join.by(LINK, GID, bob))
    full.save(file)

    start = Chain(cast, "a group chat begins with create, once")
    start.refuse("alice", Create.of(cast.roster(alice=OWNER), META, members_may_add=False))
    start.save(file)
    for name, fails, author, first, changes in (
        ("without its author", "malformed", "charlie", start.create(), {}),
        (
            "by an admin",
            "malformed",
            "bob",
            Create.of(cast.roster(alice=OWNER, bob=ADMIN), META, members_may_add=False),
            {},
        ),
        ("without owners", "malformed", "alice", Create.of([], META, members_may_add=False), {}),
        ("by another operation", "malformed", "alice", Rekey(META), {}),
        ("with a prev", "list_refused", "alice", start.create(), {"previous": named("x", 32)}),
        ("with index 1", "list_refused", "alice", start.create(), {"index": 1}),
    ):
        start.state = None
        signed = start.signed(author, first, **changes).signed.hex()
        got = file.add(f"a beginning {name}", "group_chain", lists=cast.lists(), operations=[signed])
        file.check(name, got[0], fails)


def _links(file: File) -> None:
    cast = Cast()
    charlie, dora = cast.id("charlie"), cast.id("dora")

    open_ = Chain(cast, "a link for two, for a second")
    open_.do("bob", OpenLink(LINK.public, NOW + 1_000, 2, approval=False))
    open_.refuse("alice", OpenLink(LINK.public, None, None, approval=True))
    open_.refuse("charlie", Join.by(OTHER_LINK, GID, charlie))
    open_.refuse("charlie", Join.by(LINK, ELSEWHERE, charlie), "bad_signature")
    open_.refuse("charlie", Join.by(LINK, GID, dora), "bad_signature")
    open_.refuse("charlie", replace(Join.by(OTHER_LINK, GID, charlie), key=LINK.public), "bad_signature")
    open_.refuse("dora", Join.by(LINK, GID, dora))
    open_.refuse("charlie", Join.by(LINK, GID, charlie), time=NOW + 1_000)
    open_.do("charlie", Join.by(LINK, GID, charlie), time=NOW + 999)
    open_.refuse("charlie", Join.by(LINK, GID, charlie))
    open_.do("charlie", Leave())
    open_.do("charlie", Join.by(LINK, GID, charlie))
    open_.do("charlie", Leave())
    open_.refuse("charlie", Join.by(LINK, GID, charlie))
    open_.do("alice", OpenLink(OTHER_LINK.public, None, None, approval=False))
    open_.do("alice", CloseLink(LINK.public))
    open_.refuse("alice", CloseLink(LINK.public))
    open_.refuse("dora", CloseLink(OTHER_LINK.public))
    open_.do("alice", CloseLink(OTHER_LINK.public))
    open_.refuse("charlie", Join.by(OTHER_LINK, GID, charlie))
    open_.save(file)

    waiting = Chain(cast, "a link with approval")
    waiting.do("alice", OpenLink(LINK.public, None, 3, approval=True))
    waiting.do("charlie", Join.by(LINK, GID, charlie))
    waiting.refuse("charlie", Join.by(LINK, GID, charlie))
    waiting.refuse("charlie", Add(ids.AccountId(named("stranger"))))
    waiting.refuse("alice", Add(charlie))
    waiting.refuse("alice", SetRole(charlie, MEMBER))
    waiting.refuse("dora", Approve(charlie))
    waiting.refuse("charlie", Approve(charlie))
    waiting.do("charlie", Leave())
    waiting.refuse("alice", Approve(charlie))
    waiting.do("charlie", Join.by(LINK, GID, charlie))
    waiting.do("bob", Remove(charlie, named("second meta", 72)))
    waiting.do("charlie", Join.by(LINK, GID, charlie))
    waiting.do("bob", Approve(charlie))
    waiting.refuse("bob", Approve(charlie))
    waiting.save(file)

    removed = Chain(cast, "who was removed waits")
    removed.do("alice", OpenLink(LINK.public, None, None, approval=False))
    removed.do("bob", Remove(dora, named("second meta", 72)))
    removed.do("dora", Join.by(LINK, GID, dora))
    removed.do("alice", Approve(dora))
    removed.do("dora", Leave())
    removed.do("dora", Join.by(LINK, GID, dora))
    removed.save(file)

    many = Chain(cast, "so many links at a time")
    for number in range(limits.MAX_LINKS):
        many.do("alice", OpenLink(named(f"link {number}", 32), None, None, approval=False))
    many.refuse("alice", OpenLink(LINK.public, None, None, approval=False))
    many.do("bob", CloseLink(named("link 7", 32)))
    many.do("bob", OpenLink(LINK.public, None, None, approval=False))
    many.save(file)


def _chain(file: File) -> None:
    cast = Cast()
    charlie = cast.id("charlie")
    chain = Chain(cast, "forged, foreign, replayed and forked operations")
    first = chain.operations[0]
    good = chain.signed("bob", Add(charlie))
    for fails, signed in (
        ("bad_signature", cbor.encode([good.payload, bytes.fromhex(flipped(good.signature.hex(), 0))])),
        ("bad_signature", _by(cast, "alice", "groupop", good.payload)),
        ("bad_signature", _by(cast, "bob", "devlist", good.payload)),
    ):
        chain.refuse_signed(signed, fails)
    alices, bobs = cast.devices["alice"].own, cast.devices["bob"].own
    alices_list = cast.accounts["alice"].lists[-1].hash
    posing = replace(bobs, account=alices.account, device=alices.device)
    chain.refuse("alice", Rekey(META), "bad_signature", own=posing)
    chain.refuse("alice", Rekey(META), "not_listed", own=replace(bobs, account=alices.account))
    chain.refuse("bob", Rekey(META), "not_listed", list_hash=alices_list)
    chain.refuse("bob", Rekey(META), "not_listed", list_hash=bytes(32))
    chain.refuse("bob", Rekey(META), "list_refused", index=2)
    chain.refuse("bob", Rekey(META), "list_refused", previous=bytes(32))
    chain.refuse("bob", Rekey(META), "list_refused", group=ELSEWHERE)
    chain.refuse("bob", Rekey(META), time=NOW - 1)
    fork = chain.signed("bob", Rekey(META)).signed
    chain.do("alice", Add(charlie), time=NOW + 5)
    for old in (fork, first, chain.operations[-1]):
        chain.refuse_signed(old, "list_refused")
    chain.refuse("bob", Rekey(META), time=NOW + 4)
    chain.do("bob", Rekey(META))
    chain.save(file)

    lists = Cast()
    alice = lists.accounts["alice"]
    tablet = Device("alice's tablet", alice)
    older = alice.publish(lists.devices["alice"], tablet)
    alice.publish(lists.devices["alice"])
    removed = Chain(lists, "an author does not go back to an older list")
    removed.refuse("alice", Rekey(META), own=tablet.own, list_hash=older.hash)
    removed.refuse("alice", Rekey(META), "not_listed", own=tablet.own)
    removed.do("alice", Rekey(META))
    removed.save(file)

    late = Chain(lists, "a device of an older list, before a newer one was named", _alone(lists))
    late.operations, late.meant, late.state = [], [], None
    late.do("alice", _alone(lists), own=tablet.own, list_hash=older.hash)
    late.do("alice", Rekey(META), own=tablet.own, list_hash=older.hash)
    late.do("alice", Rekey(META))
    late.refuse("alice", Rekey(META), own=tablet.own, list_hash=older.hash)
    late.save(file)


def _alone(cast: Cast) -> Create:
    return Create.of(cast.roster(alice=OWNER), META, members_may_add=False)


def _by(cast: Cast, name: str, label: str, payload: bytes) -> bytes:
    return cbor.encode([payload, cast.devices[name].own.signing.sign(label, payload)])


def _metas(file: File) -> None:
    key: Json = {"key": named("group key", 32).hex(), "version": 0, "group": GID.hex()}
    avatar = body.Attachment(named("blob"), Secret(named("file key", 32)), 7, named("file hash", 32), "image/png")
    for name, fields in {
        "a title": {0: "Friends"},
        "everything": {0: "grüße 👋", 1: "about us", 2: 0xFFFFFF, 3: avatar.to_map()},
        "no letters": {0: ""},
    }.items():
        meta, nonce = cbor.encode(fields).hex(), named(f"nonce {name}", 24).hex()
        sealed = file.add(f"seal a meta: {name}", "seal_meta", meta=meta, nonce=nonce, **key)["sealed"]
        file.add(f"open a meta: {name}", "open_meta", sealed=sealed, **key)
    nonce = named("nonce", 24).hex()
    long = cbor.encode({0: "x" * limits.MAX_META}).hex()
    file.add("seal a meta: too long", "seal_meta", "malformed", meta=long, nonce=nonce, **key)
    for name, changed in {
        "another key": {"key": named("another key", 32).hex()},
        "another group": {"group": ELSEWHERE.hex()},
        "a changed byte": {"sealed": flipped(sealed, -1)},
        "nothing": {"sealed": ""},
    }.items():
        file.add(f"open a meta: {name}", "open_meta", "undecryptable", **{"sealed": sealed, **key, **changed})
    for name, fails, plain in (
        ("no title", "malformed", padding.pad(cbor.encode({}))),
        ("a title of bytes", "malformed", padding.pad(cbor.encode({0: b"x"}))),
        ("description null", "malformed", padding.pad(cbor.encode({0: "x", 1: None}))),
        ("a colour beyond", "malformed", padding.pad(cbor.encode({0: "x", 2: 0x1000000}))),
        ("an empty avatar", "malformed", padding.pad(cbor.encode({0: "x", 3: {}}))),
        ("no padding", "malformed", cbor.encode({0: "x"})),
        ("key 16", "unsupported", padding.pad(cbor.encode({0: "x", 16: 0}))),
    ):
        bad = primitives.cseal(named("group key", 32), "meta", GID, plain, Recorder(f"meta {name}")).hex()
        file.add(f"open a meta: {name}", "open_meta", fails, sealed=bad, **key)
    passed_over = padding.pad(cbor.encode({0: "x", 15: 0}))
    extra = primitives.cseal(named("group key", 32), "meta", GID, passed_over, Recorder("meta 15")).hex()
    file.add("open a meta: key 15 is passed over", "open_meta", sealed=extra, **key)

    cast = Cast()
    chain = Chain(cast, "", Create.of(cast.roster(alice=OWNER), _sealed("group key"), members_may_add=False))
    chain.do("alice", SetMeta(_sealed("another key"), members_may_add=False))
    first = [one.hex() for one in chain.operations]
    chain.do("alice", Rekey(_sealed("second key")))
    second = [one.hex() for one in chain.operations]
    for name, fails, operations, version, secret in (
        ("of create", None, first, 0, "group key"),
        ("of a meta that was set later", "bad_key", first, 0, "another key"),
        ("of another version", "malformed", first, 1, "group key"),
        ("of a rekey", None, second, 2, "second key"),
        ("from before a rekey", "malformed", second, 0, "group key"),
        ("from before a rekey, under the new version", "bad_key", second, 2, "group key"),
    ):
        given = {"operations": operations, "version": version, "key": named(secret, 32).hex()}
        file.add(f"a group key {name}", "check_group_key", fails, **given)


def _sealed(key: str) -> bytes:
    plain = padding.pad(cbor.encode({0: "Friends"}))
    return primitives.cseal(named(key, 32), "meta", GID, plain, Recorder(f"meta under {key}"))


def _codes(file: File) -> None:
    cast = Cast()
    joining = {"group": GID.hex(), "account": cast.id("charlie").hex()}
    file.add("sign a join", "sign_join", seed=bytes(LINK.seed).hex(), **joining)
    chain = Chain(cast, "")
    opened = chain.do("bob", OpenLink(LINK.public, None, None, approval=False))
    chain.do("charlie", Join.by(LINK, GID, cast.id("charlie")))
    code = {"group": GID.hex(), "seed": bytes(LINK.seed).hex(), "gsh": opened.hash.hex()}
    text = str(file.add("a link", "group_link", **code)["text"])
    for name, read in {
        "as shown": text,
        "in lower case": text.lower(),
        "in groups": f"{text[:70]}- \n{text[70:]}",
    }.items():
        file.add(f"read a link {name}", "read_group_link", text=read)
    for name, broken in {
        "no text": "",
        "a character too few": text[:-1],
        "a character too many": f"{text}0",
        "a bit left over": f"{text[:-1]}{base32.ALPHABET[base32.ALPHABET.index(text[-1]) | 1]}",
        "a device's": "0" * 200,
        "another kind": base32.encode(cbor.encode(["joiN", GID, bytes(LINK.seed), opened.hash])),
        "a short gid": base32.encode(cbor.encode(["join", GID[1:], bytes(33), opened.hash])),
    }.items():
        file.add(f"read a link: {name}", "read_group_link", "malformed", text=broken)
    lists, operations = cast.lists(), [one.hex() for one in chain.operations]
    file.add("follow a link", "follow_link", text=text, lists=lists, operations=operations)
    forged = Chain(cast, "", Create.of(cast.roster(alice=OWNER), META, members_may_add=True))
    forged.do("alice", OpenLink(LINK.public, None, None, approval=False))
    for name, objects in {
        "to a group of the server's making": [one.hex() for one in forged.operations],
        "to a chain that does not reach it": operations[:1],
        "to nothing": [],
    }.items():
        file.add(f"follow a link {name}", "follow_link", "list_refused", text=text, lists=lists, operations=objects)
    every = [account.lists[-1].signed.hex() for account in cast.accounts.values()]
    file.add("the hash of all lists", "lists_hash", lists=every)
    file.add("the hash of all lists in another order", "lists_hash", lists=every[::-1])
    file.add("the hash of no lists", "lists_hash", lists=[])


# Chains


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
    sealed = _sealed("group key")
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
    remove = chain.signed("bob", Remove(cast.id("dora"), _sealed("second key"))).signed.hex()
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
    rekey = chain.signed("alice", Rekey(_sealed("second key")))
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
    fork = chain.signed("bob", Rekey(_sealed("third key"))).signed.hex()
    forked = Script(file, "a message does not cross a fork", script.devices)
    forked.step(None, do="follow", who="alice", operation=rekey.signed.hex())
    forked.step(None, do="follow", who="bob", operation=fork)
    forked.begin("alice")
    other = forked.announce("alice")
    forked.accept("bob", "alice", other, "not_listed")
    gsh = forked.run.members["bob"].group.hash
    moved = cbor.decode(bytes.fromhex(forked.results[other]["announced"]))
    forked.accept("bob", "alice", cbor.encode({**moved, 2: gsh}).hex())  # type: ignore[dict-item]
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
    newer = replace_list(doras)
    script.step(None, do="learn", who="alice", objects=[doras.lists[-1].signed.hex(), newer])
    due(True, told, NOW)
    due(False, told[:1], NOW)
    script.save()


def replace_list(account: Account) -> str:
    """The account's last device signs itself out; the account of the cast stays as it was."""
    other = Account(account.name)
    other.lists = list(account.lists)
    return other.publish().signed.hex()
