"""The pairs of names are stored: searches of two columns no longer compute them row by row."""

from django.db import migrations

from greenlist.core.searching import PairsColumn


class Migration(migrations.Migration):
    dependencies = [("organisations", "0002_search")]
    operations = [
        PairsColumn("organisations_organisation", "name"),
        PairsColumn("organisations_organisation", "former"),
    ]
