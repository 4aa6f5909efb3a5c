import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_username_by_characters"),
        ("keys", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="LinkSlot",
            fields=[
                (
                    "device",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="link_slot",
                        serialize=False,
                        to="accounts.device",
                    ),
                ),
                ("offer", models.BinaryField(max_length=16384)),
                ("answer", models.BinaryField(default=b"", max_length=1024)),
                ("expires_at", models.BigIntegerField(db_index=True)),
            ],
        ),
    ]
