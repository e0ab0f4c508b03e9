"""Former names beside the present one, both found by an index."""

from typing import Any

from django.db import migrations, models

from greenlist.core.searching import PairsIndex


def remember(apps: Any, editor: Any) -> None:
    """What the printed lines know."""
    for one in apps.get_model("registry", "Listing").objects.prefetch_related("entries").iterator(500):
        before = dict.fromkeys(entry.name for entry in one.entries.all() if entry.name != one.name)
        if before:
            one.former = "\n".join(before)
            one.save(update_fields=["former"])


class Migration(migrations.Migration):
    dependencies = [("registry", "0002_versions_of_words"), ("core", "0006_pairs")]
    operations = [
        migrations.AddField("listing", "former", models.TextField(blank=True, default=""), preserve_default=False),
        migrations.RunPython(remember, migrations.RunPython.noop),
        PairsIndex("registry_listing", "name"),
        PairsIndex("registry_listing", "former"),
    ]
