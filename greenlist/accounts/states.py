"""Words that several apps share about accounts."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from greenlist.core.actors import Capacity

# Keys of the session.
CAPACITY_KEY = "capacity"  # the role switcher's choice
SIGN_IN_KEY = "sign_in"  # the row that says whether the session still holds
PENDING_KEY = "pending"  # who has given the password and not yet the code
ENDED_KEY = "ended"  # why the session before was ended, for the sign-in page


class Scope(models.TextChoices):
    """What a program may do with a token: always less than its person may."""

    READ = "read", _("read cases, reports, batches and outcomes")
    DRAFT = "draft", _("start applications and fill in reports")
    SUBMIT = "submit", _("declare, submit and withdraw")
    RECEIVE = "receive", _("confirm the receipt of recommendation batches")
    RECORD = "record", _("enter adverse records of a source")


# Who may hold a token, and for what. Reviewing, signing and deciding stay with people; experts read under a pledge.
SCOPES_OF: dict[str, tuple[Scope, ...]] = {
    Capacity.APPLICANT: (Scope.READ, Scope.DRAFT, Scope.SUBMIT),
    Capacity.HANDLER: (Scope.READ, Scope.RECEIVE, Scope.RECORD),
    Capacity.APPROVER: (Scope.READ,),
}
