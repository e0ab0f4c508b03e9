"""典型经验 (HEB-4c, HLJ-34): a city picks and recommends, the province marks, publishes, records what went to the ministry."""

from datetime import date, datetime

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from dynamics import rules
from dynamics.models import Experience
from dynamics.selectors import showing as reads
from dynamics.services.showing import PERSONAL, PERSONS
from dynamics.states import ExperienceState
from greenlist.accounts import selectors as accounts
from greenlist.core import audit, clock, outbox
from greenlist.core.actors import Actor
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Text, WrongState
from greenlist.organisations import selectors as parties
from registry.models import Listing


@transaction.atomic
def pick(*, listing_id: int, actor: Actor, at: datetime) -> Experience:
    """A city picks a listed unit's experience, begun from what the unit wrote when it applied; one in preparation is given
    as it is.

    Raises NotVisible, NotAllowed.
    """
    listing = reads.to_show(actor, listing_id)
    if not rules.may_pick_experience(actor, listing.listbook.category):
        raise NotAllowed(rules.CITIES_PICK)
    Listing.objects.select_for_update(of=("self",)).get(pk=listing.pk)  # two at once begin one
    drafted = Experience.objects.filter(
        site=listing.site_id, category=listing.listbook.category, authority=actor.authority_id
    ).filter(state=ExperienceState.DRAFT)
    if (there := drafted.first()) is not None:
        return there
    told = reads.told_experience(listing)
    made = Experience.objects.create(
        site=listing.site,
        organisation=listing.organisation,
        category=listing.listbook.category,
        area_path=listing.area_path,
        area_name=listing.area_name,
        authority_id=actor.authority_id,
        title=told["title"] or listing.name,
        text=told["text"],
        created_by_id=actor.user_id,
        created_at=at,
    )
    _record(made, "picked", {"listing": listing.pk}, actor=actor, at=at)
    return made


@transaction.atomic
def write(
    *, reference: str, version: int, title: str, summary: str, text: str, actor: Actor, at: datetime
) -> Experience:
    """The words of it, by the authority that picked it. Raises NotVisible, NotAllowed, Conflict, Invalid."""
    row = _locked(reference, actor)
    _require_picked(row, actor)
    if row.version != version:
        raise Conflict(_("Somebody else has changed this since you opened it."), version=row.version)
    problems: dict[str, list[Text]] = {}
    if not title.strip():
        problems["title"] = [_("Give it a title.")]
    if not text.strip():
        problems["text"] = [_("Write what was done and what came of it.")]
    if any(PERSONAL.search(words) for words in (title, summary, text)):
        problems["text"] = [PERSONS]
    if problems:
        raise Invalid(_("It was not kept."), problems=problems)
    row.title, row.summary, row.text = title.strip()[:120], summary.strip()[:500], text.strip()
    row.version += 1
    row.save()
    _record(row, "written", {"version": row.version}, actor=actor, at=at)
    return row


@transaction.atomic
def recommend(*, reference: str, actor: Actor, at: datetime) -> Experience:
    """To the province, once. Raises NotVisible, NotAllowed, WrongState."""
    row = _locked(reference, actor)
    _require_picked(row, actor)
    if row.recommended_at is not None:
        raise WrongState(_("It was recommended already."))
    _require_words(row)
    above = accounts.superior(row.authority)
    if above is None:
        raise WrongState(_("There is no authority above to recommend it to."))
    row.province, row.recommended_at = above, at
    row.save()
    _record(row, "recommended", {"to": above.pk}, actor=actor, at=at)
    outbox.notify(
        recipients=accounts.people_with(above, ("handler",), clock.china_date(at), row.category),
        event=f"experience.recommended:{row.pk}",
        kind="experience.recommended",
        at=at,
        params={"title": row.title, "authority": row.authority.name},
        link=reverse("dynamics:experience", args=[row.reference]),
    )
    return row


@transaction.atomic
def mark_outstanding(*, reference: str, actor: Actor, at: datetime) -> Experience:
    """The province marks it. Raises NotVisible, NotAllowed, WrongState."""
    row = _locked(reference, actor)
    if not rules.is_recommended_to(actor, row):
        raise NotAllowed(rules.PROVINCE_MARKS)
    if row.outstanding_at is not None:
        raise WrongState(_("It is marked already."))
    row.outstanding_at = at
    row.save()
    _record(row, "outstanding", {}, actor=actor, at=at)
    _tell_unit(row, "experience.outstanding", at)
    return row


