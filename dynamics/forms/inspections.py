"""What is typed about inspections."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dynamics.services.inspections import Visit, Wish
from dynamics.states import Answer, InspectionKind, InspectionResult
from greenlist.core.forms import DayField, ServiceForm
from greenlist.organisations.models import Category

TIERS = [("", _("every list")), ("city", _("city")), ("province", _("province")), ("nation", _("nation"))]
DAY = {"type": "date"}
PHOTOS = ("photo1", "photo2", "photo3")


class DrawForm(ServiceForm):
    title = forms.CharField(label=_("Title"), max_length=160)
    year = forms.IntegerField(label=_("Year"), min_value=2000, max_value=2199)
    category = forms.ChoiceField(
        label=_("Category"), choices=[("", _("every list")), *Category.choices], required=False
    )
    tier = forms.ChoiceField(label=_("Tier of the list"), choices=TIERS, required=False)
    share = forms.DecimalField(
        label=_("Share in per cent"), min_value=0, max_value=100, max_digits=5, decimal_places=2, required=False
    )
    number = forms.IntegerField(label=_("Number of units"), min_value=1, max_value=20000, required=False)
    unannounced = forms.BooleanField(label=_("Unannounced where the rules know it"), required=False)

    def wish(self) -> Wish:
        return Wish(**self.cleaned_data)


class PlanVisitForm(ServiceForm):
    kind = forms.ChoiceField(label=_("Kind of the visit"), choices=InspectionKind.choices)
    planned_on = DayField(label=_("Day of the visit"), widget=forms.DateInput(attrs=DAY), required=False)
    purpose = forms.CharField(label=_("What for"), max_length=200, required=False)
    unannounced = forms.BooleanField(label=_("without a word before"), required=False)


class DayForm(ServiceForm):
    planned_on = DayField(label=_("Day of the visit"), widget=forms.DateInput(attrs=DAY), required=False)


class VisitForm(ServiceForm):
    """The checklist as it stood when the visit was planned, then what was found."""

    visited_on = DayField(label=_("Day of the visit"), widget=forms.DateInput(attrs=DAY), required=False)
    persons = forms.CharField(label=_("Who came"), max_length=200, required=False)
    result = forms.ChoiceField(
        label=_("Result"), choices=InspectionResult.choices, widget=forms.RadioSelect, required=False
    )
    findings = forms.CharField(
        label=_("Findings"), widget=forms.Textarea(attrs={"rows": 5}), max_length=4000, required=False
    )
    photo1 = forms.FileField(label=_("Photos and records"), required=False)
    photo2 = forms.FileField(label=_("Second file"), required=False)
    photo3 = forms.FileField(label=_("Third file"), required=False)
    rectify = forms.CharField(
        label=_("To be put right (orders a rectification)"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=3000,
        required=False,
    )
    due_on = DayField(label=_("Last day of the rectification"), widget=forms.DateInput(attrs=DAY), required=False)

    def ask(self, items: Sequence[Mapping[str, str]], language: str) -> None:
        asked: dict[str, forms.Field] = {}
        for one in items:
            key = one["key"]
            label = one.get(language) or one["zh"]
            asked[f"item_{key}"] = forms.ChoiceField(
                label=label, choices=Answer.choices, widget=forms.RadioSelect, required=False
            )
            asked[f"remark_{key}"] = forms.CharField(label=_("Remark"), max_length=500, required=False)
        head = {name: self.fields.pop(name) for name in ("visited_on", "persons")}
        self.fields = {**head, **asked, **self.fields}

    def _answers(self) -> Iterator[tuple[str, tuple[str, str]]]:
        for name, value in self.cleaned_data.items():
            if name.startswith("item_"):
                key = name.removeprefix("item_")
                yield key, (value or "", self.cleaned_data.get(f"remark_{key}", ""))

    def visit(self) -> Visit:
        clean: dict[str, Any] = self.cleaned_data
        return Visit(
            visited_on=clean["visited_on"],
            persons=clean["persons"],
            result=clean["result"],
            findings=clean["findings"],
            answers=dict(self._answers()),
            photos=[clean[name] for name in PHOTOS if clean.get(name)],
            due_on=clean["due_on"],
            rectify=clean["rectify"],
        )
