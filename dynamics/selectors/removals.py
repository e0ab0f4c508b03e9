"""Page-shaped reads of removals."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from dynamics.models import Hearing, Removal, RemovalFile
from dynamics.querysets import RemovalQuerySet
from dynamics.states import OPEN_REMOVALS
from greenlist.core import audit, dates
from greenlist.core.actors import Actor, Tier
from greenlist.core.clock import china_date
from greenlist.core.errors import NotVisible
from greenlist.core.models import Blob
from greenlist.policy import selectors as policy
from greenlist.policy.engine import removals
from greenlist.policy.engine.types import Clause, Text
from registry.models import Listing

PAGE = 25


def rows(actor: Actor) -> RemovalQuerySet:
    """Those an actor sees."""
    found: RemovalQuerySet = Removal.objects.visible_to(actor).select_related(
        "listing__listbook__owner__area", "owner", "hearing", "bulletin"
    )
    return found


def one(actor: Actor, reference: str) -> Removal:
    """Raises NotVisible."""
    found = rows(actor).select_related("rules__rule_set", "concluded_by", "decided_by", "proposed_by", "evidence")
    row = found.filter(reference=reference).first()
    if row is None:
        raise NotVisible
    return row


def page(
    actor: Actor, *, state: str = "", after: int | None = None, size: int = PAGE
) -> tuple[list[Removal], int | None]:
    """Newest first, a bounded page; `state` empty: those that are open."""
    found = rows(actor).filter(state=state) if state else rows(actor).filter(state__in=OPEN_REMOVALS)
    found = found.filter(pk__lt=after) if after else found
    part = list(found.order_by("-pk")[: size + 1])
    return part[:size], part[size - 1].pk if len(part) > size else None


def own(actor: Actor) -> QuerySet[Removal]:
    """What is or was held against one's own unit, newest first."""
    return rows(actor).order_by("-pk")[:PAGE]


def ground_of(removal: Removal) -> removals.Ground | None:
    """The ground as its rules have it; it may have come from the rules of another list (HLJ-30b)."""
    return removals.ground(policy.standing(removal.rules, removal.category), removal.ground)


def unit_places(listings: Iterable[int], *, at_most: str = "") -> QuerySet[Listing]:
    """Every place of the units of some listings on lists of the same category; of tiers not above `at_most`, if given."""
    some = Listing.objects.filter(pk__in=list(listings))
    found = Listing.objects.filter(organisation__in=some.values("organisation"))
    found = found.filter(listbook__category__in=some.values("listbook__category"))
    tiers = [tier for tier in Tier if not at_most or tier.rank <= Tier(at_most).rank]
    return found.filter(listbook__owner__tier__in=tiers)


def clause_of(removal: Removal) -> Clause | None:
    return policy.standing(removal.rules, removal.category).clause(removal.clause) if removal.clause else None


def hearing_of(removal: Removal) -> Hearing | None:
    return Hearing.objects.filter(removal=removal).first()


def file_of(removal: Removal, pk: int, *, all_: bool) -> Blob:
    """One file beside it; not all of them are for everybody who sees it. Raises NotVisible."""
    rows = RemovalFile.objects.filter(removal=removal, pk=pk).select_related("blob")
    found = rows.first() if all_ else rows.filter(by_unit=True).first()
    if found is None:
        raise NotVisible
    return found.blob


def evidence_of(removal: Removal) -> Blob:
    """What the proposal rests on. Raises NotVisible."""
    if removal.evidence is None:
        raise NotVisible
    return removal.evidence


def label_of(removal: Removal) -> Text:
    """The ground in words."""
    return Text(zh=removal.label.get("zh", ""), en=removal.label.get("en", ""))


COURSE = {
    "proposed": _("Removal proposed"),
    "asked": _("Unit asked, last day for the answer"),
    "answered": _("The unit answered"),
    "late": _("A later word of the unit"),
    "oral": _("Heard in person"),
    "silence": _("No answer by the day"),
    "news": _("News"),
    "concluded": _("Conclusion"),
    "handed_back": _("Handed back"),
    "to_drop": _("Proposed to let it drop"),
    "decided": _("Removal decided"),
    "dismissed": _("Dropped"),
    "effective": _("Took effect"),
    "lapsed": _("Fell away"),
}


def course(removal: Removal, *, for_unit: bool) -> list[dict[str, Any]]:
    """Its course as items of a timeline; the unit reads what concerns it, and no names of officials."""
    rows = removal.notes.filter(for_unit=True) if for_unit else removal.notes.all()
    return [
        {
            "title": COURSE.get(one.what, one.what),
            "at": one.at,
            "who": "" if for_unit else one.person,
            "where": one.authority or ("" if one.person else _("the portal")),
            "opinion": dates.readable(one.text),
            "state": "grave" if one.what in ("decided", "effective") else "done",
        }
        for one in rows
    ]


def digest(removal: Removal) -> str:
    """Of what a page shows whoever decides: a later statement, file or note makes it another one."""
    notes = list(removal.notes.order_by("pk").values_list("pk", flat=True))
    files = list(removal.files.order_by("pk").values_list("pk", flat=True))
    said = [removal.conclusion, removal.opinion, removal.dismissal]
    return audit.digest_of([removal.pk, removal.state, *said, notes, files])


def least_day(removal: Removal, at: datetime) -> date:
    """The nearest day the rules allow for an answer."""
    ground = ground_of(removal)
    return china_date(at) + timedelta(days=max((ground.hearing_days if ground else None) or 1, 1))


def hearing_words(removal: Removal, answer_by: date) -> dict[str, str]:
    """Title and text of the letter, from the rule set's own text."""
    return words(removal, "hearing", {"reason": removal.reason, "ends": dates.in_chinese(answer_by)})


def words(removal: Removal, key: str, given: Mapping[str, str]) -> dict[str, str]:
    """A text of the removal's rule set, filled in; printed, so it is Chinese."""
    bound = policy.standing(removal.rules, removal.category)
    spec = bound.texts.get(key)
    if spec is None:
        return {"title": str(removal.label.get("zh", ""))[:160], "text": removal.reason}
    book = removal.listing.listbook
    clause = clause_of(removal)
    places = {
        "name": removal.name,
        "code": removal.listing.code,
        "rules_title": bound.header.title.zh,
        "list_title": book.title,
        "owner": book.owner.name,
        "clause": clause.text.zh if clause else "",
        **given,
    }
    filled = {place: places.get(place, "") for place in spec.places}
    return {"title": spec.title.zh.format(**filled)[:160], "text": spec.body.zh.strip().format(**filled)}
