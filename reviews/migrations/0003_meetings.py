from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0002_guards"), ("reviews", "0002_panels_in_depth")]
    operations = [
        migrations.AddField("decision", "met_on", models.DateField(blank=True, null=True)),
        migrations.AddField("decision", "participants", models.CharField(blank=True, default="", max_length=500), preserve_default=False),
        migrations.AddField("decision", "record_number", models.CharField(blank=True, default="", max_length=60), preserve_default=False),
        migrations.AddField(
            "decision",
            "record_file",
            models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="+", to="core.blob"),
        ),
        migrations.AddField("decision", "announce_later", models.BooleanField(db_default=False, default=False)),
        migrations.AddField("decision", "released_at", models.DateTimeField(null=True)),
    ]
