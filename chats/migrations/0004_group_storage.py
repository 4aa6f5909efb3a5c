"""How PostgreSQL keeps messages of group chats: their counts change while they are fetched, ciphertext is left alone."""

from django.db import migrations

# Room in each page for the row's next version: to count an acknowledgement touches no index then.
TUNE = """
    ALTER TABLE chats_groupmessage SET (
        fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
        autovacuum_vacuum_cost_delay = 0, toast.autovacuum_vacuum_scale_factor = 0,
        toast.autovacuum_vacuum_threshold = 20000, toast.autovacuum_vacuum_cost_delay = 0
    );
    ALTER TABLE chats_groupmessage ALTER COLUMN ciphertext SET STORAGE EXTERNAL;
"""
UNTUNE = """
    ALTER TABLE chats_groupmessage RESET (
        fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay,
        toast.autovacuum_vacuum_scale_factor, toast.autovacuum_vacuum_threshold, toast.autovacuum_vacuum_cost_delay
    );
    ALTER TABLE chats_groupmessage ALTER COLUMN ciphertext SET STORAGE EXTENDED;
"""


def tune(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(TUNE)


def untune(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(UNTUNE)


class Migration(migrations.Migration):
    dependencies = [("chats", "0003_groups")]
    operations = [migrations.RunPython(tune, untune)]
