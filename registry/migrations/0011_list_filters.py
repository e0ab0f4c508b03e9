"""Every filter of a list of 100,000 units has its order in an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0010_pairs_on_sqlite")]
    operations = [
        migrations.AddIndex(
            model_name="listing",
            index=models.Index(fields=["year", "-listed_on", "-id"], name="newest_listings_of_a_year"),
        ),
        migrations.AddIndex(
            model_name="listing",
            index=models.Index(fields=["state", "-listed_on", "-id"], name="newest_listings_by_state"),
        ),
        migrations.AddIndex(model_name="entry", index=models.Index(fields=["on"], name="entries_by_day")),
    ]
