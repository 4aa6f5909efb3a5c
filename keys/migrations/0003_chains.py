"""A new account key starts a new chain of device lists.

Backwards, the ended chains are deleted: the code of that time takes the highest seq for the newest list, and knows one
list of a number. The chain that counts stays, whole.
"""

from django.db import migrations, models
from django.db.models import F, OuterRef, Subquery


def forget_ended_chains(apps, schema_editor):
    lists = apps.get_model("keys", "DeviceList")
    newest = lists.objects.filter(account=OuterRef("account")).order_by("-chain").values("chain")[:1]
    lists.objects.annotate(newest=Subquery(newest)).filter(chain__lt=F("newest")).delete()


class Migration(migrations.Migration):
    dependencies = [("keys", "0002_link_slot")]

    operations = [
        migrations.AddField(
            model_name="devicelist",
            name="chain",
            field=models.IntegerField(db_default=1, default=1),
        ),
        migrations.RemoveConstraint(
            model_name="devicelist",
            name="one_device_list_per_account_and_seq",
        ),
        migrations.AddConstraint(
            model_name="devicelist",
            constraint=models.UniqueConstraint(
                fields=("account", "chain", "seq"), name="one_device_list_per_account_chain_and_seq"
            ),
        ),
        migrations.AddConstraint(
            model_name="devicelist",
            constraint=models.CheckConstraint(
                condition=models.Q(("chain__gte", 1)), name="chains_of_device_lists_count_from_one"
            ),
        ),
        # Last, so that backwards it is first.
        migrations.RunPython(migrations.RunPython.noop, forget_ended_chains),
    ]
