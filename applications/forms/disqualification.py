"""Input of a disqualification."""

from django import forms
from django.utils.translation import gettext_lazy as _


class DisqualifyForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("The applicant reads it together with the clauses."),
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)
