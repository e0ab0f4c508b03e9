"""What is guessed first of a firm's password: the name of the firm (run by Django's `validate_password`)."""

from django.utils.translation import gettext as _

from greenlist.accounts.models import User
from greenlist.accounts.services.strength import refuse_words, squeeze
from greenlist.organisations.models import Membership, Name

FORMS = ("股份有限公司", "有限责任公司", "有限公司", "集团")


class OrganisationNameValidator:
    """Refuses present and former names of the organisations that a person works in, with and without their legal form."""

    def validate(self, password: str, user: User | None = None) -> None:
        if user is None or not user.pk:
            return
        mine = Membership.objects.open().filter(user=user).values("organisation")
        names = {squeeze(text) for text in Name.objects.filter(organisation__in=mine).values_list("text", flat=True)}
        refuse_words(password, names | {_short(name) for name in names})

    def get_help_text(self) -> str:
        return _("No names of your organisation.")


def _short(name: str) -> str:
    for form in FORMS:
        name = name.removesuffix(form)
    return name
