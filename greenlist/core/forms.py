"""Forms that show what a service refused, next to the field it is about."""

from datetime import date

from django import forms
from django.utils.translation import gettext_lazy as _

from greenlist.core.errors import Invalid

FIRST, LAST = date(1900, 1, 1), date(2199, 12, 31)


class DayField(forms.DateField):
    """A day that somebody can mean. After the calendar's last day no deadline can be reckoned, on any page that shows it."""

    def validate(self, value: date | None) -> None:
        super().validate(value)
        if value is not None and not FIRST <= value <= LAST:
            raise forms.ValidationError(_("Give a day between 1900 and 2199."))


class ServiceForm(forms.Form):
    """A plain form; `take` turns a service's Invalid into errors of its fields."""

    required_css_class = "required"

    def take(self, error: Invalid) -> None:
        """Shows each problem at its field; what belongs to no field here stands on top."""
        for path, texts in error.problems.items():
            for text in texts:
                self.add_error(path if path in self.fields else None, str(text))
        if not error.problems:
            self.add_error(None, str(error.message))
