"""Parts of names are found by an index on SQLite too."""

from django.db import migrations

from greenlist.core.searching import PairsTable


class Migration(migrations.Migration):
    dependencies = [("applications", "0017_items_by_step")]
    operations = [
        PairsTable("applications_application", "name"),
    ]
