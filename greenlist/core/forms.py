"""Forms that show what a service refused, next to the field it is about."""

from django import forms

from greenlist.core.errors import Invalid


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
