from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_calendar_feed'),
        ('core', '0012_outgoing'),
        ('dynamics', '0011_dismissal_by_two'),
        ('policy', '0003_factor_tables'),
        ('registry', '0013_bulletins'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='removal',
            name='one_open_removal_per_listing_and_ground',
        ),
        migrations.AddConstraint(
            model_name='removal',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('proposed', 'hearing', 'heard', 'to_approve', 'decided'))), fields=('listing', 'owner', 'ground'), name='one_open_removal_per_listing_owner_and_ground'),
        ),
    ]
