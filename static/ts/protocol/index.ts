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

export {};
