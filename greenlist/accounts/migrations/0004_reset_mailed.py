from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_second_factor_and_sign_ins")]

    operations = [
        migrations.AddField(
            model_name="passwordreset", name="mailed_at", field=models.DateTimeField(null=True)
        )
    ]
