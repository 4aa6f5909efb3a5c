"""The SQL of delivery for PostgreSQL, shared by the writer's own connection and by the services on Django's.

Ids are answered as text, which is how delivery keeps them.
"""

# One statement writes a batch. A send passes if the versions that it was checked against are still those of the
# database; a message that its device has sent before is left alone by ON CONFLICT. The answer is one row: the
# numbers of the sends that were written, and the positions of their envelopes in the order that they were given.
ACCEPT = """
WITH input AS (
    SELECT * FROM unnest(
        %s::int[], %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::bytea[], %s::bytea[], %s::boolean[],
        %s::uuid[], %s::bigint[], %s::uuid[], %s::bigint[], %s::bigint[]
    ) AS t(number, id, chat, device, message_id, stamp, skipped, hidden,
           account, account_version, recipient, recipient_version, chat_version)
), outdated AS (
    -- Control contents are for several accounts, and there need not be a chat: what people think of each other is
    -- compared itself.
    SELECT t.send FROM unnest(
        %s::int[], %s::uuid[], %s::uuid[], %s::bigint[], %s::smallint[], %s::smallint[]
    ) AS t(send, sender, target, version, mine, theirs)
    LEFT JOIN accounts_user u ON u.id = t.target
    LEFT JOIN accounts_contact mine ON mine.owner_id = t.sender AND mine.other_id = t.target
    LEFT JOIN accounts_contact theirs ON theirs.owner_id = t.target AND theirs.other_id = t.sender
    WHERE u.devices_version IS DISTINCT FROM t.version
        OR coalesce(mine.state, 0) <> t.mine OR coalesce(theirs.state, 0) <> t.theirs
), fresh AS (
    SELECT input.* FROM input
    JOIN accounts_user a ON a.id = input.account AND a.devices_version = input.account_version
    LEFT JOIN accounts_user r ON r.id = input.recipient
    LEFT JOIN chats_privatechat c ON c.id = input.chat
    WHERE CASE WHEN input.chat IS NULL THEN input.number <> ALL (ARRAY(SELECT send FROM outdated))
        ELSE r.devices_version = input.recipient_version AND c.version = input.chat_version END
), inserted AS (
    INSERT INTO chats_privatemessage
        (id, chat_id, sender_device_id, client_message_id, accepted_at, stamp, stamp_key, skipped, hidden)
    SELECT id, chat, device, message_id, %s::bigint, stamp, %s, skipped, hidden FROM fresh WHERE chat IS NOT NULL
    ORDER BY number -- of two that are the same message, the first is written, whichever way the joins went
    ON CONFLICT DO NOTHING
    RETURNING id
), taken AS (
    -- Not a join: the planner takes both for small, and would compare each with each.
    SELECT * FROM fresh WHERE chat IS NULL OR id IN (SELECT id FROM inserted)
), queued AS (
    INSERT INTO chats_envelope
        (device_id, kind, message_id, sender_device_id, client_message_id, created_at, ciphertext, expired)
    SELECT e.device, e.kind, CASE WHEN taken.chat IS NOT NULL THEN taken.id END,
           taken.device, taken.message_id, %s::bigint, e.ciphertext, false
    FROM unnest(%s::int[], %s::uuid[], %s::smallint[], %s::bytea[])
        WITH ORDINALITY AS e(send, device, kind, ciphertext, place)
    JOIN taken ON taken.number = e.send
    ORDER BY e.place
    RETURNING position
)
SELECT ARRAY(SELECT number FROM taken), ARRAY(SELECT position FROM queued ORDER BY position)
"""

STORED = """
SELECT m.sender_device_id::text, m.client_message_id::text, m.accepted_at, m.skipped
FROM unnest(%s::uuid[], %s::uuid[]) AS asked(device, message_id)
JOIN chats_privatemessage m ON m.sender_device_id = asked.device AND m.client_message_id = asked.message_id
"""

