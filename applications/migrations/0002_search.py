"""Names of cases are found by an index."""

from django.db import migrations

from greenlist.core.searching import PairsIndex


class Migration(migrations.Migration):
    dependencies = [("applications", "0001_initial"), ("core", "0006_pairs")]
    operations = [PairsIndex("applications_application", "name")]
