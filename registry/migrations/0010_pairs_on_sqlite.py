"""Parts of names are found by an index on SQLite too. Lines of imported lists are searched as well."""

from django.db import migrations

from greenlist.core.searching import PairsColumn, PairsTable


class Migration(migrations.Migration):
    dependencies = [("registry", "0009_long_lists")]
    operations = [
        PairsColumn("registry_importedrow", "name"),
        PairsTable("registry_listing", "name"),
        PairsTable("registry_listing", "former"),
        PairsTable("registry_importedrow", "name"),
    ]
