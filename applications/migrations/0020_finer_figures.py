from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('applications', '0019_transmission_former'),
    ]

    operations = [
        migrations.AlterField(
            model_name='figure',
            name='value',
            field=models.DecimalField(decimal_places=12, max_digits=30),
        ),
    ]
