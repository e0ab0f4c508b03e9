"""Signing in, registering, keeping one's own account. No side effects."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from greenlist.core.forms import ServiceForm

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

    password = secret(
        _("New password"),
        new=True,
        help_text=_("At least 12 characters; a sentence of your own is good, blanks count."),
    )
    again = secret(_("New password, once more"), new=True)

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
    phone = text(_("Mobile telephone"), 40, "tel", validators=[PHONE], required=False)
    language = forms.ChoiceField(label=_("Language of pages and mails"), choices=settings.LANGUAGES)


class EmailForm(ServiceForm):
    email = forms.EmailField(label=_("New e-mail address"), max_length=254)
    current = secret(_("Current password"), help_text=_("Asked because this address can set a new password."))


class ChangePasswordForm(NewPassword):
    current = secret(_("Current password"))

    field_order = ["current", "password", "again"]


class ResetForm(ServiceForm):
    email = forms.EmailField(label=_("E-mail address of your account"), max_length=254)