@transaction.atomic
def publish(*, reference: str, actor: Actor, at: datetime) -> Experience:
    """On the public page of its place, by the authority that picked it or the one it was recommended to.

    Raises NotVisible, NotAllowed, WrongState (published already, nothing written, the unit is on no list).
    """
    row = _locked(reference, actor)
    if not (rules.picked_it(actor, row) or rules.is_recommended_to(actor, row)):
        raise NotAllowed(rules.PICKED_IT)
    if row.state == ExperienceState.PUBLISHED:
        raise WrongState(_("It is published already."))
    _require_words(row)
    if not reads.is_listed(row):
        raise WrongState(_("The unit is on no list at present: its experience is not shown."))
    row.publish(at=at)
    row.published_by_id = actor.authority_id
    row.save()
    _record(row, "published", {}, actor=actor, at=at)
    _tell_unit(row, "experience.published", at)
    return row


@transaction.atomic
def withdraw(*, reference: str, reason: str, actor: Actor, at: datetime) -> Experience:
    """Off the public page, with a reason. Raises NotVisible, NotAllowed, WrongState, Invalid."""
    row = _locked(reference, actor)
    if not (rules.picked_it(actor, row) or rules.is_recommended_to(actor, row)):
        raise NotAllowed(rules.PICKED_IT)
    if not reason.strip():
        raise Invalid(_("Not taken down."), problems={"reason": [_("Write why.")]})
    if row.state != ExperienceState.PUBLISHED:
        raise WrongState(_("It is not public."))
    row.withdraw(reason=reason.strip()[:300])
    row.save()
    _record(row, "withdrawn", {"reason": row.withdrawn_reason}, actor=actor, at=at)
    return row


@transaction.atomic
def put_forward(*, reference: str, on: date | None, note: str, actor: Actor, at: datetime) -> Experience:
    """The province records that it put this one forward to the ministry. Raises NotVisible, NotAllowed, WrongState, Invalid."""
    row = _locked(reference, actor)
    if not rules.is_recommended_to(actor, row):
        raise NotAllowed(rules.PROVINCE_MARKS)
    if row.forwarded_on is not None:
        raise WrongState(_("It was put forward already."))
    if on is None or on > clock.china_date(at):
        raise Invalid(_("Not recorded."), problems={"on": [_("Give the day, not one to come.")]})
    row.forwarded_on, row.forwarded_note = on, note.strip()[:300]
    row.save()
    _record(row, "put_forward", {"on": on, "note": row.forwarded_note}, actor=actor, at=at)
    return row


# ---- shared -------------------------------------------------------------------------------------------------------------
def _locked(reference: str, actor: Actor) -> Experience:
    pk = Experience.objects.visible_to(actor).filter(reference=reference).values_list("pk", flat=True).first()
    if pk is None:
        raise NotVisible
    rows = Experience.objects.select_for_update(of=("self",)).select_related("authority__area", "organisation")
    return rows.get(pk=pk)


def _require_picked(row: Experience, actor: Actor) -> None:
    if not rules.picked_it(actor, row):
        raise NotAllowed(rules.PICKED_IT)


def _require_words(row: Experience) -> None:
    if not row.text.strip() or PERSONAL.search(f"{row.title}\n{row.summary}\n{row.text}"):
        raise WrongState(_("Write it first, without telephone numbers, e-mail addresses and identity numbers."))


def _record(row: Experience, what: str, data: dict, *, actor: Actor, at: datetime) -> None:
    audit.record(actor=actor, subject=("experience", row.pk), action=f"experience.{what}", at=at, data=data)


def _tell_unit(row: Experience, kind: str, at: datetime) -> None:
    outbox.notify(
        recipients=parties.told_ids(row.organisation_id),
        event=f"{kind}:{row.pk}",
        kind=kind,
        at=at,
        params={"title": row.title, "name": row.organisation.name},
        link="",
    )
