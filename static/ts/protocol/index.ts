// The protocol core: keys, device lists, sessions, messages. No I/O; clock (ms) and randomness are passed in.
//
// The twin of client/messenger_client/protocol: the same modules, names (in camelCase) and bytes, on the wire and in
// the store. Values are frozen, functions return new ones, and an error (`errors`: a closed set, each with a `code`)
// changes nothing. PROTOCOL.md is the reference; docs/protocol.md says what is where. Once, before anything else:
// `await primitives.ready()`.
//
// A new account and its first device
//   const ak = keys.generateAccountKey();
//   const own = OwnDevice.generate(account, device, ak.public);
//   const mine = signList(ak, account, [listed(own, { added: now })], { previous: null, now });
// Publish `mine.signed`; the next list has `previous: mine`. Prekeys: `generatePrekeys(own, OPK, { firstId, count: 100,
// now })`, likewise OKPK, and one SPK and one KLR every 7 days. Store each `private` and the next id, then publish each
// `signed.toBytes()`. To a server's nonce answer `proveDevice(own, origin, nonce)`.
//
// Lists of others, and one's own
// `acceptLists(account, pin or null, objects)` gives the new `pin`, the `lists` (keep all: first messages name them by
// hash) and the `removed` devices (drop their pairs). ListRefused: report it. IdentityChanged: stop sending, ask the
// person, then `acknowledgeIdentity(pin, key, objects)`.
//
// Sending
// A `Pair` holds the sessions with one device. When it is empty, claim a bundle:
//   const bundle = Bundle.fromBytes(data);
//   const verified = verifyBundle(bundle, pin.newest, device, seen, { now }); // store verified.seen
//   const [pair, dropped] = held.add(startSession(own, mine, verified, { now }));
// A content is sealed once, `const sealed = content.seal(...)`, then encrypted for each device of the recipient and each
// other own device: `session.encrypt(pair, sealed, { now })`. Store every `pair` and `wire` of the results, and `sealed`
// for retries, in one transaction; then use the network.
//
// Receiving
// `session.receive(own, pair, envelope, lookup, { now })`; `lookup` (`session.Lookup`) reads the store. In one
// transaction: store the pair (or the one `session`, less the `dropped` ids) and the content, delete `deletePrekeys`,
// keep `rememberEk`, delete a linking `usedPsk`. Then acknowledge. `Received.failure` says that a message opened but is
// not to be shown. A thrown failure changes nothing: `duplicate` is acknowledged and shown nowhere; `unsupported` is
// kept; `not_listed` calls for fetching the lists that `wire.peek` names, and once more; `unknown_session`,
// `unknown_prekey` and `undecryptable` for a new session and a `body.Retry`, encrypted with that session's `sessionId`.
// A `Reset`: `pair.only(session.id)`. Once a day: `pair.tidy({ now })`, and delete the private prekeys that
// `prekeys.isSpent`, with the H(EK)s under each signed prekey among them.
//
// Linking a device
// The new one: `const code = newLinkCode(own)`, shown as `code.toText()`; `openOffer(code, sealed)` is the list to pin;
// then, with its AK in `own`, `sealAnswer(code, own)`. The managing one: `LinkCode.fromText`, ask the person,
// `sealOffer(code, newest)`, and `openAnswer(code, ak.public, sealed, { added: now })` is the entry for the next list.
// Once that is published, `startSession(..., { now, psk: code.secret })`, and over it `AccountData` and `History`, in
// `parts`; the new device opens them with `AccountData.accountKey`, `SharedContact.pin` and `content.readHistory`.
//
// Group chats
// `group_message.Lookup` reads the store (`newestGroup`, `groupAt`, `listNamed`, `newestList`, `chains`). Create:
//   const key = generateGroupKey(null);
//   const args = Create.of(members, sealMeta(new Meta("Friends"), gid, key), { membersMayAdd: false });
//   const made = group_chain.create(own, mine, gid, args, { now });
// Publish `made.operation.payload` and `.signature`; keep `made.state` and the operation once the server has taken it.
// Every other change: `propose(own, mine, state, args, { now })`; after `group_changed` follow, and propose again. A Remove
// or Rekey seals the meta under `generateGroupKey(state)`. What others did: `follow(gid, state or null, objects, lookup)`,
// or one by one with `apply`: keep the operations (they are the lines "bob added charlie", and `rebuild` makes a `groupAt`
// of them). NotListed: fetch the lists that `openOperation` names, and once more; any other failure: send nothing to that
// group, and say why. A link: `const key = newLinkKey()`, an OpenLink, then `new GroupLink(gid, key, made.state.hash)
// .toText()`; its holder: `GroupLink.fromText`, `link.join(account)` (its `signature` lets him read the chain), `link.follow`.
//
// Sending: `const readers = recipients(state, own, lookup)`. Without a chain, or when `chain.isDue(state, told, readers,
// { now })`: `chain = OwnChain.begin(state, { now })`, and `told` is empty. Whoever of `readers` is not in `told` (by
// `recipientName`) gets, over a session, a content of `chain.announce(groupKey)` with the conversation gid and counter 0.
// Then `group_message.encrypt(chain, own, seal(...))`: store `chain`, `told`, `wire` and `name` (the send log) in one
// transaction; send with `state.hash` and `listsHash(newest lists of the members)`. Whoever creates, removes, rekeys, adds
// or approves announces a chain at once: the group key travels with it.
//
// Receiving: a SenderKey that came over a session goes to `acceptSenderKey(content, sender, device, lookup, { now })`;
// NotListed may mean that operations or lists are missing here: keep the content, fetch, and call again. Store `chain`,
// less the `dropped`, and the announced group key; `readMeta(state, key)` is the title. A message:
// `group_message.receive({ group, sender, senderDevice, wire, messageId }, lookup, { now })`; store its `chain`.
// UnknownSession and Undecryptable call for `named(peekGroup(wire).header)`, over a session to its sender, who tells the
// chain again and sends the kept content over the session: read with an `Envelope` that has a `group` where a line waits
// for it. Once a day `chain.tidy({ now })`. A device that left its list: drop its chains with its pair.

export {};
