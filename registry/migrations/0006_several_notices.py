import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0005_notice_two_people"), ("reviews", "0003_meetings")]
    operations = [
        migrations.AlterField(
            "notice",
            "decision",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="notices", to="reviews.decision"
            ),
        ),
    ]
