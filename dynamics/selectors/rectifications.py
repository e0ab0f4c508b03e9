"""What units and officials read of rectifications."""

from dataclasses import dataclass
from datetime import date

from dynamics.models import Rectification, RectificationProof
from dynamics.states import OPEN_RECTIFICATIONS, RectificationState
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from greenlist.policy import selectors as policy
from greenlist.policy.engine import removals

PAGE = 50
JUDGED = ("finding", "report", "change")


@dataclass(frozen=True)
class Page:
    rows: tuple[Rectification, ...]
    after: int | None  # the cursor of the next page


def of(actor: Actor, *, state: str = "", after: int | None = None, size: int = PAGE) -> Page:
    """Newest first, by position."""
    found = Rectification.objects.visible_to(actor).select_related("listing__listbook", "authority").order_by("-pk")
    if state == "open":
        found = found.filter(state__in=OPEN_RECTIFICATIONS)
    elif state:
        found = found.filter(state=state)
    if after is not None:
        found = found.filter(pk__lt=after)
    rows = list(found[: size + 1])
    return Page(tuple(rows[:size]), rows[size - 1].pk if len(rows) > size else None)


def one(actor: Actor, reference: str) -> Rectification:
    """Raises NotVisible."""
    found = Rectification.objects.visible_to(actor).select_related(
        "listing__listbook__owner__area", "listing__organisation", "authority"
    )
    row = found.prefetch_related("proofs__blob").filter(reference=reference).first()
    if row is None:
        raise NotVisible
    return row


def proof(actor: Actor, reference: str, pk: int) -> RectificationProof:
    """Raises NotVisible."""
    row = one(actor, reference)
    found = next((one for one in row.proofs.all() if one.pk == pk), None)
    if found is None:
        raise NotVisible
    return found


def is_late(row: Rectification, on: date) -> bool:
    return row.state == RectificationState.ORDERED and row.due_on < on


def grounds_for(row: Rectification) -> list[tuple[str, str]]:
    """Grounds of the list's rules that a person judges: (key, label with its clause)."""
    found = rulebook_of(row)
    return [(one.key, f"{one.label.zh}（{one.clause}）") for one in found if one.on in JUDGED]


def rulebook_of(row: Rectification) -> tuple[removals.Ground, ...]:
    book = row.listing.listbook
    for version in policy.of_owner(book.owner.area.slug, book.category):
        bound = policy.standing(version, book.category)
        if bound.header.tier == book.owner.tier:
            return removals.grounds(bound)
    return ()
