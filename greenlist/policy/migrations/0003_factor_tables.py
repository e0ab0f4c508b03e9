"""Factor tables, stored as versions that never change."""

from django.db import migrations, models

TABLE = "policy_factortableversion"


def guard(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            f"CREATE FUNCTION {TABLE}_stays() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'a stored version never changes'; END $$"
        )
        schema_editor.execute(
            f"CREATE TRIGGER {TABLE}_stays BEFORE UPDATE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION {TABLE}_stays()"
        )
    else:
        schema_editor.execute(
            f"CREATE TRIGGER {TABLE}_stays BEFORE UPDATE ON {TABLE} "
            "BEGIN SELECT RAISE(ABORT, 'a stored version never changes'); END"
        )


def unguard(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {TABLE}_stays ON {TABLE}")
        schema_editor.execute(f"DROP FUNCTION IF EXISTS {TABLE}_stays()")
    else:
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {TABLE}_stays")


class Migration(migrations.Migration):
    dependencies = [("policy", "0002_versions_never_change")]
    operations = [
        migrations.CreateModel(
            name="FactorTableVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=40)),
                ("kind", models.CharField(max_length=15)),
                ("number", models.PositiveIntegerField()),
                ("title", models.CharField(max_length=160)),
                ("title_en", models.CharField(blank=True, max_length=240)),
                ("verified", models.BooleanField(default=False)),
                ("digest", models.CharField(max_length=64)),
                ("canonical", models.JSONField()),
                ("source", models.TextField()),
                ("loaded_at", models.DateTimeField()),
                ("loaded_by", models.CharField(blank=True, max_length=60)),
            ],
            options={
                "verbose_name": "version of a factor table",
                "verbose_name_plural": "versions of factor tables",
                "ordering": ["slug", "-number"],
            },
        ),
        migrations.AddConstraint(
            model_name="factortableversion",
            constraint=models.UniqueConstraint(fields=("slug", "number"), name="factor_versions_in_order"),
        ),
        migrations.AddConstraint(
            model_name="factortableversion",
            constraint=models.UniqueConstraint(fields=("slug", "digest"), name="factor_version_stored_once"),
        ),
        migrations.RunPython(guard, unguard),
    ]
