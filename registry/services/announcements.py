"""公告: the numbered, dated publication. Listings, entries, titles and certificates come into being here and nowhere else."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from applications.models import Application
from applications.selectors import rules_of
from applications.services import cases
from applications.states import State
from greenlist.core import audit, numbers, outbox
from greenlist.core.actors import Actor
from greenlist.core.clock import china_date
from greenlist.core.errors import Conflict, NotAllowed, NotVisible, WrongState
from greenlist.organisations import selectors as organisations
from greenlist.organisations import services as organisation_services
from greenlist.policy.engine.types import BoundPolicy
from registry import rules
from registry.models import Announcement, Bulletin, Certificate, Entry, ListBook, Listing, Notice, NoticeItem
from registry.services import notices
from registry.states import AnnouncementState, EntryKind, ItemState, ListingState, NoticeState, Origin


def ready(notice: Notice) -> list[NoticeItem]:
    """Units of a notice that are cleared and not announced yet."""
    return list(
        notice.items.filter(state=ItemState.CLEARED, application__state=State.APPROVING)
        .select_related("application__organisation", "application__site__area")
        .order_by("position")
    )


@transaction.atomic
def draft(*, actor: Actor, notice: str, title: str, number: str, text: str, at: datetime) -> Announcement:
    """The announcement of a closed notice, or a supplement with units that an objection had held.

    Raises NotVisible, NotAllowed, WrongState (notice runs, nothing to announce, one is in preparation).
    """
    source = notices.lock(actor=actor, reference=notice)
    if not rules.may_prepare(actor, source.authority_id, source.call.category):
        raise NotAllowed(_("Only the deciding authority prepares the announcement."))
    if source.state != NoticeState.CLOSED:
        raise WrongState(_("The notice period is not over; nothing can be listed before."), code="notice_runs")
    if not ready(source):
        raise WrongState(_("No unit of this notice is ready to be announced."))
    earlier = list(source.announcements.order_by("pk"))
    if any(row.state != AnnouncementState.PUBLISHED for row in earlier):
        raise WrongState(_("An announcement of this notice is in preparation already."))
    bound = rules_of(source.call)
    listbook, _created = ListBook.objects.get_or_create(
        owner=source.authority,
        category=source.call.category,
        defaults=_listbook_titles(bound),
    )
    announcement = Announcement.objects.create(
        listbook=listbook,
        notice=source,
        supplement_of=earlier[0] if earlier else None,
        number=number,
        title=title,
        text=text,
        four_eyes=bound.step(ready(source)[0].application.step).four_eyes,
        created_by_id=actor.user_id,
        created_at=at,
    )
    audit.record(
        actor=actor,
        subject=("announcement", announcement.pk),
        action="announcement.drafted",
        at=at,
        data={"title": title},
    )
    return announcement


def _listbook_titles(bound: BoundPolicy) -> dict[str, str]:
    title = bound.texts["certificate"].title if "certificate" in bound.texts else bound.header.title
    return {"title": f"{title.zh}名单", "title_en": f"List: {title.en}"}


def lock(*, actor: Actor, reference: str) -> Announcement:
    """The announcement, locked until the transaction ends. Raises NotVisible."""
    found = (
        Announcement.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("listbook__owner", "notice__call__rules", "notice__authority", "supplement_of")
        .filter(reference=reference)
        .first()
    )
    if found is None:
        raise NotVisible
    return found


@transaction.atomic
def edit(
    *,
    actor: Actor,
    reference: str,
    title: str,
    number: str,
    text: str,
    at: datetime,
    version: int | None = None,
) -> Announcement:
    """Changes the words of a draft. Raises WrongState once it is handed on, Conflict when the page saw an older version."""
    announcement = lock(actor=actor, reference=reference)
    if not rules.may_prepare(actor, announcement.listbook.owner_id, announcement.listbook.category):
        raise NotAllowed(_("Only the deciding authority prepares the announcement."))
    if announcement.state != AnnouncementState.DRAFT:
        raise WrongState(_("The announcement has been handed to the approver and cannot be edited."))
    notices.require_version(announcement, version, "title", "number", "text")
    announcement.title, announcement.number, announcement.text = title, number, text
    announcement.version += 1
    announcement.save(update_fields=["title", "number", "text", "version"])
    audit.record(actor=actor, subject=("announcement", announcement.pk), action="announcement.edited", at=at)
    return announcement


@transaction.atomic
def hand_to_approver(*, actor: Actor, reference: str, at: datetime, version: int | None = None) -> Announcement:
    """The handler is done; an approver publishes. Raises WrongState, Conflict when the page saw an older version."""
    announcement = lock(actor=actor, reference=reference)
    if not rules.may_prepare(actor, announcement.listbook.owner_id, announcement.listbook.category):
        raise NotAllowed(_("Only the deciding authority prepares the announcement."))
    notices.require_version(announcement, version, "title", "number", "text")
    _turn(announcement, "hand_to_approver")
    announcement.handed_by_id = actor.user_id
    announcement.save()
    audit.record(actor=actor, subject=("announcement", announcement.pk), action="announcement.handed", at=at)
    outbox.notify(
        recipients=_approvers(announcement, at),
        event=f"announcement.handed:{announcement.pk}:{at:%Y%m%d%H%M%S}",
        kind="announcement.to_approve",
        params={"title": announcement.title},
        link=f"/registry/announcements/{announcement.reference}/",
        at=at,
    )
    return announcement


def _approvers(announcement: Announcement, at: datetime) -> Sequence[int]:
    from greenlist.accounts import selectors as accounts

    book = announcement.listbook
    return accounts.people_with(book.owner_id, ("approver",), china_date(at), book.category)


@transaction.atomic
def hand_back(*, actor: Actor, reference: str, note: str, at: datetime) -> Announcement:
    """The approver wants it changed. Raises NotAllowed, WrongState."""
    announcement = lock(actor=actor, reference=reference)
    if not rules.may_approve(actor, announcement):
        raise NotAllowed(_("An approver of the deciding authority publishes the list."))
    _turn(announcement, "hand_back")
    announcement.save()
    audit.record(
        actor=actor,
        subject=("announcement", announcement.pk),
        action="announcement.handed_back",
        at=at,
        data={"note": note},
    )
    return announcement


def _turn(announcement: Announcement, verb: str, **arguments: datetime) -> None:
    try:
        getattr(announcement, verb)(**arguments)
    except TransitionNotAllowed as wrong:
        raise WrongState(
            _("This is not possible any more: the announcement is “%(state)s”.")
            % {"state": announcement.get_state_display()}
        ) from wrong


def shown_digest(announcement: Announcement) -> str:
    """Of what a page shows before publication: the approver publishes this and nothing else."""
    units = [item.application_id for item in ready(announcement.notice)]
    return audit.digest_of([announcement.title, announcement.number, announcement.text, units])


@transaction.atomic
def publish(*, actor: Actor, reference: str, at: datetime, digest: str | None = None) -> Announcement:
    """Publishes the list: numbers the batch, lists each unit, issues certificates, tells the applicants.

    `digest` is that of what the page showed. Raises NotAllowed (not an approver, or the same person as the handler),
    WrongState, Conflict (words or units are others by now), Refused (a unit met a veto).
    """
    announcement = lock(actor=actor, reference=reference)
    if not rules.may_approve(actor, announcement):
        raise NotAllowed(_("An approver of the deciding authority publishes the list."))
    if announcement.four_eyes and announcement.handed_by_id == actor.user_id:
        raise NotAllowed(
            _("Whoever prepared the announcement cannot approve it: two people are needed."), code="four_eyes"
        )
    _turn(announcement, "publish", at=at)
    if digest is not None and digest != shown_digest(announcement):
        raise Conflict(_("The announcement is not what your page showed any more. Reload it and look again."))
    listbook = ListBook.objects.select_for_update().get(pk=announcement.listbook_id)
    items = ready(announcement.notice)
    if not items:
        raise WrongState(_("No unit of this notice is ready to be announced."))
    found = {
        case.pk: case for case in notices.lock_cases(NoticeItem.objects.filter(pk__in=[item.pk for item in items]))
    }
    step = rules_of(announcement.notice.call).step(next(iter(found.values())).step)
    notices.require_clear(list(found.values()), point=step.point, actor=actor, at=at)
    announcement.approved_by_id = actor.user_id
    announcement.issued_on = china_date(at)
    announcement.ordinal = _ordinal(announcement, listbook)
    announcement.frozen = {
        "title": announcement.title,
        "number": announcement.number,
        "ordinal": announcement.ordinal,
        "issued_on": announcement.issued_on.isoformat(),
        "units": [_line(position, found[item.application_id], item) for position, item in enumerate(items, start=1)],
    }
    announcement.digest = audit.digest_of(announcement.frozen)
    announcement.save()
    notices.release_decisions(list(found), actor=actor, at=at)
    for case in found.values():
        case.untold_step = ""
    for position, item in enumerate(items, start=1):
        _enter(announcement, listbook, found[item.application_id], item, position, actor=actor, at=at)
    audit.record(
        actor=actor,
        subject=("announcement", announcement.pk),
        action="announcement.published",
        at=at,
        data={"digest": announcement.digest, "ordinal": announcement.ordinal, "units": len(items)},
    )
    return announcement


def _ordinal(announcement: Announcement, listbook: ListBook) -> int | None:
    """第N批: the next of this list book, whose row is locked; a supplement keeps its announcement's."""
    if announcement.supplement_of is not None:
        return announcement.supplement_of.ordinal
    last = Announcement.objects.filter(listbook=listbook).aggregate(last=Max("ordinal"))["last"]
    return (last or 0) + 1


