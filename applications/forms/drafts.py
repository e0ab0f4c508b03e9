"""Small forms of the applicant: declaration, withdrawal."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from greenlist.core.errors import Invalid
from greenlist.core.forms import ServiceForm


class DeclarationForm(ServiceForm):
    """真实性承诺: who declares, and that it is declared. `digest` is that of what was on the page."""

    digest = forms.CharField(widget=forms.HiddenInput)
    declared_name = forms.CharField(label=_("Name of the person who declares"), max_length=60)
    agreed = forms.BooleanField(label=_("I declare this"), required=True)

    def __init__(self, *args: Any, declaration: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["agreed"].label = declaration or self.fields["agreed"].label

    def take_known(self, error: Invalid) -> None:
        """Only what belongs to the declaration; what is missing in the report the page lists by itself."""
        for name in ("agreed", "declared_name"):
            for text in error.problems.get(name, ()):
                if not self.has_error(name):
                    self.add_error(name, str(text))


class WithdrawForm(ServiceForm):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The authority that has the case will read it."),
    )
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, is_draft: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        if is_draft:
            self.fields["reason"].required = False
            self.fields["reason"].help_text = _("Nobody has seen this draft yet; a reason is not needed.")
