"""Long documents are told when they are ready, and may be made from filters."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0009_partial_upload")]
    operations = [
        migrations.AddField(model_name="renderjob", name="params", field=models.JSONField(null=True)),
        migrations.AddField(
            model_name="renderjob",
            name="title",
            field=models.CharField(blank=True, db_default="", max_length=200),
        ),
        migrations.AddField(
            model_name="renderjob",
            name="address",
            field=models.CharField(blank=True, db_default="", max_length=500),
        ),
    ]
