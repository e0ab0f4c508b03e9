"""What is typed about removals, bulletins, requests upward and alarms."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dynamics.states import Conclusion
from greenlist.core.forms import DayField, ServiceForm
from greenlist.organisations.models import AdverseRecord

FILES = ("file1", "file2", "file3")
DAY = forms.DateInput(attrs={"type": "date"})
KINDS = ("safety", "cyber", "quality", "environment")
ONE_FILE = _("One file: PDF, JPG, PNG, DOCX or XLSX, up to 50 MB.")


def area(label: Any, rows: int = 5, most: int = 4000, **given: Any) -> forms.CharField:
    return forms.CharField(label=label, widget=forms.Textarea(attrs={"rows": rows}), max_length=most, **given)


class ProposeForm(ServiceForm):
    ground = forms.ChoiceField(label=_("Ground"), widget=forms.RadioSelect)
    reason = area(_("What happened, and what shows it"))
    upload = forms.FileField(label=_("Evidence"), required=False, help_text=ONE_FILE)

    def __init__(self, *args: Any, grounds: Sequence[tuple[str, Any]] = (), **given: Any) -> None:
        super().__init__(*args, **given)
        self.fields["ground"].choices = list(grounds)  # type: ignore[attr-defined]


class AskForm(ServiceForm):
    answer_by = DayField(label=_("Last day for the answer"), widget=DAY)
    letter = area(_("Letter to the unit"), rows=8)
    how = area(
        _("Where it may come in person"),
        rows=2,
        most=500,
        required=False,
        help_text=_("Besides the answer on the portal."),
    )


class AnswerForm(ServiceForm):
    statement = area(_("What you say to it"), rows=8)
    file1 = forms.FileField(label=_("File"), required=False, help_text=ONE_FILE)
    file2 = forms.FileField(label=_("Second file"), required=False)
    file3 = forms.FileField(label=_("Third file"), required=False)

    def given(self) -> dict[str, Any]:
        uploads = [self.cleaned_data[name] for name in FILES if self.cleaned_data.get(name)]
        return {"statement": self.cleaned_data["statement"], "uploads": uploads}


class OralForm(ServiceForm):
    heard_on = DayField(label=_("Day"), widget=DAY)
    persons = forms.CharField(label=_("Who came"), max_length=300)
    record = area(_("What was said"))


class EvidenceForm(ServiceForm):
    upload = forms.FileField(label=_("File"), help_text=ONE_FILE)


class ConcludeForm(ServiceForm):
    conclusion = forms.ChoiceField(label=_("Proposed decision"), choices=Conclusion.choices, widget=forms.RadioSelect)
    opinion = area(_("What the evidence shows, and what the unit said"))


class DecideForm(ServiceForm):
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    outcome = forms.ChoiceField(label=_("Decision"), choices=Conclusion.choices, widget=forms.RadioSelect)
    decision = area(_("Reasons"), help_text=_("The unit reads them."))


class DismissForm(ServiceForm):
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    decision = area(_("Why it is dropped"), rows=3, help_text=_("The unit reads it where it was told of the matter."))


class TextForm(ServiceForm):
    text = area(_("What is to be looked at again"), rows=3, most=1000)


# ---- bulletins ------------------------------------------------------------------------------------------------------
class BulletinForm(ServiceForm):
    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)
    title = forms.CharField(label=_("Title"), max_length=160)
    number = forms.CharField(
        label=_("Document number"),
        max_length=60,
        required=False,
        help_text=_("The official number, as it will be printed."),
    )
    text = area(_("Text"), rows=6, most=6000)


class NewBulletinForm(BulletinForm):
    lines = forms.MultipleChoiceField(label=_("Units"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, waiting: Sequence[tuple[str, Any]] = (), **given: Any) -> None:
        super().__init__(*args, **given)
        self.fields["lines"].choices = list(waiting)  # type: ignore[attr-defined]
        self.order_fields(["lines", "title", "number", "text"])

    def chosen(self) -> list[tuple[str, int]]:
        pairs = [one.partition(":") for one in self.cleaned_data["lines"]]
        return [(kind, int(key)) for kind, _colon, key in pairs]


# ---- requests upward ------------------------------------------------------------------------------------------------
class LetterForm(ServiceForm):
    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)
    title = forms.CharField(label=_("Title"), max_length=160)
    text = area(_("Text"), rows=8, most=6000)


class SendForm(ServiceForm):
    digest = forms.CharField(widget=forms.HiddenInput, required=False)
    number = forms.CharField(label=_("Document number"), max_length=60)


class ReceiveForm(ServiceForm):
    on = DayField(label=_("Received on"), widget=DAY)
    text = area(_("Remark"), rows=2, most=500, required=False)


class ReasonForm(ServiceForm):
    reason = area(_("Reason"), rows=3, most=2000)


class DocumentForm(ServiceForm):
    document = forms.CharField(label=_("Document that did it: title and number"), max_length=300)


# ---- alarms ---------------------------------------------------------------------------------------------------------
class AlarmForm(ServiceForm):
    kind = forms.ChoiceField(
        label=_("Kind of event"),
        choices=[(key, AdverseRecord.Kind(key).label) for key in KINDS],
        widget=forms.RadioSelect,
    )
    severity = forms.TypedChoiceField(
        label=_("Grade"),
        choices=[(one.value, one.label) for one in AdverseRecord.Severity if one.value],
        coerce=int,
        widget=forms.RadioSelect,
    )
    event_at = forms.DateTimeField(
        label=_("When it happened"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=_("Beijing time. The hours until this alarm are counted from it."),
    )
    place = forms.CharField(label=_("Where it happened"), max_length=200)
    what = area(_("What happened, and what was done"), rows=6)
    source = forms.CharField(
        label=_("Source"), max_length=100, help_text=_("Who told you: department, report, the unit.")
    )
    upload = forms.FileField(label=_("Source file"), required=False, help_text=ONE_FILE)


class FollowForm(ServiceForm):
    text = area(_("What is known now"), rows=4)
    upload = forms.FileField(label=_("File"), required=False, help_text=ONE_FILE)


class CloseForm(ServiceForm):
    text = area(_("What came of it"), rows=4)
