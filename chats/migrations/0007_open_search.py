"""What finds words in open messages: on PostgreSQL an index, on SQLite a table of FTS5's that three triggers keep.

A later migration that makes chats_openmessage anew on SQLite (altering a column does) drops the triggers with it, and
has to run KEEP again.
"""

from django.db import migrations

# The chat is one more word: a word that is common elsewhere is looked up together with it, and costs nothing here.
# No pending list: a search would read all of it, each time.
INDEX = """
    CREATE INDEX words_of_open_messages ON chats_openmessage
    USING gin ((to_tsvector('simple', body) || array_to_tsvector(ARRAY['#' || chat_id::text]))) WITH (fastupdate = off)
"""
# The words are kept for rows, not copied: `content` has the texts. Chats are 32 digits, which is one word.
KEEP = [
    """
    CREATE VIRTUAL TABLE chats_openmessage_words USING fts5(
        chat_id, body, content='chats_openmessage', content_rowid='position', tokenize='unicode61 remove_diacritics 0'
    )
    """,
    """
    CREATE TRIGGER chats_openmessage_written AFTER INSERT ON chats_openmessage BEGIN
        INSERT INTO chats_openmessage_words (rowid, chat_id, body) VALUES (new.position, new.chat_id, new.body);
    END
    """,
    """
    CREATE TRIGGER chats_openmessage_gone AFTER DELETE ON chats_openmessage BEGIN
        INSERT INTO chats_openmessage_words (chats_openmessage_words, rowid, chat_id, body)
        VALUES ('delete', old.position, old.chat_id, old.body);
    END
    """,
    """
    CREATE TRIGGER chats_openmessage_changed AFTER UPDATE OF body ON chats_openmessage BEGIN
        INSERT INTO chats_openmessage_words (chats_openmessage_words, rowid, chat_id, body)
        VALUES ('delete', old.position, old.chat_id, old.body);
        INSERT INTO chats_openmessage_words (rowid, chat_id, body) VALUES (new.position, new.chat_id, new.body);
    END
    """,
    "INSERT INTO chats_openmessage_words (chats_openmessage_words) VALUES ('rebuild')",
]
FORGET = [
    "DROP TRIGGER chats_openmessage_changed",
    "DROP TRIGGER chats_openmessage_gone",
    "DROP TRIGGER chats_openmessage_written",
    "DROP TABLE chats_openmessage_words",
]


def keep(apps, schema_editor):
    for statement in [INDEX] if schema_editor.connection.vendor == "postgresql" else KEEP:
        schema_editor.execute(statement)


def forget(apps, schema_editor):
    drop = ["DROP INDEX words_of_open_messages"]
    for statement in drop if schema_editor.connection.vendor == "postgresql" else FORGET:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("chats", "0006_open_chats")]
    operations = [migrations.RunPython(keep, forget)]
