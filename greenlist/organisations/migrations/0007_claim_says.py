from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("organisations", "0006_agents")]

    operations = [
        migrations.AddField(
            model_name="organisation",
            name="claim_says",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
    ]
