"""Signing in, registering, keeping one's own account. No side effects."""

import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from greenlist.accounts.states import Scope
from greenlist.core.forms import DayField, ServiceForm

USERNAME = RegexValidator(r"^[\w.@+-]{3,60}$", _("3 to 60 letters, digits or . @ + - _, without blanks."))
PHONE = RegexValidator(
    re.compile(r"^[0-9+()\- 转]{5,40}$"), _("Digits, blanks and + - ( ) only, such as 0335-3000000 or 13800000000.")
)


def secret(label: Any, *, new: bool = False, help_text: Any = "") -> forms.CharField:
    """A password input: blanks count, it can be pasted, and password managers know it."""
    attributes = {"autocomplete": "new-password" if new else "current-password", "spellcheck": "false"}
    widget = forms.PasswordInput(attrs=attributes)
    return forms.CharField(label=label, strip=False, widget=widget, help_text=help_text, max_length=200)


def text(label: Any, limit: int, autocomplete: str = "", **options: Any) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": autocomplete} if autocomplete else {})
    return forms.CharField(label=label, max_length=limit, widget=widget, **options)


class LoginForm(ServiceForm):
    username = text(_("User name"), 150, "username")
    password = secret(_("Password"))


class NewPassword(ServiceForm):
    """A new password, twice."""

    password = secret(_("New password"), new=True)
    again = secret(_("New password, once more"), new=True)

    def __init__(self, *args: Any, hint: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["password"].help_text = hint  # by the rule book of the person

    def clean_again(self) -> str:
        if self.cleaned_data.get("password") != self.cleaned_data["again"]:
            raise forms.ValidationError(_("The two entries differ."))
        return str(self.cleaned_data["again"])


class RegisterForm(NewPassword):
    username = text(
        _("User name"), 60, "username", validators=[USERNAME], help_text=_("You sign in with it; it cannot be changed.")
    )
    name = text(_("Your name"), 60, "name")
    email = forms.EmailField(
        label=_("E-mail"), max_length=254, help_text=_("For messages, and to set a new password when you forget it.")
    )
    phone = text(_("Mobile telephone"), 40, "tel", validators=[PHONE], required=False)

    field_order = ["username", "name", "email", "phone", "password", "again"]


class ProfileForm(ServiceForm):
    name = text(_("Your name"), 60, "name")
    language = forms.ChoiceField(label=_("Language of pages and mails"), choices=settings.LANGUAGES)


class ContactForm(ServiceForm):
    email = forms.EmailField(label=_("E-mail"), max_length=254)
    phone = text(_("Mobile telephone"), 40, "tel", validators=[PHONE], required=False)
    current = secret(_("Current password"), help_text=_("Asked because this address can set a new password."))


class MessagesForm(ServiceForm):
    """How one hears of things; text messages are offered where there is a gateway."""

    mails = forms.BooleanField(
        label=_("Send me messages by e-mail too"),
        required=False,
        help_text=_(
            "They are in the portal in any case. What concerns the safety of your account always comes by e-mail."
        ),
    )
    digest = forms.BooleanField(
        label=_("One e-mail a day with everything new"),
        required=False,
        help_text=_("Instead of one for each message; it leaves in the morning."),
    )
    texts = forms.BooleanField(
        label=_("Remind me of last days by text message"),
        required=False,
        help_text=_("To your mobile telephone; only what it is about and the day."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not settings.SMS_SENDER:
            del self.fields["texts"]


class ChangePasswordForm(NewPassword):
    current = secret(_("Current password"))

    field_order = ["current", "password", "again"]


def one_time_code(label: Any, help_text: Any = "") -> forms.CharField:
    """One input for the whole code: telephones offer it, it can be pasted, blanks do not matter (AC-06)."""
    attributes = {"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}
    return forms.CharField(label=label, max_length=40, widget=forms.TextInput(attrs=attributes), help_text=help_text)


def recovery_code(label: Any, help_text: Any = "") -> forms.CharField:
    attributes = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
    return forms.CharField(label=label, max_length=60, widget=forms.TextInput(attrs=attributes), help_text=help_text)


class CodeForm(ServiceForm):
    code = one_time_code(_("Code"), _("The six digits that your authenticator app shows now."))


class RecoveryForm(ServiceForm):
    code = recovery_code(_("Recovery code"), _("One of the codes you kept when you set the second factor up."))


class EnrolForm(ServiceForm):
    """A new second factor; `ticket` carries its seed, encrypted."""

    ticket = forms.CharField(widget=forms.HiddenInput, max_length=1000)
    code = one_time_code(
        _("Code of the new app entry"), _("The six digits that the app shows after you added the key.")
    )
    current = secret(_("Current password"))


class RenewForm(EnrolForm):
    old_code = recovery_code(
        _("Code of the present app entry"), _("Or one of your recovery codes, if you do not have it any more.")
    )


class ProofForm(ServiceForm):
    """Password and code, before anything that weakens the account."""

    current = secret(_("Current password"))
    code = recovery_code(_("Code"), _("The six digits that your authenticator app shows now, or a recovery code."))


class ResetForm(ServiceForm):
    email = forms.EmailField(label=_("E-mail address of your account"), max_length=254)


class TokenForm(ServiceForm):
    """A token for a program; which scopes are offered depends on the role."""

    name = text(
        _("Which program uses it"),
        60,
        help_text=_("You recognise the token by this, such as “energy system, plant 2”."),
    )
    scopes = forms.MultipleChoiceField(label=_("What it may do"), widget=forms.CheckboxSelectMultiple)
    valid_until = DayField(
        label=_("Last day"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("One year from today at most. Choose it as near as the work allows."),
    )
    current = secret(_("Current password"), help_text=_("Asked because a program with this token acts in your name."))

    def __init__(self, *args: Any, offered: Iterable[Scope], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(one.value, one.label) for one in offered]
