from typing import Any

from django.db import migrations, models
from django.db.models import OuterRef, Q, Subquery


def take_the_step_of_the_batch(apps: Any, schema_editor: Any) -> None:
    items, batches = (apps.get_model("applications", name) for name in ("BatchItem", "Batch"))
    items.objects.update(step=Subquery(batches.objects.filter(pk=OuterRef("batch_id")).values("step")[:1]))


class Migration(migrations.Migration):
    dependencies = [("applications", "0016_quotas_and_desk")]
    operations = [
        migrations.AddField("batchitem", "step", models.CharField(db_default="", default="", max_length=30)),
        migrations.RunPython(take_the_step_of_the_batch, migrations.RunPython.noop),
        migrations.RemoveConstraint("batchitem", "one_live_batch_item_per_application"),
        migrations.AddConstraint(
            "batchitem",
            models.UniqueConstraint(
                fields=["application", "step"], condition=Q(returned_at=None), name="one_live_batch_item_per_step"
            ),
        ),
    ]
