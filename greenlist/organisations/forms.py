"""Registering, profile, sites, colleagues, adverse records: input → clean values. No side effects."""

from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Area, Tier
from greenlist.core.forms import DayField, ServiceForm
from greenlist.organisations import rules, selectors
from greenlist.organisations.models import (
    AdverseRecord,
    BodyExperience,
    BodyProfile,
    BodyProof,
    BodyStaff,
    Industry,
    Membership,
    Organisation,
)


class Lookup(forms.TextInput):
    """A text input with suggestions from the server; without script a full name or a code does."""

    def __init__(self, url: Promise, datalist: str) -> None:
        super().__init__(
            attrs={
                "list": datalist,
                "autocomplete": "off",
                "hx-get": url,
                "hx-trigger": "input changed delay:200ms",
                "hx-target": f"#{datalist}",
            }
        )


class AreaField(forms.CharField):
    """Text → Area: a full name (河北省秦皇岛市海港区), a unique own name, or a division code."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("help_text", _("County or district with city and province, or its six-digit code."))
        super().__init__(max_length=200, widget=Lookup(reverse_lazy("accounts:areas"), "area-options"), **options)

    def prepare_value(self, value: Any) -> Any:
        return value.full_name if isinstance(value, Area) else value

    def clean(self, value: Any) -> Area | None:
        words = super().clean(value)
        if not words:
            return None
        found = accounts.exact_areas(words)
        if len(found) == 1:
            return found[0]
        if found:
            names = "、".join(area.full_name for area in found)
            raise forms.ValidationError(
                _("Several places have this name; please choose one: %(names)s") % {"names": names}
            )
        near = "、".join(area.full_name for area in accounts.find_areas(words, 5))
        if near:
            raise forms.ValidationError(_("No place has exactly this name. Did you mean: %(names)s") % {"names": near})
        raise forms.ValidationError(_("This place is not known: write province, city and county in full."))


class IndustryField(forms.CharField):
    """Text → Industry: the four-digit code, with or without the name behind it."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("help_text", _("Four-digit code of GB/T 4754-2017 (manufacturing); type a word to search."))
        widget = Lookup(reverse_lazy("organisations:industries"), "industry-options")
        super().__init__(max_length=100, widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        return str(value) if isinstance(value, Industry) else value

    def clean(self, value: Any) -> Industry | None:
        words = super().clean(value)
        if not words:
            return None
        found = selectors.industry(str(words))
        if found is None:
            raise forms.ValidationError(_("There is no such four-digit industry in section C (manufacturing)."))
        return found


class CodeField(forms.CharField):
    """Text → credit code in its stored form."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("label", _("Unified social credit code"))
        options.setdefault("help_text", _("18 characters, as on the business licence."))
        attributes = {"autocomplete": "off", "spellcheck": "false", "maxlength": False}
        super().__init__(max_length=60, widget=forms.TextInput(attrs=attributes), **options)

    def clean(self, value: Any) -> str:
        words = super().clean(value)
        if not words:
            return ""
        try:
            return rules.clean_code(words)
        except rules.BadCode as wrong:
            raise forms.ValidationError(str(wrong.message)) from wrong


def day(label: Any, **options: Any) -> DayField:
    return DayField(label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **options)


def yes_no(label: Any, **options: Any) -> forms.TypedChoiceField:
    """Yes, no, or not said yet: three different answers."""
    return forms.TypedChoiceField(
        label=label,
        choices=[("yes", _("yes")), ("no", _("no"))],
        coerce=lambda value: value == "yes",
        empty_value=None,
        widget=forms.RadioSelect,
        required=False,
        **options,
    )


class CodeForm(ServiceForm):
    """First step of registering."""

    kind = forms.ChoiceField(
        label=_("What do you register?"),
        choices=Organisation.Kind.choices,
        widget=forms.RadioSelect,
        initial=Organisation.Kind.FIRM,
    )
    code = CodeField()


class RegisterForm(ServiceForm):
    """Second step: what the licence says, and where the firm produces."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("Exactly as on the business licence."))
    area = AreaField(label=_("Registered in"))
    production_area = AreaField(
        label=_("Produces in"), help_text=_("The authority of this county or district receives your application.")
    )
    production_address = forms.CharField(label=_("Production address"), max_length=200)


class ProfileForm(ServiceForm):
    area = AreaField(label=_("Registered in"))
    address = forms.CharField(label=_("Registered address"), max_length=200, required=False)
    industry = IndustryField(label=_("Industry"), required=False)
    products = forms.CharField(label=_("Main products"), max_length=200, required=False)
    legal_representative = forms.CharField(label=_("Legal representative"), max_length=60, required=False)
    founded_on = day(_("Founded on"), required=False)
    size = forms.ChoiceField(label=_("Size"), choices=[("", "—"), *Organisation.Size.choices], required=False)
    independent_accounting = yes_no(_("Independent legal person, or accounted as one"))
    manufacturing = yes_no(_("Really manufactures"))
    contact_name = forms.CharField(label=_("Contact person"), max_length=60, required=False)
    contact_phone = forms.CharField(label=_("Contact telephone"), max_length=40, required=False)
    contact_email = forms.EmailField(label=_("Contact e-mail"), max_length=254, required=False)

    @staticmethod
    def of(organisation: Organisation) -> dict[str, Any]:
        """Initial values from the row."""
        words = {True: "yes", False: "no", None: None}
        values = {name: getattr(organisation, name) for name in ProfileForm.base_fields}
        values["independent_accounting"] = words[organisation.independent_accounting]
        values["manufacturing"] = words[organisation.manufacturing]
        return values


class SiteForm(ServiceForm):
    name = forms.CharField(label=_("Name of the site"), max_length=120)
    area = AreaField(label=_("Produces in"))
    address = forms.CharField(label=_("Production address"), max_length=200)


class HonourForm(ServiceForm):
    kind = forms.CharField(
        label=_("Honour"),
        max_length=60,
        widget=forms.TextInput(attrs={"list": "honour-options", "autocomplete": "off"}),
    )
    year = forms.IntegerField(label=_("Year"), min_value=1990, max_value=2100, required=False)


class InviteForm(ServiceForm):
    email = forms.EmailField(label=_("E-mail of your colleague"), max_length=254)
    role = forms.ChoiceField(label=_("As"), choices=Membership.Role.choices, initial=Membership.Role.STAFF)
    ends_on = day(
        _("Last day"),
        required=False,
        help_text=_("For an agent only: works for you up to and including this day, for one year at most."),
    )


class ProlongForm(ServiceForm):
    ends_on = day(_("Last day"))


class RefuseForm(ServiceForm):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The applicant reads it. Say what is wrong and what would put it right."),
    )


