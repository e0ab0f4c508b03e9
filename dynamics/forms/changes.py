"""What is typed about a change."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dynamics.services.changes import Report, Verification
from dynamics.states import WITH_SUCCESSOR, ChangeKind, Disposition
from greenlist.core.forms import DayField, ServiceForm

FILES = ("file1", "file2", "file3")


class ChangeForm(ServiceForm):
    """One field for each kind of change the rules know: only what is filled in has changed."""

    happened_on = DayField(
        label=_("Day of the formalities"), widget=forms.DateInput(attrs={"type": "date"}), required=False
    )
    explanation = forms.CharField(
        label=_("How it came about"), widget=forms.Textarea(attrs={"rows": 5}), max_length=3000, required=False
    )
    successor_name = forms.CharField(label=_("Organisation that goes on"), max_length=120, required=False)
    successor_code = forms.CharField(label=_("Its unified social credit code"), max_length=18, required=False)
    file1 = forms.FileField(
        label=_("Document that shows it"), required=False, help_text=_("PDF, JPG, PNG, DOCX or XLSX, up to 50 MB.")
    )
    file2 = forms.FileField(label=_("Second file"), required=False)
    file3 = forms.FileField(label=_("Third file"), required=False)

    def offer(self, kinds: Sequence[str]) -> None:
        asked: dict[str, forms.Field] = {}
        for kind in kinds:
            asked[kind] = forms.CharField(
                label=_("New: %(what)s") % {"what": ChangeKind(kind).label}, max_length=120, required=False
            )
        self.fields = {**asked, **self.fields}
        if not set(kinds) & set(WITH_SUCCESSOR):
            del self.fields["successor_name"], self.fields["successor_code"]

    def given(self) -> Report:
        clean = self.cleaned_data
        return Report(
            after={kind: clean.get(kind, "") for kind in ChangeKind.values},
            happened_on=clean["happened_on"],
            explanation=clean["explanation"],
            successor_name=clean.get("successor_name", ""),
            successor_code=clean.get("successor_code", ""),
            files=[clean[name] for name in FILES if clean.get(name)],
        )


class CompleteForm(ServiceForm):
    explanation = forms.CharField(
        label=_("How it came about"), widget=forms.Textarea(attrs={"rows": 5}), max_length=3000
    )
    file1 = forms.FileField(label=_("Document that shows it"), required=False)

    def given(self) -> dict[str, Any]:
        files = [self.cleaned_data["file1"]] if self.cleaned_data.get("file1") else []
        return {"explanation": self.cleaned_data["explanation"], "files": files}


class VerifyForm(ServiceForm):
    agreed = forms.ChoiceField(
        label=_("Is it as reported"), choices=[("yes", _("Yes")), ("no", _("No"))], widget=forms.RadioSelect
    )
    opinion = forms.CharField(label=_("Opinion"), widget=forms.Textarea(attrs={"rows": 5}), max_length=3000)
    meets = forms.ChoiceField(
        label=_("Is the unit still within the standard"),
        choices=[("", _("not asked")), ("yes", _("Yes")), ("no", _("No"))],
        required=False,
        widget=forms.RadioSelect,
    )
    meets_reason = forms.CharField(
        label=_("Why it does not meet the standard any more"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        required=False,
    )
    disposition = forms.ChoiceField(
        label=_("What becomes of the place on the list"),
        choices=[("", "—"), *Disposition.choices],
        required=False,
    )

    def fit(self, *, asks_standard: bool, with_successor: bool) -> None:
        if not asks_standard:
            del self.fields["meets"], self.fields["meets_reason"]
        if not with_successor:
            del self.fields["disposition"]

    def given(self) -> Verification:
        clean = self.cleaned_data
        return Verification(
            opinion=clean["opinion"],
            agreed=clean["agreed"] == "yes",
            meets={"yes": True, "no": False}.get(clean.get("meets", "")),
            meets_reason=clean.get("meets_reason", ""),
            disposition=clean.get("disposition", ""),
        )


class ReasonForm(ServiceForm):
    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 3}), max_length=1000)
