"""The form by which a reviewer judges one indicator row; the service says what is wrong."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from applications.selectors.judging import RowPage
from greenlist.policy.engine.criteria_types import YESNO_KINDS

APPLIES = (("", _("as declared")), ("yes", _("applies")), ("no", _("does not apply")))
MET = (("", _("as declared")), ("1", _("met")), ("0", _("not met")))


class JudgementForm(forms.Form):
    """Fields by the kind of row: a value for each product or year, points where they are given by hand."""

    def __init__(self, page: RowPage, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        label = _("Does the row apply?")
        self.fields["applies"] = forms.ChoiceField(
            label=label, choices=APPLIES, required=False, widget=forms.RadioSelect
        )
        for key, name, declared in page.cells:
            self.fields[f"value-{key}"] = self._value(page, name, declared)
        if page.takes_points:
            points = _("Points, from 0 to %(most)s") % {"most": page.full}
            self.fields["points"] = forms.CharField(label=points, required=False, widget=_figure())
        help_text = _("The applicant reads this reason beside both values.")
        self.fields["note"] = forms.CharField(
            label=_("Reason"), help_text=help_text, max_length=500, widget=forms.Textarea(attrs={"rows": 3})
        )

    def _value(self, page: RowPage, name: str, declared: str) -> forms.Field:
        if page.spec.kind in YESNO_KINDS:
            return forms.ChoiceField(label=name, choices=MET, required=False, widget=forms.RadioSelect)
        help_text = _("Declared: %(value)s. Leave empty to keep it.") % {"value": declared or "—"}
        return forms.CharField(label=name, required=False, help_text=help_text, widget=_figure())

    def take(self, problems: dict[str, list[Any]]) -> None:
        """The service's problems at their fields."""
        for key, texts in problems.items():
            name = key if key in self.fields else f"value-{key}"
            for text in texts:
                self.add_error(name if name in self.fields else None, str(text))


def _figure() -> forms.TextInput:
    return forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
