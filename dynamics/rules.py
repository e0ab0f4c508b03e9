"""Who may do what after listing: predicates on an Actor, no dates, no queries."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Protocol

from django.utils.translation import gettext_lazy as _

from dynamics.states import OWED, WITH_UNIT, YearlyState
from greenlist.core.actors import Actor, Capacity, Tier
from greenlist.core.verbs import Verb

if TYPE_CHECKING:
    from dynamics.models import Removal, UpwardRequest
    from registry.models import ListBook, Listing

FOLLOWERS_ONLY = _("Only the firms themselves and the offices of their area follow listed units.")


def may_follow(actor: Actor) -> bool:
    """Firms their own listings, officials those of their area; bodies evaluate and are never listed."""
    is_firm = actor.capacity == Capacity.APPLICANT and not actor.is_body
    return is_firm or (actor.is_official and bool(actor.area_path))


# ---- yearly tables (年度动态管理表) -------------------------------------------------------------------------------------
class Owned(Protocol):
    """A table of the year, as far as predicates look at it."""

    organisation_id: int
    desk_id: int | None
    category: str
    state: str


def _covers(actor: Actor, category: str) -> bool:
    return not actor.list_kind or actor.list_kind == category


def may_open_cycle(actor: Actor, owner_id: int, lists: Collection[str]) -> bool:
    """The day binds every listed unit: an approver of the authority that keeps the lists, for all of them (QHD-12a)."""
    whole = all(_covers(actor, category) for category in lists)
    return actor.capacity == Capacity.APPROVER and actor.authority_id == owner_id and whole


def may_keep_cycle(actor: Actor, owner_id: int) -> bool:
    return actor.is_official and actor.authority_id == owner_id


def is_own_table(table: Owned, actor: Actor) -> bool:
    return actor.capacity == Capacity.APPLICANT and actor.organisation_id == table.organisation_id


def has_table(table: Owned, actor: Actor) -> bool:
    """The authority whose turn it is."""
    return actor.is_official and actor.authority_id == table.desk_id and _covers(actor, table.category)


UNIT_ONLY = _("Only the unit itself may do this.")
DESK_ONLY = _("Only the authority that has the table may do this.")
OWNER_ONLY = _("Only the authority that keeps the list may do this.")
APPROVER_OF_OWNER = _("An approver of the authority that keeps the lists, for all of them, must do this.")

FILL_TABLE = Verb(
    "fill",
    _("Fill in the table"),
    "dynamics:yearly-begin",
    is_own_table,
    UNIT_ONLY,
    OWED,
    not_now=_("What was handed in cannot be changed any more."),
    primary=True,
)
FILE_TABLE = Verb(
    "file",
    _("Check and hand in"),
    "dynamics:yearly-check",
    is_own_table,
    UNIT_ONLY,
    WITH_UNIT,
    not_now=_("There is nothing to hand in now."),
)
REVIEW_TABLE = Verb(
    "review",
    _("Review"),
    "dynamics:yearly-review",
    has_table,
    DESK_ONLY,
    (YearlyState.FILED,),
    not_now=_("The table is not with the authorities now."),
    primary=True,
)
TABLE_VERBS = (FILL_TABLE, FILE_TABLE, REVIEW_TABLE)


# ---- removals and hearings (移出) ----------------------------------------------------------------------------------


def _covers_place(actor: Actor, area_path: str, category: str) -> bool:
    covers = not actor.list_kind or actor.list_kind == category
    return actor.is_official and bool(actor.area_path) and area_path.startswith(actor.area_path) and covers


def may_propose_removal(actor: Actor, listing: Listing) -> bool:
    """Officials of the unit's place, up to the list's owner; the list's owner decides."""
    return _covers_place(actor, listing.area_path, listing.listbook.category)


def may_handle_removal(actor: Actor, removal: Removal) -> bool:
    """Ask the unit, record what it said, conclude: officials of the authority whose list it is."""
    covers = not actor.list_kind or actor.list_kind == removal.category
    return actor.is_official and actor.authority_id == removal.owner_id and covers


def may_decide_removal(actor: Actor, removal: Removal) -> bool:
    return may_handle_removal(actor, removal) and actor.capacity == Capacity.APPROVER


def may_answer_removal(actor: Actor, removal: Removal) -> bool:
    """The unit itself."""
    return actor.capacity == Capacity.APPLICANT and actor.organisation_id == removal.listing.organisation_id


def may_prepare_bulletin(actor: Actor, book: ListBook) -> bool:
    """Officials of the authority whose list it is; the service asks again."""
    covers = not actor.list_kind or actor.list_kind == book.category
    return actor.is_official and actor.authority_id == book.owner_id and covers


def may_publish_bulletin(actor: Actor, book: ListBook) -> bool:
    return may_prepare_bulletin(actor, book) and actor.capacity == Capacity.APPROVER


CONCLUDED_IT = _("Whoever drew the conclusion cannot decide: two people are needed.")
OWNERS_ONLY = _("Only officials of the authority whose list it is handle a removal.")
APPROVERS_ONLY = _("An approver of the authority whose list it is decides.")


# ---- incidents (事故报警) --------------------------------------------------------------------------------------------


def may_raise_alarm(actor: Actor, listing: Listing) -> bool:
    """County officials of the unit's place; where an area has no county, those of its city (QHD-13b, QHD-7)."""
    return _covers_place(actor, listing.area_path, listing.listbook.category) and actor.tier in (Tier.COUNTY, Tier.CITY)


RAISERS_ONLY = _("Officials of the unit's county (or of a city without counties) raise an alarm.")


# ---- upward requests (提请上级) --------------------------------------------------------------------------------------


