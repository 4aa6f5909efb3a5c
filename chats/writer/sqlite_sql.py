"""The SQL of delivery for SQLite, shared by the writer's own connections and by the services on Django's.

Each statement is for a whole batch and answers with one row of JSON; sqlite.py says why.
"""

# What a batch is decided by: versions of accounts and chats, the messages that are known, and what senders of control
# contents and their recipients think of each other.
STATE = """
SELECT
    (SELECT json_group_array(json_array(id, devices_version)) FROM accounts_user
     WHERE id IN (SELECT value FROM json_each(?))),
    (SELECT json_group_array(json_array(id, version)) FROM chats_privatechat
     WHERE id IN (SELECT value FROM json_each(?))),
    (SELECT json_group_array(json_array(m.sender_device_id, m.client_message_id, m.accepted_at, hex(m.skipped)))
     FROM json_each(?) AS asked CROSS JOIN chats_privatemessage m
     ON m.sender_device_id = asked.value ->> 0 AND m.client_message_id = asked.value ->> 1),
    (SELECT json_group_array(json_array(k.owner_id, k.other_id, k.state))
     FROM json_each(?) AS pair CROSS JOIN accounts_contact k
     ON k.owner_id = pair.value ->> 0 AND k.other_id = pair.value ->> 1)
"""
# As STATE, for messages to group chats: versions with the sums of those of the members' device sets.
GROUP_STATE = """
SELECT
    (SELECT json_group_array(json_array(c.id, c.version, (
         SELECT sum(u.devices_version) FROM chats_groupmember m JOIN accounts_user u ON u.id = m.account_id
         WHERE m.chat_id = c.id AND NOT m.pending)))
     FROM chats_groupchat c WHERE c.id IN (SELECT value FROM json_each(?))),
    (SELECT json_group_array(json_array(m.sender_device_id, m.client_message_id, m.accepted_at, hex(m.skipped)))
     FROM json_each(?) AS asked CROSS JOIN chats_groupmessage m
     ON m.sender_device_id = asked.value ->> 0 AND m.client_message_id = asked.value ->> 1)
"""
INSERT_GROUP_MESSAGE = """
INSERT INTO chats_groupmessage
    (id, chat_id, sender_device_id, client_message_id, accepted_at, stamp, stamp_key, skipped, waiting, ciphertext)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# In the order of the array.
INSERT_GROUP_ENVELOPES = """
INSERT INTO chats_envelope
    (device_id, kind, group_message_id, sender_device_id, client_message_id, created_at, ciphertext, expired)
SELECT value ->> 0, value ->> 1, ?, ?, ?, ?, x'', 0 FROM json_each(?) ORDER BY key
"""
INSERT_MESSAGES = """
INSERT INTO chats_privatemessage
    (id, chat_id, sender_device_id, client_message_id, accepted_at, stamp, stamp_key, skipped, hidden)
VALUES """
INSERT_ENVELOPES = """
INSERT INTO chats_envelope
    (device_id, kind, message_id, sender_device_id, client_message_id, created_at, ciphertext, expired)
VALUES """
# Ack by id and device: nobody acknowledges another one's.
FOUND = """
SELECT json_group_array(json_array(e.position, e.message_id, e.device_id, e.kind, e.expired, e.group_message_id))
FROM json_each(?) AS ack CROSS JOIN chats_envelope e ON e.position = ack.value ->> 1 AND e.device_id = ack.value ->> 0
"""
DELETE = "DELETE FROM chats_envelope WHERE position IN (SELECT value FROM json_each(?))"
DESCRIBE = """
SELECT json_group_array(json_array(
    m.client_message_id, m.chat_id, s.user_id, got.value ->> 1,
    NOT m.hidden OR EXISTS (
        SELECT 1 FROM accounts_contact k JOIN accounts_device d ON d.user_id = k.owner_id
        WHERE d.id = got.value ->> 1 AND k.other_id = s.user_id AND k.state = 2)))
FROM json_each(?) AS got
CROSS JOIN chats_privatemessage m ON m.id = got.value ->> 0
JOIN accounts_device s ON s.id = m.sender_device_id
WHERE NOT EXISTS (
    SELECT 1 FROM chats_privatemessagestatus t
    WHERE t.message_id = m.id AND t.device_id = got.value ->> 1 AND t.status = 1)