class AdverseForm(ServiceForm):
    code = CodeField(required=False, help_text=_("Leave empty if the source gives none."))
    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("As the source has it."))
    kind = forms.ChoiceField(label=_("Kind"), choices=[("", "—"), *AdverseRecord.Kind.choices])
    severity = forms.TypedChoiceField(
        label=_("Grade"),
        choices=AdverseRecord.Severity.choices,
        coerce=int,
        initial=AdverseRecord.Severity.NONE,
        help_text=_("For accidents only."),
    )
    tier = forms.ChoiceField(
        label=_("Tier of the list"),
        choices=[("", "—"), *Tier.choices],
        required=False,
        help_text=_("For a removal from a green list only."),
    )
    event_on = day(_("Day of the event or decision"))
    source = forms.CharField(label=_("Source"), max_length=100, help_text=_("Such as 信用中国."))
    reference = forms.CharField(label=_("Number or address in the source"), max_length=200, required=False)
    evidence = forms.FileField(label=_("Evidence"), required=False, help_text=_("PDF, picture, Word or Excel file."))


class CorrectAdverseForm(AdverseForm):
    ended_on = day(_("Ended on"), required=False, help_text=_("Empty while it lasts."))
    reason = forms.CharField(
        label=_("Why it is corrected"),
        max_length=300,
        help_text=_("What the record said before stays beside it, with this reason."),
    )
    field_order = "code name kind severity tier event_on ended_on source reference evidence reason".split()

    @staticmethod
    def of(record: AdverseRecord) -> dict[str, Any]:
        """Initial values from the row."""
        return {name: getattr(record, name) for name in CorrectAdverseForm.base_fields if hasattr(record, name)} | {
            "evidence": None
        }


