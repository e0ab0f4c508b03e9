"""The verbs of organisations, used through the module: `services.register(…)`."""

from greenlist.organisations.services.adverse import (
    AdverseInput,
    ImportRefused,
    RowProblem,
    end_adverse,
    enter_adverse,
    enter_adverse_with_file,
    import_adverse,
    problems_of,
)
from greenlist.organisations.services.members import (
    InvitationOver,
    accept_invitation,
    end_membership,
    invitation_of,
    invite,
    send_due_invitations,
)
from greenlist.organisations.services.profile import (
    Profile,
    add_honour,
    change_profile,
    read_contact,
    remove_honour,
    save_site,
    set_striving,
)
from greenlist.organisations.services.reference import load_industries, save_industry
from greenlist.organisations.services.registration import (
    AlreadyClaimed,
    AlreadyMember,
    confirm_claim,
    find_or_create_unclaimed,
    refuse_claim,
    register,
)
from greenlist.organisations.services.titles import grant_title

__all__ = [
    "AdverseInput",
    "AlreadyClaimed",
    "AlreadyMember",
    "ImportRefused",
    "InvitationOver",
    "Profile",
    "RowProblem",
    "accept_invitation",
    "add_honour",
    "change_profile",
    "confirm_claim",
    "end_adverse",
    "end_membership",
    "enter_adverse",
    "enter_adverse_with_file",
    "find_or_create_unclaimed",
    "grant_title",
    "import_adverse",
    "invitation_of",
    "invite",
    "load_industries",
    "problems_of",
    "read_contact",
    "refuse_claim",
    "register",
    "remove_honour",
    "save_industry",
    "save_site",
    "send_due_invitations",
    "set_striving",
]
