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
SELECT json_group_array(json_array(e.position, e.message_id, e.device_id, e.kind, e.expired))
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
# Sizes first, and without their ciphertext: SQLite answers length() from the head of a row.
WAITING = """
SELECT json_group_array(json_array(
    e.device_id, e.position, e.kind, e.client_message_id, s.user_id, e.sender_device_id, m.chat_id, e.created_at,
    e.kind = 0 AND EXISTS (
        SELECT 1 FROM accounts_contact k WHERE k.owner_id = d.user_id AND k.other_id = s.user_id AND k.state <> 2),
    e.expired, hex(e.ciphertext), hex(m.stamp), m.stamp_key))
FROM (
    SELECT position, sum(size) OVER (ORDER BY position) - size AS before
    FROM (
        SELECT q.position, length(q.ciphertext) AS size FROM chats_envelope q
        WHERE q.device_id = ? AND q.position NOT IN (SELECT value FROM json_each(?))
        ORDER BY q.position LIMIT ?
    )
) found
CROSS JOIN chats_envelope e ON e.position = found.position
JOIN accounts_device d ON d.id = e.device_id
JOIN accounts_device s ON s.id = e.sender_device_id
LEFT JOIN chats_privatemessage m ON m.id = e.message_id
WHERE found.before < ?
"""
HAVING = """
SELECT json_group_array(asked.value) FROM json_each(?) AS asked
WHERE EXISTS (
    SELECT 1 FROM chats_envelope q
    WHERE q.device_id = asked.value AND q.position NOT IN (SELECT value FROM json_each(?)))
"""
