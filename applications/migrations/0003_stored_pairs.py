"""Names of cases are found by stored pairs; what waits for applicants, and what reached a tier, by an index."""

from django.db import migrations, models

from greenlist.core.searching import PairsColumn


class Migration(migrations.Migration):
    dependencies = [("applications", "0002_search")]
    operations = [
        PairsColumn("applications_application", "name"),
        migrations.AddIndex(
            "application",
            models.Index(fields=["due_on", "id"], condition=models.Q(state="returned"), name="returned_order"),
        ),
        migrations.AddIndex("application", models.Index(fields=["reached", "-id"], name="reached_order")),
    ]