# Ack by id and device: rows commit out of order, and nobody acknowledges another one's. An expired envelope was
# never delivered, and a copy or a control content has no status. The ciphertext of a group chat's message goes with
# its last envelope: the row's lock, taken in order, and its count see what other transactions acknowledge meanwhile.
# The answer is a row for each message, in a group chat with all the devices that its sender may know of, by commas.
ACKNOWLEDGE = """
WITH gone AS (
    -- Each is looked up, and nothing is joined: the queue is empty most of the time, and a plan that was made then
    -- would read all of it for each batch, with all that was deleted since. PostgreSQL goes through them in the order
    -- of their places: two transactions that delete the same rows do not wait for each other in a circle. One that
    -- expires in this very moment may stay, and is told to its device, which knows it.
    DELETE FROM chats_envelope e
    WHERE e.ctid = ANY (ARRAY(
        SELECT (SELECT w.ctid FROM chats_envelope w WHERE w.position = ack.position AND w.device_id = ack.device)
        FROM unnest(%s::uuid[], %s::bigint[]) AS ack(device, position)))
    RETURNING e.device_id, e.message_id, e.group_message_id, e.kind, e.expired
), fetched AS (
    SELECT group_message_id AS id, count(*)::int AS count FROM gone WHERE group_message_id IS NOT NULL GROUP BY 1
), locked AS (
    SELECT g.id FROM chats_groupmessage g WHERE g.id = ANY (ARRAY(SELECT id FROM fetched)) ORDER BY g.id FOR UPDATE
), counted AS (
    UPDATE chats_groupmessage g SET
        waiting = g.waiting - fetched.count,
        ciphertext = CASE WHEN g.waiting > fetched.count THEN g.ciphertext ELSE ''::bytea END
    FROM locked JOIN fetched ON fetched.id = locked.id
    WHERE g.id = locked.id
), entered_in_groups AS (
    INSERT INTO chats_groupmessagestatus (message_id, device_id, status, at)
    SELECT group_message_id, device_id, 1, %s FROM gone WHERE kind = 3 AND NOT expired
    ON CONFLICT DO NOTHING
    RETURNING message_id, device_id
), entered AS (
    INSERT INTO chats_privatemessagestatus (message_id, device_id, status, at)
    SELECT message_id, device_id, 1, %s FROM gone WHERE kind = 0 AND NOT expired
    ON CONFLICT DO NOTHING
    RETURNING message_id, device_id
)
SELECT m.client_message_id::text, m.chat_id::text, s.user_id::text,
       CASE WHEN NOT m.hidden OR EXISTS (
           SELECT 1 FROM accounts_contact k JOIN accounts_device d ON d.user_id = k.owner_id
           WHERE d.id = entered.device_id AND k.other_id = s.user_id AND k.state = 2)
           THEN entered.device_id::text ELSE '' END,
       false
FROM entered
JOIN chats_privatemessage m ON m.id = entered.message_id
JOIN accounts_device s ON s.id = m.sender_device_id
UNION ALL
SELECT g.client_message_id::text, g.chat_id::text, s.user_id::text, coalesce((
           -- In the FILTER and not in a WHERE: there a plan may compare each device with each member.
           SELECT string_agg(d.id::text, ',') FILTER (WHERE EXISTS (
                   SELECT 1 FROM chats_groupmember r
                   WHERE r.chat_id = g.chat_id AND r.account_id = d.user_id AND r.reach = 0 AND NOT r.pending)
               AND NOT EXISTS (
                   SELECT 1 FROM accounts_contact k
                   WHERE k.owner_id = d.user_id AND k.other_id = s.user_id AND k.state = 3))
           FROM unnest(e.devices) AS had(device) JOIN accounts_device d ON d.id = had.device), ''),
       true
FROM (SELECT message_id, array_agg(device_id) AS devices FROM entered_in_groups GROUP BY message_id) e
JOIN chats_groupmessage g ON g.id = e.message_id
JOIN accounts_device s ON s.id = g.sender_device_id
WHERE EXISTS (
    SELECT 1 FROM chats_groupmember w
    WHERE w.chat_id = g.chat_id AND w.account_id = s.user_id AND w.reach <> 2 AND NOT w.pending)
"""

# "Not acked and not in flight", in the order of the queue. A cursor would lose rows that commit out of order.
# octet_length() does not fetch a ciphertext that is stored out of line.
WAITING = """
SELECT e.device_id::text, e.position, e.kind, e.client_message_id::text, s.user_id::text, e.sender_device_id::text,
       coalesce(m.chat_id, g.chat_id)::text, e.created_at,
       CASE e.kind
           WHEN 0 THEN EXISTS (
               SELECT 1 FROM accounts_contact k
               WHERE k.owner_id = d.user_id AND k.other_id = s.user_id AND k.state <> 2)
           WHEN 3 THEN EXISTS (
               SELECT 1 FROM chats_groupmember r
               WHERE r.chat_id = g.chat_id AND r.account_id = d.user_id AND r.reach = 1)
           ELSE false END,
       e.expired OR coalesce(octet_length(g.ciphertext) = 0, false),
       CASE WHEN g.id IS NULL OR e.expired THEN e.ciphertext ELSE g.ciphertext END,
       coalesce(m.stamp, g.stamp), coalesce(m.stamp_key, g.stamp_key)
FROM unnest(%s::uuid[], %s::bigint[]) AS asked(device, room)
CROSS JOIN LATERAL (
    SELECT q.*, sum(q.size) OVER (ORDER BY q.position) - q.size AS before
    FROM (
        SELECT *, CASE WHEN group_message_id IS NULL THEN octet_length(ciphertext) ELSE coalesce((
            SELECT octet_length(b.ciphertext) FROM chats_groupmessage b WHERE b.id = group_message_id), 0) END AS size
        FROM chats_envelope
        WHERE device_id = asked.device AND position <> ALL (%s::bigint[])
        ORDER BY position LIMIT %s
    ) q
) e
JOIN accounts_device d ON d.id = e.device_id
JOIN accounts_device s ON s.id = e.sender_device_id
LEFT JOIN chats_privatemessage m ON m.id = e.message_id
LEFT JOIN chats_groupmessage g ON g.id = e.group_message_id
WHERE e.before < asked.room
ORDER BY e.position
"""

# Not EXISTS, which may become a join: see ACKNOWLEDGE.
HAVING = """
SELECT asked.device::text FROM unnest(%s::uuid[]) AS asked(device)
WHERE (
    SELECT true FROM chats_envelope q
    WHERE q.device_id = asked.device AND q.position <> ALL (%s::bigint[]) LIMIT 1)
"""
