"""Parts of names are found by an index on SQLite too."""

from django.db import migrations

from greenlist.core.searching import PairsTable


class Migration(migrations.Migration):
    dependencies = [("organisations", "0007_claim_says")]
    operations = [
        PairsTable("organisations_organisation", "name"),
        PairsTable("organisations_organisation", "former"),
    ]
