"""The trail only grows and files never change: both databases refuse, whoever sends the statement."""

from django.db import migrations

from greenlist.core import guards


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]
    operations = [migrations.RunPython(guards.install_all, guards.remove_all)]