class MatchForm(ServiceForm):
    note = forms.CharField(label=_("From what this is known"), max_length=300, widget=forms.Textarea(attrs={"rows": 3}))


class ParkFirmForm(ServiceForm):
    code = CodeField(
        required=False, help_text=_("With the code its records are found; a name alone must be confirmed.")
    )
    name = forms.CharField(label=_("Name"), max_length=120)


class EndAdverseForm(ServiceForm):
    ended_on = day(_("Ended on"), help_text=_("Day on which it was repaired, rectified or taken off the list."))
    source = forms.CharField(label=_("What shows it"), max_length=200)


class UploadForm(ServiceForm):
    file = forms.FileField(label=_("File (XLSX or CSV)"))


# ---- third-party bodies ---------------------------------------------------------------------------------------------
class BodyForm(ServiceForm):
    legal_representative = forms.CharField(label=_("Legal representative"), max_length=60)
    identity = forms.CharField(
        label=_("Identity number of the legal representative"),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_(
            "Kept encrypted; only the last four characters are ever shown. By it projects of the same person are counted "
            "together. Leave empty to keep the present one."
        ),
    )
    legal_person_code = CodeField(
        label=_("Credit code of the legal person"),
        required=False,
        help_text=_("Your own; a branch gives that of its head office."),
    )
    legal_form = forms.ChoiceField(label=_("Legal form"), choices=[("", "—"), *BodyProfile.LegalForm.choices])
    registered_in_china = yes_no(_("Registered in China"))
    office_address = forms.CharField(label=_("Office"), max_length=200, required=False)
    fixed_office = yes_no(_("Fixed office and working conditions"))
    finance_rules = yes_no(_("Sound finance rules"))

    @staticmethod
    def of(profile: BodyProfile) -> dict[str, Any]:
        """Initial values from the row."""
        said = {True: "yes", False: "no", None: None}
        names = ("legal_person_code", "legal_form", "office_address")
        values: dict[str, Any] = {name: getattr(profile, name) for name in names}
        for name in ("registered_in_china", "fixed_office", "finance_rules"):
            values[name] = said[getattr(profile, name)]
        return {**values, "legal_representative": profile.organisation.legal_representative}


class StaffForm(ServiceForm):
    name = forms.CharField(label=_("Name"), max_length=60)
    level = forms.TypedChoiceField(
        label=_("Level of the title"), choices=BodyStaff.Level.choices, coerce=int, initial=BodyStaff.Level.MIDDLE
    )
    field = forms.ChoiceField(label=_("Field"), choices=BodyStaff.Field.choices)
    full_time = forms.BooleanField(label=_("Full time"), required=False, initial=True)


class ExperienceForm(ServiceForm):
    kind = forms.ChoiceField(label=_("Kind"), choices=BodyExperience.Kind.choices)
    title = forms.CharField(label=_("What it was"), max_length=200)
    led = forms.BooleanField(label=_("Led, not only joined"), required=False)
    ended_on = day(_("Finished on"))


class ProofForm(ServiceForm):
    kind = forms.ChoiceField(label=_("Kind"), choices=BodyProof.Kind.choices)
    title = forms.CharField(label=_("What it shows"), max_length=200, required=False)
    firm = forms.CharField(
        label=_("Firm"),
        max_length=120,
        required=False,
        help_text=_("For a free diagnosis: the firm that was diagnosed."),
    )
    firm_code = CodeField(required=False, help_text=_("Of that firm, if you know it."))
    area = AreaField(label=_("Place of the firm"), required=False)
    done_on = day(_("Day"), required=False)
    upload = forms.FileField(label=_("File"), help_text=_("PDF, picture, Word or Excel file."))
