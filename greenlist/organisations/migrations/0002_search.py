"""Former names beside the present one, both found by an index."""

from typing import Any

from django.db import migrations, models

from greenlist.core.searching import PairsIndex


def remember(apps: Any, editor: Any) -> None:
    """What the names' own rows know."""
    for one in apps.get_model("organisations", "Organisation").objects.prefetch_related("names").iterator(500):
        before = dict.fromkeys(name.text for name in one.names.all() if name.text != one.name)
        if before:
            one.former = "\n".join(before)
            one.save(update_fields=["former"])


class Migration(migrations.Migration):
    dependencies = [("organisations", "0001_initial"), ("core", "0006_pairs")]
    operations = [
        migrations.AddField("organisation", "former", models.TextField(blank=True, default="", editable=False), preserve_default=False),
        migrations.RunPython(remember, migrations.RunPython.noop),
        PairsIndex("organisations_organisation", "name"),
        PairsIndex("organisations_organisation", "former"),
    ]
