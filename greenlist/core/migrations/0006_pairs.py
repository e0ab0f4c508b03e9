"""The function behind `name__holds` (core.searching)."""

from django.db import migrations

from greenlist.core import searching


class Migration(migrations.Migration):
    dependencies = [("core", "0005_heartbeats")]
    operations = [migrations.RunPython(searching.make_function, searching.drop_function)]
