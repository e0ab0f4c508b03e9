"""What narrows the list of listed units."""

from django import forms

from greenlist.accounts.models import Tier
from greenlist.organisations.models import Category
from registry.states import ListingState


class UnitsForm(forms.Form):
    """Filters that do not fit are left out, never an error."""

    q = forms.CharField(required=False, max_length=60)
    place = forms.SlugField(required=False)
    tier = forms.ChoiceField(required=False, choices=Tier.choices)
    category = forms.ChoiceField(required=False, choices=Category.choices)
    state = forms.ChoiceField(required=False, choices=[*ListingState.choices, ("questioned", "questioned")])
    after = forms.CharField(required=False, max_length=40)
