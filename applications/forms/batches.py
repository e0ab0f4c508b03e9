"""The letter of a batch, a reason, and how many paper copies arrived."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from greenlist.core.forms import ServiceForm


class LetterForm(ServiceForm):
    title = forms.CharField(label=_("Title of the batch"), max_length=160)
    number = forms.CharField(
        label=_("Document number"),
        help_text=_("The number your office gives the document; it is never made up here."),
        max_length=60,
        required=False,
    )
    text = forms.CharField(
        label=_("Text"),
        help_text=_("Comes from the rule set and follows the units until you change it."),
        max_length=5000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 10}),
    )


class ReasonForm(ServiceForm):
    reason = forms.CharField(
        label=_("Reason"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


class PaperForm(ServiceForm):
    copies = forms.IntegerField(label=_("Copies received"), min_value=0, max_value=99)


class SealForm(ServiceForm):
    scan = forms.FileField(label=_("Scan of the sealed document"), help_text=_("A PDF, JPG or PNG file."))


class TrialForm(ServiceForm):
    """How many places to try under each quota, `places_<key>`; the order comes as one number per unit, `rank_<reference>`."""

    def __init__(self, *args: Any, quotas: Iterable[tuple[str, str]] = (), **given: Any) -> None:
        super().__init__(*args, **given)
        for key, label in quotas:
            name = _("Places to try: %(label)s") % {"label": label}
            self.fields[f"places_{key}"] = forms.IntegerField(
                label=name, min_value=0, max_value=100_000, required=False
            )

    def places(self) -> dict[str, int | None]:
        """The numbers typed, by key of the quota; of a form that is valid."""
        return {name.removeprefix("places_"): given for name, given in self.cleaned_data.items()}
