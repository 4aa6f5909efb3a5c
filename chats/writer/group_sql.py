"""The SQL of messages to group chats for PostgreSQL; see sql.py."""

# A send passes if the group chat and its members' device sets are those that it was checked against. The row's lock
# keeps operations away until this is committed: who was removed before gets nothing of it, and who removes waits for
# what is under way. Versions of device sets only grow, so that their sum tells of a change.
ACCEPT = """
WITH input AS (
    SELECT * FROM unnest(
        %s::int[], %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::bytea[], %s::bytea[], %s::bytea[], %s::int[],
        %s::bigint[], %s::bigint[]
    ) AS t(number, id, chat, device, message_id, stamp, skipped, ciphertext, waiting, version, devices_version)
), current AS (
    SELECT c.id, c.version, (
        SELECT sum(u.devices_version) FROM chats_groupmember m JOIN accounts_user u ON u.id = m.account_id
        WHERE m.chat_id = c.id AND NOT m.pending) AS devices_version
    FROM chats_groupchat c WHERE c.id = ANY (ARRAY(SELECT chat FROM input)) ORDER BY c.id
    FOR KEY SHARE
), fresh AS (
    SELECT input.* FROM input JOIN current ON current.id = input.chat
    WHERE current.version = input.version AND current.devices_version = input.devices_version
), inserted AS (
    INSERT INTO chats_groupmessage
        (id, chat_id, sender_device_id, client_message_id, accepted_at, stamp, stamp_key, skipped, waiting, ciphertext)
    SELECT id, chat, device, message_id, %s::bigint, stamp, %s, skipped, waiting,
           CASE WHEN waiting > 0 THEN ciphertext ELSE ''::bytea END
    FROM fresh ORDER BY number
    ON CONFLICT DO NOTHING
    RETURNING id
), taken AS (
    SELECT * FROM fresh WHERE id IN (SELECT id FROM inserted)
), queued AS (
    INSERT INTO chats_envelope
        (device_id, kind, group_message_id, sender_device_id, client_message_id, created_at, ciphertext, expired)
    SELECT e.device, e.kind, taken.id, taken.device, taken.message_id, %s::bigint, ''::bytea, false
    FROM unnest(%s::int[], %s::uuid[], %s::smallint[]) WITH ORDINALITY AS e(send, device, kind, place)
    JOIN taken ON taken.number = e.send
    ORDER BY e.place
    RETURNING position
)
SELECT ARRAY(SELECT number FROM taken), ARRAY(SELECT position FROM queued ORDER BY position)
"""

STORED = """
SELECT m.sender_device_id::text, m.client_message_id::text, m.accepted_at, m.skipped
FROM unnest(%s::uuid[], %s::uuid[]) AS asked(device, message_id)
JOIN chats_groupmessage m ON m.sender_device_id = asked.device AND m.client_message_id = asked.message_id
"""
