"""The protocol core: keys, device lists, sessions, messages. No I/O; clock (ms) and randomness are passed in.

Values are frozen, functions return new ones, and an error (`errors`: a closed set, each with a `code`)
changes nothing. What a client stores has `to_bytes` and `from_bytes`. PROTOCOL.md is the reference;
`docs/protocol.md` says what is where.

A new account and its first device
    ak = keys.generate_account_key()
    own = keys.OwnDevice.generate(account, device, ak.public)
    mine = device_list.sign_list(ak, account, [device_list.listed(own, added=now)], previous=None, now=now)
  Publish `mine.signed`; the next list has `previous=mine`. Prekeys: `prekeys.generate_prekeys(own, prekeys.OPK,
  first_id=next_id, count=100, now=now)`, likewise OKPK, and one SPK and one KLR every 7 days. Store each
  `.private` and the next id, then publish each `.signed.to_bytes()`. To a server's nonce answer
  `device_proof.prove_device(own, origin, nonce)`.

Lists of others, and one's own
  `device_list.accept_lists(account, pin_or_None, objects)` gives the new `pin`, the `lists` (keep all: first
  messages name them by hash) and the `removed` devices (drop their pairs). ListRefused: report it.
  IdentityChanged: stop sending, ask the person, then `device_list.acknowledge_identity(pin, key, objects)`.
  `safety_number.safety_number(account, ak.public, peer, pin.account_key)`.

Sending
  A `session.Pair(account, device)` holds the sessions with one device. When it is empty, claim a bundle:
    bundle = prekeys.Bundle.from_bytes(data)
    verified = prekeys.verify_bundle(bundle, pin.newest, device, seen, now=now)  # store verified.seen
    pair, dropped = pair.add(session.start_session(own, mine, verified, now=now))
  A content is sealed once, `sealed = content.seal(content.Content(...))`, then encrypted for each device of the
  recipient and each other own device: `session.encrypt(pair, sealed, now=now)`. Store every `Sent.pair` and
  `Sent.wire`, and `sealed` for retries, in one transaction; then use the network.

Receiving
  `session.receive(own, pair, session.Envelope(...), lookup, now=now)`; `lookup` (`session.Lookup`) reads the
  store. In one transaction: store the pair (or the one `session`, less the `dropped` ids) and the content,
  delete `delete_prekeys`, keep `remember_ek`, delete a linking `used_psk`. Then acknowledge.
  `Received.failure` says that a message opened but is not to be shown. A raised failure changes nothing:
  `duplicate` is acknowledged and shown nowhere; `unsupported` is kept; `not_listed` calls for fetching the
  lists that `wire.peek` names, and once more; `unknown_session`, `unknown_prekey` and `undecryptable` for a
  new session and a `body.Retry`, encrypted with `session_id=` that session's. A `Reset`: `pair.only(session.id)`.
  Once a day: `pair.tidy(now=now)`, and delete the private prekeys that `prekeys.is_spent`, with the H(EK)s
  under each signed prekey among them.

Linking a device
  The new one: `code = linking.new_link_code(own)`, shown as `code.to_text()`; `linking.open_offer(code, sealed)` is
  the list to pin; then, with its AK in `own`, `linking.seal_answer(code, own)`. The managing one: `LinkCode.from_text`,
  ask the person, `seal_offer(code, newest)`, and `open_answer(code, ak.public, sealed, added=now)` is the entry for
  the next list. Once that is published, `start_session(..., psk=code.secret)`, and over it
  `account_data.AccountData` and `History`, in `account_data.parts`; the new device opens them with
  `AccountData.account_key`, `SharedContact.pin` and `content.read_history`.

Group chats
  `group_message.Lookup` reads the store (`newest_group`, `group_at`, `list_named`, `newest_list`, `chains`). Create:
    key = group_meta.generate_group_key(None)
    sealed = group_meta.seal_meta(group_meta.Meta("Friends"), gid, key)
    made = group_chain.create(own, mine, gid, group_args.Create.of(members, sealed, members_may_add=False), now=now)
  Publish `made.operation.payload` and `.signature`; keep `made.state` and the operation once the server has taken it.
  Every other change: `group_chain.propose(own, mine, state, args, now=now)`; after `group_changed` follow, and
  propose again. A Remove or Rekey seals the meta under `generate_group_key(state)`. What others did:
  `group_chain.follow(gid, state_or_None, objects, lookup)`, or one by one with `apply`: keep the operations (they
  are the lines "bob added charlie", and `rebuild` makes a `group_at` of them). NotListed: fetch the lists that
  `open_operation` names, and once more; any other failure: send nothing to that group, and say why.
  A link: `key = group_link.new_link_key()`, an OpenLink, then `GroupLink(gid, key, made.state.hash).to_text()`; its
  holder: `GroupLink.from_text`, `link.join(account)` (its `signature` lets him read the chain), `link.follow`.

  Sending: `readers = group_message.recipients(state, own, lookup)`. Without a chain, or when `chain.is_due(state,
  told, readers, now=now)`: `chain = OwnChain.begin(state, now=now)`, and `told` is empty. Whoever of `readers` is not
  in `told` gets, over a session, a content of `chain.announce(group_key)` with the conversation gid and counter 0.
  Then `group_message.encrypt(chain, own, content.seal(...))`: store `chain`, `told`, `wire` and `name` (the send log)
  in one transaction; send with `state.hash` and `group_message.lists_hash(newest lists of the members)`. Whoever
  creates, removes, rekeys, adds or approves announces a chain at once: the group key travels with it.

  Receiving: a SenderKey that came over a session goes to `group_message.accept_sender_key(content, sender, device,
  lookup, now=now)`; NotListed may mean that operations or lists are missing here: keep the content, fetch, and call
  again. Store `chain`, less the `dropped`, and the announced group key; `group_meta.read_meta(state, key)` is the
  title. A message: `group_message.receive(GroupEnvelope(...), lookup, now=now)`; store its `chain`. UnknownSession and
  Undecryptable call for `group_message.named(peek_group(wire).header)`, over a session to its sender, who tells the
  chain again and sends the kept content over the session: read with `session.Envelope(..., group=gid)` where a line
  waits for it. Once a day `chain.tidy(now=now)`. A device that left its list: drop its chains with its pair.
"""
