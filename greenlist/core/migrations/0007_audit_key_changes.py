from django.db import migrations, models

from greenlist.core import guards


class Migration(migrations.Migration):
    dependencies = [("core", "0006_pairs")]

    operations = [
        migrations.CreateModel(
            name="AuditKeyChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("upto", models.BigIntegerField()),
                ("chains", models.PositiveIntegerField()),
                ("ends", models.CharField(max_length=64)),
                ("former", models.CharField(max_length=16)),
                ("present", models.CharField(max_length=16)),
                ("seal", models.CharField(max_length=64)),
            ],
        ),
        migrations.RunPython(*guards.of_table("core_auditkeychange")),
    ]