"""
ENTER = """
INSERT INTO chats_privatemessagestatus (message_id, device_id, status, at)
SELECT value ->> 0, value ->> 1, 1, ? FROM json_each(?) WHERE true
ON CONFLICT DO NOTHING
"""
# The ciphertext of a group chat's message goes with its last envelope. Transactions that write take turns here.
COUNT = """
UPDATE chats_groupmessage SET
    waiting = waiting - fetched.count,
    ciphertext = CASE WHEN waiting > fetched.count THEN ciphertext ELSE x'' END
FROM (SELECT value AS id, count(*) AS count FROM json_each(?) GROUP BY 1) AS fetched
WHERE chats_groupmessage.id = fetched.id
"""
DESCRIBE_IN_GROUPS = """
SELECT json_group_array(json_array(
    g.client_message_id, g.chat_id, s.user_id, d.id,
    EXISTS (
        SELECT 1 FROM chats_groupmember r
        WHERE r.chat_id = g.chat_id AND r.account_id = d.user_id AND r.reach = 0 AND NOT r.pending)
    AND EXISTS (
        SELECT 1 FROM chats_groupmember w
        WHERE w.chat_id = g.chat_id AND w.account_id = s.user_id AND w.reach <> 2 AND NOT w.pending)
    AND NOT EXISTS (
        SELECT 1 FROM accounts_contact k WHERE k.owner_id = d.user_id AND k.other_id = s.user_id AND k.state = 3)))
FROM json_each(?) AS got
CROSS JOIN chats_groupmessage g ON g.id = got.value ->> 0
JOIN accounts_device s ON s.id = g.sender_device_id
JOIN accounts_device d ON d.id = got.value ->> 1
WHERE NOT EXISTS (
    SELECT 1 FROM chats_groupmessagestatus t WHERE t.message_id = g.id AND t.device_id = d.id AND t.status = 1)
"""
ENTER_IN_GROUPS = """
INSERT INTO chats_groupmessagestatus (message_id, device_id, status, at)
SELECT value ->> 0, value ->> 1, 1, ? FROM json_each(?) WHERE true
ON CONFLICT DO NOTHING
"""
# Sizes first, and without their ciphertext: SQLite answers length() from the head of a row.
WAITING = """
SELECT json_group_array(json_array(
    e.device_id, e.position, e.kind, e.client_message_id, s.user_id, e.sender_device_id,
    coalesce(m.chat_id, g.chat_id), e.created_at,
    CASE e.kind
        WHEN 0 THEN EXISTS (
            SELECT 1 FROM accounts_contact k WHERE k.owner_id = d.user_id AND k.other_id = s.user_id AND k.state <> 2)
        WHEN 3 THEN EXISTS (
            SELECT 1 FROM chats_groupmember r
            WHERE r.chat_id = g.chat_id AND r.account_id = d.user_id AND r.reach = 1)
        ELSE 0 END,
    e.expired OR coalesce(length(g.ciphertext) = 0, 0),
    hex(CASE WHEN g.id IS NULL OR e.expired THEN e.ciphertext ELSE g.ciphertext END),
    hex(coalesce(m.stamp, g.stamp)), coalesce(m.stamp_key, g.stamp_key)))
FROM (
    SELECT position, sum(size) OVER (ORDER BY position) - size AS before
    FROM (
        SELECT q.position, CASE WHEN q.group_message_id IS NULL THEN length(q.ciphertext) ELSE coalesce((
            SELECT length(b.ciphertext) FROM chats_groupmessage b WHERE b.id = q.group_message_id), 0) END AS size
        FROM chats_envelope q
        WHERE q.device_id = ? AND q.position NOT IN (SELECT value FROM json_each(?))
        ORDER BY q.position LIMIT ?
    )
) found
CROSS JOIN chats_envelope e ON e.position = found.position
JOIN accounts_device d ON d.id = e.device_id
JOIN accounts_device s ON s.id = e.sender_device_id
LEFT JOIN chats_privatemessage m ON m.id = e.message_id
LEFT JOIN chats_groupmessage g ON g.id = e.group_message_id
WHERE found.before < ?
"""
HAVING = """
SELECT json_group_array(asked.value) FROM json_each(?) AS asked
WHERE EXISTS (
    SELECT 1 FROM chats_envelope q
    WHERE q.device_id = asked.value AND q.position NOT IN (SELECT value FROM json_each(?)))
"""
