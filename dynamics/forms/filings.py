"""Input of filings and trainings → clean values."""

from django import forms
from django.utils.translation import gettext_lazy as _

from dynamics.services.trainings import Offer
from greenlist.core.forms import DayField, ServiceForm


class FilingForm(ServiceForm):
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    plan = forms.CharField(
        label=_("Cultivation plan of the year"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 10}),
    )
    with_library = forms.BooleanField(
        label=_("With the cultivation library"),
        required=False,
        help_text=_("The objects of the authority and of those below it, as they stand when it is handed over."),
    )
    with_list = forms.BooleanField(
        label=_("With the authority's own list"),
        required=False,
        help_text=_("The units on the list, as they stand when it is handed over."),
    )


class TrainingForm(ServiceForm):
    title = forms.CharField(label=_("Title"), max_length=120, required=False)
    text = forms.CharField(
        label=_("Content of the training"), max_length=3000, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )
    held_on = DayField(label=_("Held on"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    place = forms.CharField(label=_("Where"), max_length=200, required=False)
    places = forms.IntegerField(label=_("Number of places"), min_value=1, max_value=5000, required=False)
    sign_up_until = DayField(
        label=_("Last day to sign up"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def offered(self) -> Offer:
        return Offer(**self.cleaned_data)


class SignUpForm(ServiceForm):
    persons = forms.IntegerField(label=_("How many persons come"), min_value=1, max_value=99)
