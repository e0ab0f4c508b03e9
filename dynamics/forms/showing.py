"""Input of public pages and typical experiences → clean values."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dynamics.selectors.showing import CODE, FIGURES, WORKED_OUT, Choice, Offered
from dynamics.services.showing import LONGEST, Words
from greenlist.core.forms import DayField, ServiceForm


class PartForm(ServiceForm):
    """One part: which fields it has depends on its kind."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    text = forms.CharField(
        label=_("Text"), required=False, max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 5})
    )
    link = forms.URLField(label=_("Address of the document"), required=False, assume_scheme="https", max_length=200)
    grade = forms.ChoiceField(label=_("Grade as issued"), required=False)
    issued_on = DayField(label=_("Issued on"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    figures = forms.MultipleChoiceField(
        label=_("Indicators to show"), required=False, widget=forms.CheckboxSelectMultiple
    )
    file = forms.FileField(label=_("File"), required=False, help_text=_("One file: PDF, JPG or PNG."))

    def __init__(self, data: Any = None, files: Any = None, *, offer: Offered, choices: list[Choice], **options: Any):
        super().__init__(data, files, auto_id=f"{offer.kind}-%s", **options)
        keep = {"version", "text", "link", "file"}
        if offer.kind == CODE:
            keep = {"version", "grade", "issued_on", "file"}
            self.fields["grade"].choices = [("", "—"), *((one, one) for one in offer.grades)]  # type: ignore[attr-defined]
            self.fields["file"].label = _("What shows the code as issued")
            self.fields["file"].help_text = _("Read by officials only.")
        elif offer.kind == FIGURES:
            keep = {"version", "figures"}
            self.fields["figures"].choices = [  # type: ignore[attr-defined]
                (one.key, f"{one.label}（{one.year}）{one.value} {one.unit}") for one in choices
            ]
        elif offer.kind in WORKED_OUT:
            keep = {"version"}
        for name in set(self.fields) - keep:
            del self.fields[name]

    def words(self) -> Words:
        given = self.cleaned_data
        return Words(
            text=given.get("text", ""),
            link=given.get("link", ""),
            grade=given.get("grade", ""),
            issued_on=given.get("issued_on"),
            figures=tuple(given.get("figures", ())),
        )


class TakeDownForm(ServiceForm):
    reason = forms.CharField(label=_("Reason"), max_length=300, required=False)


class ExperienceForm(ServiceForm):
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    title = forms.CharField(label=_("Title"), max_length=120, required=False)
    summary = forms.CharField(
        label=_("In a few sentences"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    text = forms.CharField(
        label=_("What was done and what came of it"),
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 14}),
    )


class PutForwardForm(ServiceForm):
    on = DayField(label=_("Put forward on"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    note = forms.CharField(label=_("Document or remark"), max_length=300, required=False)
