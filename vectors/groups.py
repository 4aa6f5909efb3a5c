"""Makes `groups.json`: operations of group chats and what they make, metas and links."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from making import NOW, Account, Device, File, Json, Recorder, flipped, named

from messenger_client.protocol import (
    base32,
    body,
    cbor,
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
    chain = Chain(cast, "", Create.of(cast.roster(alice=OWNER), sealed_meta("group key"), members_may_add=False))
    chain.do("alice", SetMeta(sealed_meta("another key"), members_may_add=False))
    first = [one.hex() for one in chain.operations]
    chain.do("alice", Rekey(sealed_meta("second key")))
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


def sealed_meta(key: str) -> bytes:
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
