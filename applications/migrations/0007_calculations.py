"""Results of calculators with their inputs; the factor tables a report is pinned to."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("applications", "0006_bodies")]
    operations = [
        migrations.AddField(model_name="report", name="factors", field=models.JSONField(default=dict)),
        migrations.CreateModel(
            name="Calculation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", models.CharField(max_length=101)),
                ("kind", models.CharField(max_length=15)),
                ("inputs", models.JSONField()),
                ("factors", models.JSONField()),
                ("formulas", models.PositiveSmallIntegerField()),
                ("result", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="calculations",
                        to="applications.reportversion",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="calculation",
            constraint=models.UniqueConstraint(fields=("version", "path"), name="one_calculation_per_field"),
        ),
    ]