def _line(position: int, case: Application, item: NoticeItem) -> dict[str, object]:
    return {"position": position, "name": case.name, "code": case.code, "area": item.area_name, "case": case.number}


def _enter(
    announcement: Announcement,
    listbook: ListBook,
    case: Application,
    item: NoticeItem,
    position: int,
    *,
    actor: Actor,
    at: datetime,
) -> None:
    assert announcement.issued_on is not None
    industry = case.organisation.industry
    printed = {
        "organisation": case.organisation,
        "application": case,
        "origin": Origin.DECIDED,
        "basis": announcement.title,
        "name": case.name,
        "code": case.code,
        "area_path": case.area_path,
        "area_name": item.area_name,
        "industry_code": case.industry_code,
        "industry_name": industry.name if industry else "",
        "year": case.call.year,
        "ordinal": announcement.ordinal,
        "listed_on": announcement.issued_on,
    }
    listing = _listing(listbook, case, printed)
    Entry.objects.create(
        announcement=announcement,
        listing=listing,
        kind=EntryKind.ADDED,
        position=position,
        name=case.name,
        area_name=item.area_name,
        on=announcement.issued_on,
    )
    organisation_services.grant_title(
        site=case.site,
        category=case.category,
        tier=listbook.owner.tier,
        listing=f"{listbook.title}（{case.call.year}年第{announcement.ordinal}批）",  # official name, kept in Chinese
        on=announcement.issued_on,
        source=announcement.reference,
        actor=actor,
        at=at,
    )
    certify(announcement, listing, year=case.call.year)
    cases.move(
        case,
        "enter_list",
        case.enter_list,
        actor=actor,
        at=at,
        desk=None,
        data={"announcement": announcement.reference, "ordinal": announcement.ordinal},
    )
    outbox.notify(
        recipients=organisations.member_ids(case.organisation_id),
        event=f"case.listed:{case.pk}",
        kind="case.listed",
        params={"name": case.name, "announcement": announcement.title},
        link=f"/cases/{case.reference}/",
        at=at,
    )


