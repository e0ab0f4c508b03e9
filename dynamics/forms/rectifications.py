"""What is typed about a rectification."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from greenlist.core.forms import DayField, ServiceForm

FILES = ("proof1", "proof2", "proof3")
DAY = forms.DateInput(attrs={"type": "date"})


class HandInForm(ServiceForm):
    answer = forms.CharField(label=_("What was done"), widget=forms.Textarea(attrs={"rows": 6}), max_length=3000)
    proof1 = forms.FileField(label=_("Proof"), help_text=_("PDF, JPG, PNG, DOCX or XLSX, up to 50 MB."))
    proof2 = forms.FileField(label=_("Second file"), required=False)
    proof3 = forms.FileField(label=_("Third file"), required=False)

    def given(self) -> dict[str, Any]:
        files = [self.cleaned_data[name] for name in FILES if self.cleaned_data.get(name)]
        return {"answer": self.cleaned_data["answer"], "proofs": files}


class JudgeForm(ServiceForm):
    """Accepted or sent back."""

    outcome = forms.ChoiceField(
        label=_("Is it put right"),
        choices=[("accepted", _("Yes: close it")), ("refused", _("No: send it back"))],
        widget=forms.RadioSelect,
    )
    note = forms.CharField(
        label=_("What was found"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=2000,
        required=False,
        help_text=_("Needed where it is sent back: the unit reads it."),
    )
    due_on = DayField(label=_("New last day, where it is sent back"), required=False, widget=DAY)


class OrderForm(ServiceForm):
    reason = forms.CharField(
        label=_("What is to be put right"), widget=forms.Textarea(attrs={"rows": 5}), max_length=3000
    )
    due_on = DayField(label=_("Last day"), widget=DAY)


class GiveUpForm(ServiceForm):
    """Not put right in time: a removal is proposed."""

    ground = forms.ChoiceField(label=_("Ground of the removal"))
    note = forms.CharField(label=_("What is still lacking"), widget=forms.Textarea(attrs={"rows": 4}), max_length=2000)

    def choose(self, grounds: Sequence[tuple[str, str]]) -> None:
        self.fields["ground"].choices = grounds  # type: ignore[attr-defined]
