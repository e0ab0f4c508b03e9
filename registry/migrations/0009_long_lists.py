"""A national list has more than 32,767 lines."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0008_corrections")]
    operations = [
        migrations.AddIndex(
            model_name="importedrow",
            index=models.Index(fields=["imported", "code"], name="imported_rows_by_code"),
        ),
        migrations.AlterField(model_name="entry", name="position", field=models.PositiveIntegerField()),
    ]
