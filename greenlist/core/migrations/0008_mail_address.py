from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0007_audit_key_changes")]

    operations = [
        # With a default of the database: a process of the version before goes on writing rows during the change-over.
        migrations.AddField(
            model_name="notification",
            name="address",
            field=models.EmailField(blank=True, max_length=254, default="", db_default=""),
        )
    ]
