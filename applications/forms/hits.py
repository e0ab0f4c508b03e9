"""Input of an answer to a finding, and of the second person's word."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from greenlist.core.forms import ServiceForm


class AnswerForm(ServiceForm):
    word = forms.ChoiceField(label=_("What you say"), widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("From what you know it: it stays in the case file and on its paper."),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    document = forms.FileField(label=_("Evidence"), required=False, help_text=_("PDF, picture, Word or Excel file."))

    def __init__(self, words: Any, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["word"].choices = list(words)  # type: ignore[attr-defined]


class AgreeForm(ServiceForm):
    note = forms.CharField(label=_("Remark"), max_length=300, required=False)
