"""Input of notices, objections and announcements → clean values."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from greenlist.core.forms import DayField, ServiceForm
from registry.selectors import Version
from registry.services.corrections import Line

Choices = Sequence[tuple[str, Any]]


class WordsForm(forms.Form):
    """Words that two people may be editing: `version` is that of the page."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)


class NoticeForm(WordsForm):
    title = forms.CharField(label=_("Title"), max_length=160)
    text = forms.CharField(
        label=_("Text"),
        widget=forms.Textarea(attrs={"rows": 8}),
        max_length=6000,
        help_text=_("Printed above the list of units, on the page and in the PDF."),
    )


class SiteAddressForm(WordsForm):
    site_address = forms.URLField(
        label=_("Address on the bureau's own site"),
        required=False,
        max_length=200,
        assume_scheme="https",
        help_text=_("Where the same notice is published; recorded with this one."),
    )


class ObjectionForm(forms.Form):
    name = forms.CharField(
        label=_("Your name or your organisation's"),
        max_length=60,
        help_text=_("Objections are made under a real name. Only the officials who handle it can read it."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    contact = forms.CharField(
        label=_("Telephone or e-mail"),
        max_length=100,
        help_text=_("For questions about your objection; never published."),
        widget=forms.TextInput(attrs={"autocomplete": "tel"}),
    )
    text = forms.CharField(
        label=_("What is wrong, and how do you know"),
        widget=forms.Textarea(attrs={"rows": 8}),
        max_length=3000,
    )
    evidence = forms.FileField(
        label=_("Evidence"), required=False, help_text=_("One file: PDF, JPG, PNG, DOCX or XLSX, up to 50 MB.")
    )


class CheckFileForm(forms.Form):
    file = forms.FileField(
        label=_("The PDF file"),
        help_text=_("As you received it, up to 10 MB. It is compared with what was issued and not kept."),
        widget=forms.ClearableFileInput(attrs={"accept": ".pdf,application/pdf"}),
    )


class ObjectionDecisionForm(forms.Form):
    outcome = forms.ChoiceField(
        label=_("Decision"),
        choices=[
            ("dismissed", _("Dismiss: the unit goes on")),
            ("upheld", _("Uphold: the unit is not listed")),
        ],
        widget=forms.RadioSelect,
    )
    reasons = forms.CharField(
        label=_("Reasons"),
        widget=forms.Textarea(attrs={"rows": 6}),
        max_length=3000,
        help_text=_("The objector reads them; the unit reads them if the objection is upheld. Name nobody."),
    )


class AnnouncementForm(WordsForm):
    title = forms.CharField(label=_("Title"), max_length=160)
    number = forms.CharField(
        label=_("Document number"),
        max_length=60,
        required=False,
        help_text=_("The official number, as it will be printed."),
    )
    text = forms.CharField(label=_("Text"), widget=forms.Textarea(attrs={"rows": 8}), max_length=6000)


class CorrectionForm(ServiceForm):
    """The reason, and per printed line what is to stand there."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    reason = forms.CharField(
        label=_("What was wrong"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=500,
        help_text=_("Published with the corrected announcement."),
    )

    def __init__(self, data: Mapping[str, Any] | None, *, version: Version) -> None:
        super().__init__(data, initial={"version": version.number})
        self.positions = [unit["position"] for unit in version.frozen["units"] if not unit.get("struck")]
        for unit in version.frozen["units"]:
            if unit.get("struck"):
                continue
            about, position = {"name": unit["name"]}, unit["position"]
            self.fields[f"name-{position}"] = forms.CharField(
                label=_("Name printed for %(name)s") % about, max_length=120, initial=unit["name"], required=False
            )
            self.fields[f"area-{position}"] = forms.CharField(
                label=_("Place printed for %(name)s") % about, max_length=60, initial=unit["area"], required=False
            )
            self.fields[f"struck-{position}"] = forms.BooleanField(
                label=_("Take %(name)s off: it should not stand here") % about, required=False
            )

    @property
    def rows(self) -> list[tuple[int, Any, Any, Any]]:
        return [
            (position, self[f"name-{position}"], self[f"area-{position}"], self[f"struck-{position}"])
            for position in self.positions
        ]

    def lines(self) -> dict[int, Line]:
        given = self.cleaned_data
        return {
            position: Line(given[f"name-{position}"], given[f"area-{position}"], given[f"struck-{position}"])
            for position in self.positions
        }


class ChangesForm(forms.Form):
    """Two days; wrong ones count as none."""

    since = DayField(required=False)
    until = DayField(required=False)


class NoteForm(forms.Form):
    note = forms.CharField(label=_("What should be changed"), widget=forms.Textarea(attrs={"rows": 4}), max_length=500)


class HeadingForm(forms.Form):
    """The document that another tier published."""

    title = forms.CharField(label=_("Title of the document"), max_length=160)
    number = forms.CharField(label=_("Document number"), max_length=60, required=False)
    issued_on = forms.DateField(label=_("Day of the document"), widget=forms.DateInput(attrs={"type": "date"}))
    source = forms.CharField(
        label=_("Source"), max_length=300, help_text=_("Where it was published: web address, or the paper as received.")
    )


class ListFileForm(HeadingForm):
    """A published list as a file; `tier` and `category` only where no call is named."""

    file = forms.FileField(
        label=_("The list as XLSX or CSV"), widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv"})
    )
    complete = forms.BooleanField(
        label=_("The list is complete: who is not in it was not listed"),
        required=False,
        help_text=_("Cases that wait for this list and are not in it end as not listed, naming this document."),
    )

    def __init__(self, *args: Any, tiers: Choices = (), categories: Choices = (), **given: Any) -> None:
        super().__init__(*args, **given)
        if tiers:
            del self.fields["complete"]
            self.fields["tier"] = forms.ChoiceField(label=_("List of the tier"), choices=tiers)
            self.fields["category"] = forms.ChoiceField(label=_("Category"), choices=categories)
            self.order_fields(["tier", "category", "title", "number", "issued_on", "source", "file"])


class ResultForm(HeadingForm):
    """The outcome of one case, typed from the document."""

    listed = forms.ChoiceField(
        label=_("Outcome"),
        choices=[("yes", _("On the published list")), ("no", _("Not on the published list"))],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label=_("Reason, as the document has it"),
        required=False,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Needed where the unit is not on the list; the applicant reads it."),
    )

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self.order_fields(["listed", "title", "number", "issued_on", "source", "reason"])


class MatchNoteForm(forms.Form):
    note = forms.CharField(label=_("From what this is known"), max_length=300, widget=forms.Textarea(attrs={"rows": 3}))


class SearchForm(forms.Form):
    """Filters of the public list; wrong values count as none, the address stays shareable."""

    q = forms.CharField(required=False, max_length=60)
    place = forms.SlugField(required=False)
    industry = forms.RegexField(r"^\d{2,4}$", required=False)
    category = forms.SlugField(required=False)
    year = forms.IntegerField(required=False, min_value=2000, max_value=2100)
    on = forms.DateField(required=False)
    after = forms.RegexField(r"^\d{4}-\d{2}-\d{2}_\d+$", required=False)
