"""Input of the cultivation library → clean values."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dynamics.services.cultivation import LONGEST_TEXT, Plan
from dynamics.states import CultivationSource, CultivationState
from greenlist.core.forms import DayField, ServiceForm

Choices = Sequence[tuple[Any, Any]]


def _day(label: Any, **options: Any) -> DayField:
    return DayField(label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}), **options)


def _text(label: Any, rows: int, **options: Any) -> forms.CharField:
    given = {"required": False, "max_length": LONGEST_TEXT} | options
    return forms.CharField(label=label, widget=forms.Textarea(attrs={"rows": rows}), **given)


class Beside(ServiceForm):
    """One of several forms on a page: its fields have ids of their own."""

    ids = ""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"auto_id": f"{self.ids}-%s", **options})


class FilterForm(forms.Form):
    """Filters of the library; what is not one of the choices is no filter."""

    q = forms.CharField(required=False, max_length=60)
    place = forms.SlugField(required=False, max_length=30)
    level = forms.CharField(required=False, max_length=10)
    state = forms.ChoiceField(required=False, choices=[("", ""), *CultivationState.choices])
    category = forms.CharField(required=False, max_length=15)
    source = forms.ChoiceField(required=False, choices=[("", ""), *CultivationSource.choices])
    tag = forms.SlugField(required=False, max_length=30)
    striving = forms.ChoiceField(required=False, choices=[("", ""), ("yes", ""), ("no", "")])
    own = forms.BooleanField(required=False)

    def given(self) -> dict[str, Any]:
        """The filters that were set and can be understood."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class AddForm(ServiceForm):
    site_id = forms.TypedChoiceField(label=_("Site"), coerce=int)
    category = forms.ChoiceField(label=_("List"))

    def __init__(self, data: Any, *, sites: Choices, categories: Choices) -> None:
        super().__init__(data)
        self.fields["site_id"].choices = sites  # type: ignore[attr-defined]
        self.fields["category"].choices = categories  # type: ignore[attr-defined]


class AskForm(AddForm):
    reason = _text(_("What you plan"), 4, help_text=_("The authority of your place reads it."))


class PlanForm(Beside):
    ids = "plan"
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    responsible = forms.CharField(label=_("Official in charge"), max_length=60, required=False)
    plan = _text(_("Cultivation plan"), 6, help_text=_("The unit reads it."))
    note = _text(_("Notes of the survey"), 3, help_text=_("Only officials read them."))
    tags = forms.MultipleChoiceField(
        label=_("Honours that put it forward"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, data: Any = None, *, tags: Choices, **options: Any) -> None:
        super().__init__(data, **options)
        self.fields["tags"].choices = tags  # type: ignore[attr-defined]
        if not tags:
            del self.fields["tags"]

    def plan_given(self) -> Plan:
        given = self.cleaned_data
        words = {name: given[name] for name in ("note", "plan", "responsible")}
        return Plan(**words, tags=tuple(given.get("tags", ())))


class LevelForm(Beside):
    ids = "level"
    level = forms.ChoiceField(label=_("Level"))
    basis = forms.CharField(label=_("Document that says so"), max_length=200, required=False)

    def __init__(self, data: Any = None, *, levels: Choices, **options: Any) -> None:
        super().__init__(data, **options)
        self.fields["level"].choices = levels  # type: ignore[attr-defined]


class DropForm(Beside):
    ids = "drop"
    reason = forms.CharField(label=_("Reason"), max_length=300, required=False)


class TargetForm(Beside):
    ids = "target"
    text = forms.CharField(label=_("What is to be reached"), max_length=300, required=False)
    due_on = _day(_("By"))


class VisitForm(Beside):
    ids = "visit"
    planned_on = _day(_("Day of the visit"))
    purpose = forms.CharField(label=_("What it is about"), max_length=200, required=False)


class RecordForm(Beside):
    ids = "record"
    visited_on = _day(_("Visited on"))
    persons = forms.CharField(label=_("Who came"), max_length=300, required=False)
    advice = _text(_("What was advised"), 5, help_text=_("The unit reads it."))


class NoteForm(Beside):
    ids = "progress"
    text = _text(_("What has been done"), 3)


class MatchForm(Beside):
    ids = "match"
    body = forms.TypedChoiceField(label=_("Third-party body"), coerce=int)
    note = forms.CharField(label=_("Remark"), max_length=300, required=False)

    def __init__(self, data: Any = None, *, bodies: Choices) -> None:
        super().__init__(data)
        self.fields["body"].choices = bodies  # type: ignore[attr-defined]


class SurveyForm(ServiceForm):
    file = forms.FileField(label=_("Workbook of the survey"), help_text=_("XLSX or CSV, up to 5 MB."))
