"""Return, proposal and reason: the short forms of the review desk."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from applications.models import Screening
from applications.selectors.review import ReviewPage
from greenlist.core.forms import DayField, ServiceForm


class ReasonForm(ServiceForm):
    reason = forms.CharField(
        label=_("Reason"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


class ReturnForm(ServiceForm):
    """The fields that open; those with a remark are ticked from the start."""

    revision = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("What is to be corrected"),
        help_text=_("The applicant reads this together with your remarks on the fields."),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    due_on = DayField(
        label=_("To be corrected by"),
        help_text=_("That day included. Leave empty when there is no day."),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, data: Mapping[str, Any] | None, *, page: ReviewPage) -> None:
        marked = [one.path for part in page.sections for one in part.fields if one.path in page.remarks]
        super().__init__(data, initial={"revision": page.case.revision, "fields": marked})
        groups = [(part.title, [(one.path, one.label) for one in part.fields]) for part in page.sections]
        self.fields["fields"] = forms.MultipleChoiceField(
            label=_("Fields that open for correction"),
            choices=[group for group in groups if group[1]],
            required=False,
            widget=forms.CheckboxSelectMultiple,
        )
        self.order_fields(["revision", "fields", "reason", "due_on"])

    def chosen_errors(self) -> Any:
        return self["fields"].errors

    def chosen(self) -> list[str]:
        """Paths that are ticked on the page as it is shown."""
        return [str(path) for path in (self["fields"].value() or [])]


class ProposalForm(ServiceForm):
    revision = forms.IntegerField(widget=forms.HiddenInput)
    outcome = forms.ChoiceField(label=_("Conclusion"), choices=Screening.Outcome.choices, widget=forms.RadioSelect)
    opinion = forms.CharField(
        label=_("Opinion"),
        help_text=_(
            "Not to be recommended: the points answered with no are listed for the applicant; add what they do not say."
        ),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, data: Mapping[str, Any] | None, *, page: ReviewPage) -> None:
        super().__init__(data, initial={"revision": page.case.revision, "outcome": page.usual_outcome})
