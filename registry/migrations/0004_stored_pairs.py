"""The pairs of names are stored: searches of two columns no longer compute them row by row."""

from django.db import migrations

from greenlist.core.searching import PairsColumn


class Migration(migrations.Migration):
    dependencies = [("registry", "0003_search")]
    operations = [
        PairsColumn("registry_listing", "name"),
        PairsColumn("registry_listing", "former"),
    ]
