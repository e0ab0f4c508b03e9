"""What is typed about yearly tables: opening, handing in, reviewing, moving a day."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dynamics.models import Cycle
from dynamics.selectors import scores as score_reads
from dynamics.selectors.yearly import DoubtShown
from greenlist.core import sheets
from greenlist.core.errors import Invalid
from greenlist.core.forms import DayField, ServiceForm
from greenlist.policy import words
from greenlist.policy.engine.types import Duty

DAY = forms.DateInput(attrs={"type": "date"})
YES_NO = [("yes", _("yes")), ("no", _("no"))]


class OpenCycleForm(ServiceForm):
    """One of the duties that the authority may open by hand."""

    duty = forms.ChoiceField(label=_("Which table"))
    year = forms.IntegerField(label=_("Year"), min_value=2000, max_value=2199)
    due_on = DayField(
        label=_("Last day, that day included"),
        required=False,
        widget=DAY,
        help_text=_("Where the rules name the day it is that one; where they do not you have to name it."),
    )

    def __init__(self, *given: Any, duties: Sequence[tuple[str, str]] = (), **options: Any) -> None:
        super().__init__(*given, **options)
        self.fields["duty"].choices = list(duties)  # type: ignore[attr-defined]


class MoveForm(ServiceForm):
    due_on = DayField(label=_("New last day"), widget=DAY)
    reason = forms.CharField(label=_("Reason"), max_length=300)


class DeclareForm(ServiceForm):
    """The declaration of truth (HLJ-27)."""

    agreed = forms.BooleanField(label="", required=False)
    declared_name = forms.CharField(label=_("Name of the person who declares this"), max_length=60, required=False)

    def __init__(self, *given: Any, declaration: str, **options: Any) -> None:
        super().__init__(*given, **options)
        self.fields["agreed"].label = declaration


class ExplainForm(ServiceForm):
    """One text for each doubtful figure."""

    def __init__(self, *given: Any, doubts: Sequence[DoubtShown] = (), **options: Any) -> None:
        super().__init__(*given, **options)
        for one in doubts:
            self.fields[one.name] = forms.CharField(
                label=one.text,
                required=False,
                max_length=1000,
                initial=one.reason,
                widget=forms.Textarea(attrs={"rows": 2}),
            )

    def reasons(self) -> dict[str, str]:
        return {name.removeprefix("why-"): self.cleaned_data.get(name, "") for name in self.fields}


class ScoreFileForm(ServiceForm):
    file = forms.FileField(
        label=_("Table of scores"),
        help_text=_("XLSX or CSV with the columns “统一社会信用代码” and “得分”, one unit a line."),
    )

    def scores(self, cycle: Cycle) -> dict[str, Decimal]:
        """Scores by table. Raises sheets.ImportRefused with every mistake."""
        upload = self.cleaned_data.get("file")
        if upload is None:
            raise sheets.refusal(_("Choose a file first."))
        lines = sheets.read(upload.name, upload.read(sheets.MAX_BYTES + 1), SCORES)
        known = score_reads.references_by_code(cycle, {values["code"] for _sheet, _row, values in lines})
        found, problems = {}, []
        for sheet, row, values in lines:
            references = known.get(values["code"], [])
            if len(references) != 1:
                rule = (
                    _("no table of this code") if not references else _("several tables of this code: type the scores")
                )
                problems.append(sheets.RowProblem(sheet, row, "统一社会信用代码", values["code"], rule))
            else:
                found[references[0]] = values["score"]
        if problems:
            raise sheets.ImportRefused(problems)
        return found


def _score(value: Any) -> Decimal:
    try:
        found = Decimal(sheets.text_of(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise ValueError(_("Write a number."))
    return found


SCORES = sheets.Layout(
    columns={"code": _("Unified social credit code"), "score": _("Score")},
    needed=("code", "score"),
    longest={"code": 18, "score": 12},
    readers={"score": _score},
    also={"code": ("统一社会信用代码",), "score": ("得分",)},
)


def typed_scores(posted: Mapping[str, str]) -> dict[str, Decimal]:
    """What was typed beside units, by table; empty ones are left out. Raises Invalid."""
    found, problems = {}, {}
    for name, text in posted.items():
        if name.startswith("score-") and text.strip():
            try:
                found[name.removeprefix("score-")] = _score(text.strip())
            except ValueError as wrong:
                problems[name] = [str(wrong)]
    if problems:
        raise Invalid(_("No score was kept."), problems=problems)
    return found


class ApproveForm(ServiceForm):
    revision = forms.IntegerField(widget=forms.HiddenInput)
    text = forms.CharField(
        label=_("Opinion"), max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )

    def __init__(self, *given: Any, changed: bool, **options: Any) -> None:
        super().__init__(*given, **options)
        if changed:
            self.fields["meets"] = meets_field()

    def meets(self) -> bool | None:
        return yes_no(self.cleaned_data.get("meets", ""))


class ReturnForm(ServiceForm):
    """Why, until when; the fields with their reasons lie beside the answers."""

    revision = forms.IntegerField(widget=forms.HiddenInput)
    text = forms.CharField(
        label=_("Why it is returned"), max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    answer_by = DayField(label=_("Answer by"), required=False, widget=DAY)

    def __init__(self, *given: Any, labels: Mapping[str, str], **options: Any) -> None:
        super().__init__(*given, **options)
        for path, label in labels.items():
            self.fields[f"at-{path}"] = forms.CharField(label=label, required=False, max_length=1000)

    def named(self) -> dict[str, str]:
        given = self.cleaned_data
        return {name.removeprefix("at-"): given.get(name, "") for name in self.fields if name.startswith("at-")}

    def day(self) -> date | None:
        return self.cleaned_data.get("answer_by")


class OpinionForm(ServiceForm):
    """审核意见报告: yes or no for each point of the rules, the opinion, and whether the standard is still met."""

    def __init__(self, *given: Any, duty: Duty, changed: bool, **options: Any) -> None:
        super().__init__(*given, **options)
        self.keys = [key for key, _label in duty.points]
        for key, label in duty.points:
            self.fields[f"point_{key}"] = forms.ChoiceField(
                label=words.text(label),
                choices=[("yes", _("nothing against it")), ("no", _("something was found"))],
                widget=forms.RadioSelect,
                required=False,
            )
            self.fields[f"note_{key}"] = forms.CharField(label=_("What was found"), required=False, max_length=1000)
        if changed:
            self.fields["meets"] = meets_field()
        self.fields["text"] = forms.CharField(
            label=_("Opinion"), max_length=8000, required=False, widget=forms.Textarea(attrs={"rows": 6})
        )

    def points(self) -> dict[str, tuple[bool | None, str]]:
        given = self.cleaned_data
        return {key: (yes_no(given.get(f"point_{key}", "")), given.get(f"note_{key}", "")) for key in self.keys}

    def meets(self) -> bool | None:
        return yes_no(self.cleaned_data.get("meets", ""))


def meets_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        label=_("Does the unit still meet the standard after the change?"),
        choices=YES_NO,
        widget=forms.RadioSelect,
        required=False,
    )


def yes_no(text: str) -> bool | None:
    return {"yes": True, "no": False}.get(text)
