"""Cases at a step where departments are asked have a state of their own; so far they stood under overall review."""

import django_fsm
from django.db import migrations

RULES = "policy.toml"


def at_their_station(apps, schema_editor):
    """The step's kind stands in the rule set that the call pins."""
    cases = apps.get_model("applications", "Application").objects.using(schema_editor.connection.alias)
    asked = {}
    for row in cases.filter(state="deciding").select_related("call__rules").only("step", "call__rules__canonical"):
        version = row.call.rules
        if version.pk not in asked:
            steps = version.canonical.get(RULES, {}).get("step", ())
            asked[version.pk] = {one.get("key") for one in steps if one.get("kind") == "consult"}
        if row.step in asked[version.pk]:
            cases.filter(pk=row.pk).update(state="consulting")


def under_overall_review(apps, schema_editor):
    apps.get_model("applications", "Application").objects.using(schema_editor.connection.alias).filter(
        state="consulting"
    ).update(state="deciding")


class Migration(migrations.Migration):

    dependencies = [
        ('applications', '0013_untold_step'),
        ('policy', '0002_versions_never_change'),
    ]

    operations = [
        migrations.AlterField(
            model_name='application',
            name='state',
            field=django_fsm.FSMField(choices=[('draft', 'being filled in'), ('screening', 'under review'), ('returned', 'returned for correction'), ('passed', 'passed review, to be recommended'), ('recommended', 'recommended'), ('under_review', 'under expert review'), ('deciding', 'under overall review'), ('consulting', 'departments are asked'), ('proposed', 'proposed for the list'), ('on_notice', 'on public notice'), ('approving', 'awaiting announcement'), ('forwarded', 'forwarded to the next tier'), ('listed', 'listed'), ('not_listed', 'not listed'), ('rejected', 'not recommended'), ('withdrawn', 'withdrawn'), ('disqualified', 'disqualified')], db_index=True, default='draft', max_length=50, protected=True),
        ),
        migrations.RunPython(at_their_station, under_overall_review),
    ]