def may_prepare_upward(actor: Actor, request: UpwardRequest) -> bool:
    covers = not actor.list_kind or actor.list_kind == request.category
    return actor.is_official and actor.authority_id == request.from_authority_id and covers


def may_sign_upward(actor: Actor, request: UpwardRequest) -> bool:
    return may_prepare_upward(actor, request) and actor.capacity == Capacity.APPROVER


def may_answer_upward(actor: Actor, request: UpwardRequest) -> bool:
    """The authority that is asked; what it says elsewhere is recorded by the one that asked."""
    covers = not actor.list_kind or actor.list_kind == request.category
    asked = actor.is_official and actor.authority_id == request.to_authority_id and covers
    return asked or may_prepare_upward(actor, request)


WROTE_REQUEST = _("Whoever handed the request on cannot sign it: two people are needed.")
SENDERS_ONLY = _("Only the authority that asks prepares the request.")


# ---- reports from the public (实名举报) ------------------------------------------------------------------------------
def handles_tips(actor: Actor, tip: Any) -> bool:
    """An approver of the authority that received it: names handlers and decides."""
    return actor.capacity == Capacity.APPROVER and actor.authority_id == tip.authority_id


def may_decide_tip(actor: Actor, tip: Any) -> bool:
    """Another person than who proposed the outcome."""
    return handles_tips(actor, tip) and actor.user_id != tip.proposed_by_id


# ---- rectifications (整改) -----------------------------------------------------------------------------------------
def covers(actor: Actor, listing: Any) -> bool:
    """An official whose area holds the unit and whose mandate covers the list."""
    fits = not actor.list_kind or actor.list_kind == listing.listbook.category
    return actor.is_official and bool(actor.area_path) and listing.area_path.startswith(actor.area_path) and fits


def is_unit(actor: Actor, listing: Any) -> bool:
    """A member of the listed organisation, once its claim is confirmed: codes are public. Comes with its organisation."""
    mine = actor.organisation_id is not None and actor.organisation_id == listing.organisation_id
    return mine and listing.organisation.claim == "confirmed"


def may_judge_rectification(actor: Actor, row: Any) -> bool:
    """Officials of the authority that ordered it."""
    return actor.is_official and actor.authority_id == row.authority_id


# ---- changes (变更) ------------------------------------------------------------------------------------------------


def may_verify(actor: Actor, change: Any) -> bool:
    """A handler of the authority that verifies changes of this unit (JY-21, QHD-15, HLJ-31)."""
    return actor.capacity == Capacity.HANDLER and actor.authority_id == change.verifier_id


def may_confirm(actor: Actor, change: Any) -> bool:
    """An approver of the same authority, another person than who verified."""
    is_approver = actor.capacity == Capacity.APPROVER and actor.authority_id == change.verifier_id
    return is_approver and actor.user_id != change.verified_by_id


def may_settle(actor: Actor, change: Any) -> bool:
    """Officials of the list's owner."""
    return actor.is_official and actor.authority_id == change.listing.listbook.owner_id


# ---- inspections (监督检查) ------------------------------------------------------------------------------------------


def may_inspect(actor: Actor, authority_id: int) -> bool:
    """Officials of the authority whose inspection it is."""
    return actor.is_official and actor.authority_id == authority_id


# ---- cultivation (培育库) -------------------------------------------------------------------------------------------
KEEPERS_ONLY = _("Officials of the authority whose library it is do this.")
OFFICIALS_KEEP = _("Only an industry authority keeps a cultivation library.")
HANDED_IT = _("Whoever handed the filing over cannot sign it: two people are needed.")
APPROVERS_SIGN = _("An approver of the authority must do this.")


def keeps_library(actor: Actor) -> bool:
    """Counties, cities and the province keep libraries (JY-7a, JY-14, JY-19, HLJ-10)."""
    return (
        actor.is_official and actor.authority_id is not None and actor.tier in (Tier.COUNTY, Tier.CITY, Tier.PROVINCE)
    )


def may_add_object(actor: Actor, category: str) -> bool:
    return keeps_library(actor) and (not actor.list_kind or actor.list_kind == category)


def may_keep(actor: Actor, authority_id: int, category: str) -> bool:
    """Plans, visits, notes, invitations: officials of the library's authority whose mandate covers the list."""
    return may_add_object(actor, category) and actor.authority_id == authority_id


def is_cultivated_unit(actor: Actor, organisation_id: int) -> bool:
    return actor.capacity == Capacity.APPLICANT and actor.organisation_id == organisation_id


def may_file(actor: Actor, authority_id: int) -> bool:
    return actor.is_official and actor.authority_id == authority_id


def may_sign_filing(actor: Actor, authority_id: int) -> bool:
    return may_file(actor, authority_id) and actor.capacity == Capacity.APPROVER


# ---- public pages and typical experiences (公开展示、典型经验) ------------------------------------------------------------
CITIES_PICK = _("Officials of a city pick the typical experiences of its units.")
PROVINCE_MARKS = _("The authority it was recommended to does this.")
PICKED_IT = _("Officials of the authority that picked it do this.")


def may_show(actor: Actor, listing: Any) -> bool:
    """The unit itself and officials of its place write and mark what its page shows."""
    return (is_unit(actor, listing) and not actor.is_body) or covers(actor, listing)


def may_pick_experience(actor: Actor, category: str) -> bool:
    city = actor.is_official and actor.tier in (Tier.CITY, Tier.PROVINCE)
    return city and (not actor.list_kind or actor.list_kind == category)


def picked_it(actor: Actor, row: Any) -> bool:
    return actor.is_official and actor.authority_id == row.authority_id


def is_recommended_to(actor: Actor, row: Any) -> bool:
    return actor.is_official and row.province_id is not None and actor.authority_id == row.province_id