def _listing(listbook: ListBook, case: Application, printed: dict[str, Any]) -> Listing:
    """The site's place on the list: a new one, or the one it has or had, evaluated anew (a list has one per site)."""
    listing = Listing.objects.select_for_update().filter(listbook=listbook, site=case.site).first()
    if listing is None:
        return Listing.objects.create(listbook=listbook, site=case.site, **printed)
    if listing.state in (ListingState.REMOVAL_PROPOSED, ListingState.SUSPENDED):
        raise WrongState(
            _("A removal of %(name)s from this list is open: decide it before the unit is announced anew.")
            % {"name": listing.name},
            code="removal_open",
        )
    if listing.name != printed["name"] and listing.name not in listing.former.splitlines():
        listing.former = "\n".join([*listing.former.splitlines(), listing.name])
    for name, value in printed.items():
        setattr(listing, name, value)
    listing.enter_again()
    listing.save()
    return listing


def certify(document: Announcement | Bulletin, listing: Listing, *, year: int, on: date | None = None) -> Certificate:
    """A numbered certificate in the listing's present words; after a correction a newer one takes the place of the older."""
    issued_on = on or document.issued_on
    assert issued_on is not None
    owner, category = document.listbook.owner, document.listbook.category
    serial = numbers.take(scope=f"certificate:{owner.area.slug}:{category}", year=year)
    number = f"{owner.area.slug.upper()}-{category[:1].upper()}-{year}-{serial:04d}"
    printed = {
        "number": number,
        "name": listing.name,
        "code": listing.code,
        "list": document.listbook.title,
        "issued_on": issued_on.isoformat(),
        "announcement": document.digest,
    }
    return Certificate.objects.create(
        listing=listing,
        number=number,
        name=listing.name,
        issued_on=issued_on,
        data_digest=audit.digest_of(printed),
    )
