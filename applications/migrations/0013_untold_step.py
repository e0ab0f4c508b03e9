from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("applications", "0012_hits_apart")]
    operations = [
        migrations.AddField(
            "application", "untold_step", models.CharField(blank=True, db_default="", default="", max_length=30)
        ),
    ]
