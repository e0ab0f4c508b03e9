"""Reminders of an agent's end are told apart as all reminders are: what was sent before is not sent again."""

from typing import Any

from django.db import migrations

KIND = "member.ending"


def rename(apps: Any, schema_editor: Any) -> None:
    """`member.ending:5:2026-06-01:7` becomes event `member.ending:5` of the period `2026-06-01:7`."""
    rows = apps.get_model("core", "Notification").objects.filter(kind=KIND, period="")
    for row in list(rows):
        _, membership, day, rung = row.event.split(":")
        rows.filter(pk=row.pk).update(event=f"{KIND}:{membership}", period=f"{day}:{rung}")


class Migration(migrations.Migration):
    dependencies = [("organisations", "0008_pairs_on_sqlite"), ("core", "0011_reminder_source")]

    operations = [migrations.RunPython(rename, migrations.RunPython.noop)]
