"""The verbs of organisations, used through the module: `services.register(…)`."""

from greenlist.organisations.rules import clean_code
from greenlist.organisations.services.adverse import (
    AdverseInput,
    ImportRefused,
    RowProblem,
    correct_adverse,
    end_adverse,
    enter_adverse,
    enter_adverse_with_file,
    import_adverse,
    problems_of,
)
from greenlist.organisations.services.bodies import (
    BodyInput,
    add_experience,
    add_proof,
    add_staff,
    change_body,
    decide_proof,
    remove_experience,
    remove_proof,
    remove_staff,
)
from greenlist.organisations.services.changes import follow_change, hand_site_over
from greenlist.organisations.services.matching import decide as decide_match
from greenlist.organisations.services.matching import find_all as find_matches
from greenlist.organisations.services.matching import link_codes
from greenlist.organisations.services.members import (
    InvitationOver,
    accept_invitation,
    end_agents,
    end_membership,
    invitation_of,
    invite,
    prolong_agent,
    send_due_invitations,
)
from greenlist.organisations.services.parks import add_firm, remove_firm
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
from greenlist.organisations.services.titles import end_title, grant_title, remove_title

__all__ = [
    "AdverseInput",
    "AlreadyClaimed",
    "AlreadyMember",
    "BodyInput",
    "ImportRefused",
    "InvitationOver",
    "Profile",
    "RowProblem",
    "accept_invitation",
    "add_experience",
    "add_firm",
    "add_honour",
    "add_proof",
    "add_staff",
    "change_body",
    "change_profile",
    "clean_code",
    "confirm_claim",
    "correct_adverse",
    "decide_match",
    "decide_proof",
    "end_adverse",
    "end_agents",
    "end_membership",
    "end_title",
    "enter_adverse",
    "enter_adverse_with_file",
    "find_matches",
    "find_or_create_unclaimed",
    "follow_change",
    "grant_title",
    "hand_site_over",
    "import_adverse",
    "invitation_of",
    "invite",
    "link_codes",
    "load_industries",
    "problems_of",
    "prolong_agent",
    "read_contact",
    "refuse_claim",
    "register",
    "remove_experience",
    "remove_firm",
    "remove_honour",
    "remove_proof",
    "remove_staff",
    "remove_title",
    "save_industry",
    "save_site",
    "send_due_invitations",
    "set_striving",
]
