"""A record that reaches a park through two of its firms is two findings: what is kept says which of them it was."""

import hashlib

from django.db import migrations

BATCH = 500


def set_apart(apps, schema_editor):
    """The key names the firm and whether the record is surely about it, as `Event.place` does; words stay with their row."""
    hits = apps.get_model("applications", "Hit").objects.using(schema_editor.connection.alias)
    kept = hits.filter(event__subject="members").exclude(ref="").exclude(key__contains="+").only("pk", "key", "event")
    rows = []
    for row in kept.iterator(chunk_size=BATCH):
        said = f"{row.event.get('who', '')}|{int(bool(row.event.get('doubtful')))}"
        row.key = f"{row.key}+{hashlib.sha256(said.encode()).hexdigest()[:12]}"
        rows.append(row)
    hits.bulk_update(rows, ["key"], batch_size=BATCH)


class Migration(migrations.Migration):
    dependencies = [("applications", "0011_body_notes")]
    operations = [migrations.RunPython(set_apart, migrations.RunPython.noop)]
