"""What is typed about a report from the public: by who reports, and by who handles it."""

from collections.abc import Sequence

from django import forms
from django.utils.translation import gettext_lazy as _

from dynamics.services.tips import Words
from dynamics.states import TipOutcome
from greenlist.core.forms import DayField, ServiceForm


class ReportForm(ServiceForm):
    authority = forms.TypedChoiceField(label=_("Report to"), coerce=int)
    name = forms.CharField(
        label=_("Your name or your organisation's"),
        max_length=60,
        help_text=_(
            "Reports are made under a real name. It is kept encrypted; only the officials named on your report open it."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    contact = forms.CharField(
        label=_("Telephone or e-mail"),
        max_length=100,
        help_text=_("For questions about your report; never shown to the unit, never published."),
        widget=forms.TextInput(attrs={"autocomplete": "tel"}),
    )
    text = forms.CharField(
        label=_("What is untrue, and how do you know"),
        widget=forms.Textarea(attrs={"rows": 8}),
        max_length=5000,
    )
    evidence = forms.FileField(
        label=_("Evidence"),
        help_text=_(
            "One file: PDF, JPG, PNG, DOCX or XLSX. Its name and the properties that programs write are taken off."
        ),
    )

    def choose(self, authorities: Sequence[tuple[int, str]]) -> None:
        self.fields["authority"].choices = authorities  # type: ignore[attr-defined]
        if len(authorities) == 1:
            self.fields["authority"].initial = authorities[0][0]

    def words(self) -> Words:
        return Words(*(self.cleaned_data[name] for name in ("name", "contact", "text")))


class NameHandlerForm(ServiceForm):
    user = forms.TypedChoiceField(label=_("Who handles it"), coerce=int)
    delegation = forms.CharField(
        label=_("Reason of a delegation"),
        max_length=300,
        required=False,
        help_text=_("Needed where the person comes from the unit's own county."),
    )

    def choose(self, people: Sequence[tuple[int, str]]) -> None:
        self.fields["user"].choices = people  # type: ignore[attr-defined]


class LookForm(ServiceForm):
    reason = forms.CharField(
        label=_("Why you need to know who it is from"),
        max_length=300,
        help_text=_("Kept with your name and the time."),
    )


class AcceptForm(ServiceForm):
    summary = forms.CharField(
        label=_("What is to be verified"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=2000,
        help_text=_("In your own words, without anything that tells who reported it."),
    )


class ProposeForm(ServiceForm):
    outcome = forms.ChoiceField(label=_("Outcome"), widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("Reasons"),
        widget=forms.Textarea(attrs={"rows": 5}),
        max_length=3000,
        help_text=_("Who reported reads them, and the unit those of a rectification."),
    )
    due_on = DayField(
        label=_("Last day of a rectification"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def choose(self, outcomes: Sequence[str]) -> None:
        self.fields["outcome"].choices = [(one, TipOutcome(one).label) for one in outcomes]  # type: ignore[attr-defined]
        if TipOutcome.RECTIFICATION not in outcomes:
            del self.fields["due_on"]


class NoteForm(ServiceForm):
    note = forms.CharField(label=_("Why it is handed back"), widget=forms.Textarea(attrs={"rows": 3}), max_length=1000)
