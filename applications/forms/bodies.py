"""Forms about third-party bodies: registration, projects, bans, supervision, work reports. No side effects."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from applications.states import Advice
from greenlist.core.forms import DayField, ServiceForm
from greenlist.organisations.models import Ban, Category

SHORT = 40  # characters of a suggestion in a list of choices
FILES = _("PDF, picture, Word or Excel file.")
SAID = _("What was found, where and when. It goes to the authority above at once.")


def day(label: Any, **options: Any) -> DayField:
    return DayField(label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **options)


def lines(label: Any, **options: Any) -> forms.CharField:
    options.setdefault("max_length", 2000)
    return forms.CharField(label=label, widget=forms.Textarea(attrs={"rows": 4}), **options)


class SignForm(ServiceForm):
    """Who signs, and that it is signed; `digest` is that of what was on the page."""

    digest = forms.CharField(widget=forms.HiddenInput, required=False)
    agreed = forms.BooleanField(label=_("We sign these statements"), required=False)
    signed_name = forms.CharField(label=_("Name of the person who signs"), max_length=60, required=False)


class NoteForm(ServiceForm):
    """A suggestion, or the follow-up of one of `suggestions`."""

    kind = forms.ChoiceField(label=_("What you note"), choices=Advice.choices, initial=Advice.SUGGESTION)
    to = forms.ChoiceField(label=_("Follow-up of"), required=False)
    text = lines(_("Text"))

    def __init__(self, *args: Any, suggestions: Iterable[tuple[int, str]] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        named = [(str(key), text if len(text) <= SHORT else f"{text[:SHORT]}…") for key, text in suggestions]
        to = self.fields["to"]
        assert isinstance(to, forms.ChoiceField)
        to.choices = [("", _("nothing: it is a new suggestion")), *named]


class ReasonForm(ServiceForm):
    reason = lines(_("Reason"), max_length=300, required=False)


class DecideForm(ServiceForm):
    reason = lines(_("Reason"), required=False, help_text=_("Needed for a refusal; the body reads it."))


class BanForm(ServiceForm):
    ground = forms.ChoiceField(label=_("Ground"), choices=Ban.Ground.choices)
    reason = lines(
        _("What was proven"), required=False, help_text=_("With the documents that show it. The body reads it.")
    )
    upload = forms.FileField(label=_("Evidence"), required=False, help_text=FILES)

    def __init__(self, *args: Any, grounds: frozenset[str] = frozenset(), **options: Any) -> None:
        super().__init__(*args, **options)
        named = [(value, label) for value, label in Ban.Ground.choices if value in grounds]
        self.fields["ground"].choices = named  # type: ignore[attr-defined]


class SuperviseForm(ServiceForm):
    finding = lines(
        _("Finding"),
        required=False,
        help_text=_("What was found, where and when. It goes to the authority above at once."),
    )
    upload = forms.FileField(label=_("Evidence"), required=False, help_text=FILES)


class WorkReportForm(ServiceForm):
    text = lines(_("Work of the year"), max_length=10000, required=False)
    problems = lines(_("Problems and suggestions"), max_length=10000, required=False)
    upload = forms.FileField(label=_("Report as a file"), required=False, help_text=FILES)


class OutsideForm(ServiceForm):
    """A project that was done without the portal."""

    version_id = forms.TypedChoiceField(label=_("Rules of the list"), coerce=int)
    unit = forms.CharField(label=_("Unit"), max_length=120, required=False)
    category = forms.ChoiceField(label=_("List type"), choices=Category.choices)
    year = forms.IntegerField(label=_("Year"), min_value=2016, max_value=2100)

    def __init__(self, *args: Any, versions: list[tuple[int, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["version_id"].choices = versions  # type: ignore[attr-defined]


class InviteForm(ServiceForm):
    body = forms.TypedChoiceField(label=_("Third-party body"), coerce=int)

    def __init__(self, *args: Any, bodies: list[tuple[int, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["body"].choices = [("", "—"), *bodies]  # type: ignore[attr-defined]


class ReleaseForm(ServiceForm):
    ends_on = day(
        _("Last day"),
        help_text=_("Until then its people see and edit the report. It ends earlier when you submit or take it back."),
    )


class PublishForm(ServiceForm):
    title = forms.CharField(label=_("Title"), max_length=160, required=False)
    white = forms.TypedMultipleChoiceField(
        label=_("On the white list"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, bodies: list[tuple[int, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["white"].choices = bodies  # type: ignore[attr-defined]
