"""What another tier published, taken over: looked at, approved by another person, matched to units; cases that wait for it
meet their outcome (HEB-3d, HLJ-21a-d, JY-16), lists that inherit take the units on (JY-15c).

Locks are taken in one order: the list book, the imported list, every place of its units and then its cases, each by key.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import translation
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from applications.models import Application, Call
from applications.selectors import rules_of
from applications.services import cases, screening
from applications.states import State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Area, Authority
from greenlist.core import audit, clock, outbox, rounds
from greenlist.core.actors import SYSTEM, Actor, Capacity, Tier
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, Text, WrongState
from greenlist.core.sheets import ImportRefused, RowProblem
from greenlist.organisations import selectors as organisations
from greenlist.organisations import services as organisation_services
from greenlist.organisations.models import Category, Name, Organisation, Site
from greenlist.organisations.services.matching import spellings
from greenlist.policy.engine.types import Step, StepKind
from registry import rules
from registry.models import Announcement, ImportedList, ImportedRow, ListBook, Listing, RowMatch
from registry.services import inheritance, listbooks, listings
from registry.states import FOUND, EntryKind, ImportState, ListingState, MatchState, Origin, RowState

ROUND = 1000
FIRST_YEAR = 2000  # no green list is older
PUBLISHED_HERE = _("This authority publishes its list on this portal itself: there is nothing to take over.")


@dataclass(frozen=True)
class ListRow:
    """One line as printed. `kind`: added or removed."""

    name: str
    code: str = ""
    area: str = ""
    kind: str = EntryKind.ADDED


@dataclass(frozen=True)
class Heading:
    """The document that was published."""

    title: str
    issued_on: date
    source: str
    number: str = ""
    complete: bool = False  # the official says: whoever is not in it was not listed


def problems_of(heading: Heading, *, at: datetime) -> dict[str, list[Text]]:
    """What is wrong with the heading, by field."""
    found: dict[str, list[Text]] = {}
    if not heading.title.strip():
        found["title"] = [_("Give the document's title.")]
    if not heading.source.strip():
        found["source"] = [_("Please name the source.")]
    if heading.issued_on > clock.china_date(at):
        found["issued_on"] = [_("This day lies in the future.")]
    if heading.issued_on.year < FIRST_YEAR:
        found["issued_on"] = [_("This day lies too far back.")]
    for name, most in (("title", 160), ("number", 60), ("source", 300)):
        if len(getattr(heading, name).strip()) > most:
            found.setdefault(name, []).append(_("At most %(most)s characters.") % {"most": most})
    return found


def problems_of_rows(rows: Sequence[tuple[str, int, ListRow]]) -> list[RowProblem]:
    """Codes that are none, and units that stand there twice."""
    found: list[RowProblem] = []
    seen: dict[tuple[str, str], int] = {}
    for sheet, number, row in rows:
        code = ""
        if row.code:
            try:
                code = organisation_services.clean_code(row.code)
            except Invalid as wrong:
                found.append(RowProblem(sheet, number, "code", row.code, wrong.message))
                continue
        first = seen.setdefault((code or "", "" if code else row.name), number)
        if first != number:
            found.append(
                RowProblem(sheet, number, "name", row.name, _("It stands in row %(row)s already.") % {"row": first})
            )
    return found


# ---- whose list it is -------------------------------------------------------------------------------------------------
def upper(*, actor: Actor, tier: str) -> Authority:
    """The authority of a higher tier whose list the actor's office may take over. Raises NotAllowed, Refused (there is none)."""
    if not actor.is_official or actor.tier is None or tier not in set(Tier) or Tier(tier).rank <= actor.tier.rank:
        raise NotAllowed(rules.LOWER_ONLY)
    own = Authority.objects.select_related("area").get(pk=actor.authority_id)
    found = accounts.industry_authority(own.area, tier)
    if found is None:
        raise Refused(_("The authority of that tier is not entered yet: ask the administrator."), code="no_authority")
    return found


def waiting_step(call: Call) -> Step | None:
    """The step in which a call's cases wait for another tier's list; None where its own authority decides."""
    return next((step for step in rules_of(call).steps if step.kind is StepKind.OUTCOME), None)


def _call(actor: Actor, pk: int | None) -> Call | None:
    if pk is None:
        return None
    rows = Call.objects.visible_to(actor).select_related("rules", "owner__area")
    found = rows.filter(pk=pk).first()
    if found is None or waiting_step(found) is None:
        raise NotVisible
    return found


def book_for(*, actor: Actor, call: Call | None, tier: str, category: str) -> ListBook:
    """The list that is taken over. Raises NotAllowed, Refused, WrongState (its owner publishes here itself)."""
    if call is not None:
        tier, category = rules_of(call).header.tier, call.category
    if category not in set(Category):
        raise NotVisible
    if not rules.may_import(actor, category):
        raise NotAllowed(rules.LOWER_ONLY)
    if call is None and not rules.keeps_a_list(actor):
        raise NotAllowed(rules.KEEPERS_ONLY)
    book = listbooks.of(upper(actor=actor, tier=tier), category)
    if Announcement.objects.filter(listbook=book).exists():
        raise WrongState(PUBLISHED_HERE, code="published_here")
    return book


# ---- taking a list over -------------------------------------------------------------------------------------------------
@transaction.atomic
def take(
    *,
    actor: Actor,
    at: datetime,
    heading: Heading,
    rows: Sequence[tuple[str, int, ListRow]],
    digest: str,
    file_name: str = "",
    call: int | None = None,
    tier: str = "",
    category: str = "",
) -> ImportedList:
    """All rows of a published list or none; nothing is listed before it is approved.

    Raises NotVisible, NotAllowed, Refused, WrongState (taken over already, or published here), Invalid, ImportRefused.
    """
    asked = _call(actor, call)
    book = book_for(actor=actor, call=asked, tier=tier, category=category)
    if problems := problems_of(heading, at=at):
        raise Invalid(_("Please correct what is said about the document."), problems=problems)
    if mistakes := problems_of_rows(rows):
        raise ImportRefused(mistakes)
    imported = _insert(actor, at, heading, book, asked, digest=digest, file_name=file_name[:200], count=len(rows))
    made = ImportedRow.objects.bulk_create(
        [
            ImportedRow(
                imported=imported,
                position=position,
                kind=row.kind,
                name=row.name,
                code=organisation_services.clean_code(row.code) if row.code else "",
                area_text=row.area,
            )
            for position, (_sheet, _number, row) in enumerate(rows, start=1)
        ]
    )
    find(rows=made, area_path=actor.area_path)
    _record(imported, "taken", actor, at, rows=len(rows), digest=digest, complete=heading.complete)
    return _two_people(imported, actor, at)


def _insert(
    actor: Actor,
    at: datetime,
    heading: Heading,
    book: ListBook,
    call: Call | None,
    *,
    digest: str,
    file_name: str = "",
    count: int,
    by_hand: bool = False,
) -> ImportedList:
    step = waiting_step(call) if call else None
    ListBook.objects.select_for_update().get(pk=book.pk)
    try:
        with transaction.atomic():
            return ImportedList.objects.create(
                listbook=book,
                authority_id=actor.authority_id,
                call=call,
                by_hand=by_hand,
                title=heading.title.strip(),
                number=heading.number.strip(),
                issued_on=heading.issued_on,
                source=heading.source.strip(),
                complete_by_id=actor.user_id if heading.complete else None,
                complete_at=at if heading.complete else None,
                file_name=file_name,
                digest=digest,
                count=count,
                created_by_id=actor.user_id,
                created_at=at,
                four_eyes=step.four_eyes if step else True,  # apart from a call: the portal's own rule
            )
    except IntegrityError as taken:
        raise WrongState(_("This list has been taken over already."), code="taken_over") from taken


def _two_people(imported: ImportedList, actor: Actor, at: datetime) -> ImportedList:
    """Waits for an approver where the rules ask for two people; otherwise it counts at once."""
    if not imported.four_eyes:
        return _approve(imported, actor=actor, at=at)
    outbox.notify(
        recipients=accounts.people_with(
            imported.authority_id, [Capacity.APPROVER], clock.china_date(at), imported.listbook.category
        ),
        event=f"imported.to_approve:{imported.pk}",
        kind="imported.to_approve",
        at=at,
        params={"title": imported.title, "count": imported.count},
        link=page_of(imported),
    )
    return imported


def page_of(imported: ImportedList) -> str:
    return f"/registry/lists/{imported.reference}/"


@transaction.atomic
def enter_result(
    *, actor: Actor, at: datetime, case: str, listed: bool, heading: Heading, reason: str = ""
) -> ImportedList:
    """One case's outcome typed from the document that says it.

    Raises NotVisible, NotAllowed, WrongState (the case does not wait for it), Invalid (document, or why it is not listed).
    """
    seen = (
        Application.objects.visible_to(actor).select_related("call__rules", "call__owner__area").filter(reference=case)
    )
    found = seen.first()
    if found is None:
        raise NotVisible
    _require_waiting(found, actor)
    book = book_for(actor=actor, call=found.call, tier="", category="")
    ListBook.objects.select_for_update().get(pk=book.pk)
    row = cases.lock(actor=actor, reference=case)
    _require_waiting(row, actor)
    problems = problems_of(heading, at=at)
    if not listed and not reason.strip():
        problems["reason"] = [_("Write why the unit was not listed, as the document has it.")]
    if problems:
        raise Invalid(_("Please correct what is said about the document."), problems=problems)
    said = audit.digest_of(
        [case, listed, heading.title, heading.number, heading.issued_on, reason.strip(), row.revision]
    )
    imported = _insert(actor, at, heading, book, row.call, digest=said, count=1, by_hand=True)
    ImportedRow.objects.create(
        imported=imported,
        position=1,
        kind=EntryKind.ADDED if listed else EntryKind.REMOVED,
        name=row.name,
        code=row.code,
        state=RowState.CODE,
        organisation=row.organisation,
        application=row,
        reason=reason.strip()[:300],
    )
    _record(imported, "entered", actor, at, case=row.reference, listed=listed)
    return _two_people(imported, actor, at)


def _require_waiting(case: Application, actor: Actor) -> None:
    if case.state != State.FORWARDED:
        raise WrongState(
            _("This is not possible any more: the case is now “%(state)s”.") % {"state": case.get_state_display()}
        )
    if case.desk_id != actor.authority_id or not rules.may_import(actor, case.category):
        raise NotAllowed(rules.LOWER_ONLY)


# ---- whom a line is about -----------------------------------------------------------------------------------------------
def find(*, rows: Iterable[ImportedRow], area_path: str) -> int:
    """Lines by credit code, then names, present and former, for an official to confirm; a fixed number of queries a round.

    Only units of the authority's own area: others are taken over by their own authorities. Returns how many names wait.
    """
    waiting = [row for row in rows if row.state in (RowState.NOBODY, RowState.OPEN)]
    return sum(_find(waiting[start : start + ROUND], area_path) for start in range(0, len(waiting), ROUND))


def _find(rows: Sequence[ImportedRow], area_path: str) -> int:
    codes = {row.code for row in rows if row.code}
    # Who has just typed a code has said where the firm is: nobody goes onto a list by that before the claim is confirmed.
    known = Organisation.objects.exclude(claim=Organisation.Claim.CLAIMED, claim_says={})
    coded = {one.code: one for one in known.filter(code__in=codes).select_related("area")}
    by_name = _bearers(rows)
    here = _here(
        {one.pk for one in coded.values()} | {pk for found in by_name.values() for pk, _code in found}, area_path
    )
    pairs: list[RowMatch] = []
    decided = set(RowMatch.objects.filter(row__in=[row.pk for row in rows]).values_list("row_id", "organisation_id"))
    for row in rows:
        firm = coded.get(row.code) if row.code else None
        if firm is not None:
            row.state = RowState.CODE if firm.pk in here else RowState.OUTSIDE
            row.organisation = firm if firm.pk in here else None
            continue
        named = {pk for name in spellings(row.name) for pk, code in by_name.get(name, ()) if not (code and row.code)}
        fresh = sorted((named & here) - {firm for one, firm in decided if one == row.pk})
        pairs += [RowMatch(row=row, organisation_id=pk) for pk in fresh]
        if fresh:
            row.state = RowState.OPEN
        elif named and not named & here:
            row.state = RowState.OUTSIDE
    RowMatch.objects.bulk_create(pairs, ignore_conflicts=True)
    ImportedRow.objects.bulk_update(rows, ["state", "organisation"])
    return len(pairs)


def _bearers(rows: Sequence[ImportedRow]) -> Mapping[str, set[tuple[int, str | None]]]:
    """Name → organisations that bear or bore it, with their code."""
    asked = {name for row in rows for name in spellings(row.name)}
    found: dict[str, set[tuple[int, str | None]]] = defaultdict(set)
    for name, pk, code in Organisation.objects.filter(name__in=asked).values_list("name", "pk", "code"):
        found[name].add((pk, code))
    for name, pk, code in Name.objects.filter(text__in=asked).values_list(
        "text", "organisation_id", "organisation__code"
    ):
        found[name].add((pk, code))
    return found


def _here(firms: Collection[int], area_path: str) -> set[int]:
    """Those registered or producing in the area."""
    inside = Q(area__path__startswith=area_path) | Q(sites__area__path__startswith=area_path)
    return set(Organisation.objects.filter(inside, pk__in=firms).values_list("pk", flat=True))


# ---- the second person --------------------------------------------------------------------------------------------------
def lock(*, actor: Actor, reference: str) -> ImportedList:
    """The imported list and its list book, locked. Raises NotVisible."""
    seen = ImportedList.objects.visible_to(actor).filter(reference=reference)
    book = seen.values_list("listbook_id", flat=True).first()
    if book is None:
        raise NotVisible
    ListBook.objects.select_for_update().get(pk=book)
    rows = seen.select_for_update(of=("self",)).select_related(
        "listbook__owner__area", "authority__area", "call__rules"
    )
    return rows.get()


@transaction.atomic
def approve(*, actor: Actor, reference: str, at: datetime) -> ImportedList:
    """The list counts: units whose code is known are on it, cases that wait for it meet their outcome.

    Raises NotVisible, NotAllowed (no approver, or the same person), WrongState.
    """
    imported = lock(actor=actor, reference=reference)
    if not rules.may_approve_import(actor, imported):
        raise NotAllowed(rules.APPROVERS_ONLY)
    if rules.took_over(actor, imported):
        raise NotAllowed(rules.TOOK_OVER, code="four_eyes")
    return _approve(imported, actor=actor, at=at)


def _approve(imported: ImportedList, *, actor: Actor, at: datetime) -> ImportedList:
    _turn(imported, "approve", at=at)
    imported.approved_by_id = actor.user_id
    imported.save()
    _note_unknown(imported, actor=actor, at=at)
    found = imported.rows.filter(state__in=FOUND).select_related("organisation__area", "organisation__industry")
    _carry_out(imported, list(found), actor=actor, at=at)
    _record(imported, "approved", actor, at, rows=imported.count, digest=imported.digest)
    _settle(imported, actor=actor, at=at)
    return imported


def _turn(imported: ImportedList, verb: str, **arguments: datetime) -> None:
    try:
        getattr(imported, verb)(**arguments)
    except TransitionNotAllowed as wrong:
        raise WrongState(
            _("This is not possible any more: the list is “%(state)s”.") % {"state": imported.get_state_display()}
        ) from wrong


@transaction.atomic
def drop(*, actor: Actor, reference: str, at: datetime) -> ImportedList:
    """Gives up what was not approved yet. Raises NotVisible, NotAllowed, WrongState."""
    imported = lock(actor=actor, reference=reference)
    if not rules.may_import(actor, imported.listbook.category):
        raise NotAllowed(rules.LOWER_ONLY)
    _turn(imported, "drop")
    imported.save()
    _record(imported, "dropped", actor, at)
    return imported


@transaction.atomic
def declare_complete(*, actor: Actor, reference: str, at: datetime) -> ImportedList:
    """Officials say that the list is complete: cases that wait for it and are not in it were not listed.

    It ends cases, so where the list took two people one proposes it and an approver who did not confirms it.
    Raises NotVisible, NotAllowed (own proposal), WrongState (said already, typed by hand, or not approved yet).
    """
    imported = lock(actor=actor, reference=reference)
    if not rules.may_import(actor, imported.listbook.category):
        raise NotAllowed(rules.LOWER_ONLY)
    if imported.complete_at or imported.by_hand or imported.state != ImportState.IN_FORCE or imported.call is None:
        raise WrongState(_("This cannot be said of this list (any more)."))
    if imported.four_eyes:
        if imported.complete_proposed_by_id == actor.user_id:
            raise NotAllowed(rules.PROPOSED_IT, code="four_eyes")
        if imported.complete_proposed_by_id is None or not rules.may_approve_import(actor, imported):
            return _propose_complete(imported, actor, at)
    imported.complete_by_id, imported.complete_at = actor.user_id, at
    imported.save(update_fields=["complete_by", "complete_at"])
    _record(imported, "complete", actor, at)
    _settle(imported, actor=actor, at=at)
    return imported


def _propose_complete(imported: ImportedList, actor: Actor, at: datetime) -> ImportedList:
    imported.complete_proposed_by_id, imported.complete_proposed_at = actor.user_id, at
    imported.save(update_fields=["complete_proposed_by", "complete_proposed_at"])
    _record(imported, "complete_proposed", actor, at)
    today, category = clock.china_date(at), imported.listbook.category
    approvers = set(accounts.people_with(imported.authority_id, [Capacity.APPROVER], today, category))
    outbox.notify(
        recipients=sorted(approvers - {actor.user_id}),
        event=f"imported.complete:{imported.pk}:{at.isoformat()}",
        kind="imported.complete",
        at=at,
        params={"title": imported.title, "person": actor.name},
        link=page_of(imported),
    )
    return imported


def _note_unknown(imported: ImportedList, *, actor: Actor, at: datetime) -> None:
    """Firms of the area that nobody has registered yet: noted, unclaimed, so that the title is there when they come."""
    area_path = imported.authority.area.path
    rows = imported.rows.filter(state=RowState.NOBODY, kind=EntryKind.ADDED).exclude(code="").exclude(area_text="")
    areas: dict[str, Area | None] = {}
    claimed = set(Organisation.objects.filter(code__in=[row.code for row in rows]).values_list("code", flat=True))
    for row in rows:
        if row.code in claimed:
            continue
        if row.area_text not in areas:
            found = [one for one in accounts.exact_areas(row.area_text) if one.path.startswith(area_path)]
            areas[row.area_text] = found[0] if len(found) == 1 else None
        area = areas[row.area_text]
        if area is None:
            continue
        row.organisation = organisation_services.find_or_create_unclaimed(
            code=row.code, name=row.name, area=area, actor=actor, at=at
        )
        row.state = RowState.CODE
        row.save(update_fields=["organisation", "state"])


# ---- carrying out -------------------------------------------------------------------------------------------------------
def _carry_out(imported: ImportedList, rows: Sequence[ImportedRow], *, actor: Actor, at: datetime) -> None:
    firms = {row.organisation_id for row in rows if row.organisation_id}
    listings.lock(  # lists that inherit follow, and so may what is open about a place
        Listing.objects.filter(organisation__in=firms, listbook__category=imported.listbook.category)
    )
    waiting = _waiting(imported, firms)
    for row in rows:
        case = next((one for one in waiting if _answers(row, one)), None)
        if row.application_id and case is None:
            continue  # withdrawn or disqualified meanwhile: a result for nobody
        if row.kind == EntryKind.REMOVED:
            if row.application_id and case is not None:
                _miss(imported, case, row.reason, actor=actor, at=at)
            else:
                _strike(imported, row, actor=actor, at=at)
            continue
        _list(imported, row, case, actor=actor, at=at)


def _answers(row: ImportedRow, case: Application) -> bool:
    if row.application_id:
        return row.application_id == case.pk
    return row.organisation_id == case.organisation_id


def _waiting(imported: ImportedList, firms: Collection[int] | None = None) -> list[Application]:
    """Cases of the call that wait for this list at the authority's desk, locked in the order of their keys."""
    if imported.call_id is None:
        return []
    rows = Application.objects.filter(call_id=imported.call_id, state=State.FORWARDED, desk_id=imported.authority_id)
    if firms is not None:
        rows = rows.filter(organisation__in=firms)
    keys = list(rows.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    found = Application.objects.filter(pk__in=keys).select_related(
        "call__rules",
        "call__owner__area",
        "organisation__industry",
        "organisation__area",
        "site__area",
        "desk",
        "report",
    )
    return list(found.order_by("pk"))


def _list(imported: ImportedList, row: ImportedRow, case: Application | None, *, actor: Actor, at: datetime) -> None:
    firm = row.organisation
    assert firm is not None
    site = case.site if case else _site(firm, imported.authority.area.path)
    book = imported.listbook
    there = Listing.objects.select_for_update().filter(listbook=book, site=site).first()
    if there is not None and case is None and listbooks.ended_after(there, imported.issued_on):
        return
    listing = there if there and there.state != ListingState.REMOVED else None
    if listing is None:
        listing = listbooks.enter(book, site, there, _printed(imported, row, firm, site, case))
        listbooks.print_line(listing, imported, EntryKind.ADDED, row.position, imported.issued_on)
        organisation_services.grant_title(
            site=site,
            category=book.category,
            tier=book.owner.tier,
            listing=f"{book.title}（{imported.document}）"[:160],
            on=imported.issued_on,
            source=imported.reference,
            actor=actor,
            at=at,
        )
    elif case is not None and listing.application_id is None:
        listing.application = case
        listing.save(update_fields=["application"])
    row.listing = listing
    row.save(update_fields=["listing"])
    inheritance.pass_on(listing=listing, imported=imported, position=row.position, actor=actor, at=at)
    if case is not None:
        _meet(imported, case, actor=actor, at=at)


def _printed(
    imported: ImportedList, row: ImportedRow, firm: Organisation, site: Site, case: Application | None
) -> dict[str, object]:
    return {
        "organisation": firm,
        "application": case,
        "origin": Origin.IMPORTED,
        "follows": None,
        "basis": imported.document[:250],
        "name": row.name,
        "code": firm.code or row.code,
        "area_path": site.area.path,
        "area_name": site.area.name,
        "industry_code": firm.industry_id or "",
        "industry_name": firm.industry.name if firm.industry else "",
        "year": case.call.year if case else imported.issued_on.year,
        "ordinal": None,
        "listed_on": imported.issued_on,
    }


def _site(firm: Organisation, area_path: str) -> Site:
    """The firm's main site, one inside the authority's area first."""
    sites = list(firm.sites.select_related("area").order_by("-is_default", "pk"))
    return next((one for one in sites if one.area.path.startswith(area_path)), sites[0])


def _meet(imported: ImportedList, case: Application, *, actor: Actor, at: datetime) -> None:
    data = {"imported": imported.reference, "document": imported.document}
    with translation.override("zh-hans"):
        opinion = _now("On the published list: %(document)s") % {"document": imported.document}
    cases.move(case, "meet_outcome", case.meet_outcome, actor=actor, at=at, desk=None, opinion=opinion, data=data)
    outbox.notify(
        recipients=organisations.member_ids(case.organisation_id),
        event=f"case.listed:{case.pk}",
        kind="case.listed",
        params={"name": case.name, "announcement": imported.document},
        link=screening.page_of(case),
        at=at,
    )


def _miss(imported: ImportedList, case: Application, reason: str, *, actor: Actor, at: datetime) -> None:
    with translation.override("zh-hans"):
        opinion = _now("Not on the published list: %(document)s") % {"document": imported.document}
    opinion = f"{opinion}；{reason}" if reason else opinion
    data = {"imported": imported.reference, "document": imported.document}
    cases.move(case, "miss_outcome", case.miss_outcome, actor=actor, at=at, desk=None, opinion=opinion, data=data)
    outbox.notify(
        recipients=screening.applicants_of(case),
        event=f"case.not_listed:{case.pk}:import{imported.pk}",
        kind="case.not_listed",
        at=at,
        params={"number": case.number, "reason": opinion},
        link=screening.page_of(case),
    )


def _strike(imported: ImportedList, row: ImportedRow, *, actor: Actor, at: datetime) -> None:
    """The other tier took the unit off its list; what was inherited from it follows by its own rules. Not on it: nothing."""
    firm, book, on = row.organisation, imported.listbook, imported.issued_on
    rows = Listing.objects.select_for_update(of=("self",)).filter(listbook=book, organisation=firm)
    for listing in rows.exclude(state=ListingState.REMOVED).select_related("site", "listbook__owner"):
        listing.strike()
        listing.save()
        listbooks.print_line(listing, imported, EntryKind.REMOVED, row.position, on)
        organisation_services.remove_title(
            site=listing.site,
            category=book.category,
            tier=book.owner.tier,
            on=on,
            reason=imported.document,
            actor=actor,
            at=at,
        )
        listings.ended(listing=listing, document=imported.document, on=on, actor=actor, at=at)
        inheritance.take_back(listing=listing, imported=imported, position=row.position, on=on, actor=actor, at=at)
        row.listing = listing
        row.save(update_fields=["listing"])


def _settle(imported: ImportedList, *, actor: Actor, at: datetime) -> int:
    """Who waits for a complete list and is not in it was not listed; whose name is still to be confirmed goes on waiting."""
    if imported.complete_at is None or imported.state != ImportState.IN_FORCE:
        return 0
    doubtful = set(
        RowMatch.objects.filter(row__imported=imported, state=MatchState.OPEN).values_list("organisation_id", flat=True)
    )
    missed = [case for case in _waiting(imported) if case.organisation_id not in doubtful]
    for case in missed:
        _miss(imported, case, "", actor=actor, at=at)
    return len(missed)


# ---- names to confirm ---------------------------------------------------------------------------------------------------
@transaction.atomic
def decide_match(*, actor: Actor, match_id: int, same: bool, note: str, at: datetime) -> RowMatch:
    """An official says whether a line is about this unit, and from what that is known; a yes carries the line out.

    Either answer settles cases and titles, so where the list took two people it takes two who say the same: the first
    answer is kept as a proposal, an approver who did not give it makes it count; another answer takes its place.
    Raises NotVisible, NotAllowed (own proposal), Invalid (no reason), WrongState (decided, or the list is not approved yet).
    """
    seen = RowMatch.objects.visible_to(actor).filter(pk=match_id)
    reference = seen.values_list("row__imported__reference", flat=True).first()
    if reference is None:
        raise NotVisible
    imported = lock(actor=actor, reference=reference)
    if not rules.may_import(actor, imported.listbook.category):
        raise NotAllowed(rules.LOWER_ONLY)
    if imported.state != ImportState.IN_FORCE:
        raise WrongState(_("Names are confirmed once the list is approved."))
    if not note.strip():
        raise Invalid(_("Not done."), problems={"note": [_("Write from what this is known.")]})
    match = (
        seen.select_for_update(of=("self",)).select_related("row", "organisation__area", "organisation__industry").get()
    )
    if match.state != MatchState.OPEN:
        raise WrongState(_("This has been decided already."))
    said = {
        "row": match.row.position,
        "name": match.row.name,
        "organisation": match.organisation_id,
        "same": same,
        "note": note.strip(),
    }
    if imported.four_eyes and not _agrees(match, same, imported, actor):
        match.proposed, match.proposed_note = same, note.strip()[:300]
        match.proposed_by_id, match.proposed_at = actor.user_id, at
        match.save(update_fields=["proposed", "proposed_note", "proposed_by", "proposed_at"])
        _record(imported, "name_proposed", actor, at, **said)
        return match
    _settle_match(imported, match, note, actor=actor, same=same, at=at)
    _record(imported, "name_decided", actor, at, **said)
    _settle(imported, actor=actor, at=at)
    return match


def _agrees(match: RowMatch, same: bool, imported: ImportedList, actor: Actor) -> bool:
    """An approver says what somebody else has proposed. Raises NotAllowed (it is the actor's own proposal)."""
    if match.proposed != same:
        return False
    if match.proposed_by_id == actor.user_id:
        raise NotAllowed(rules.PROPOSED_IT, code="four_eyes")
    return rules.may_approve_import(actor, imported)


def _settle_match(
    imported: ImportedList, match: RowMatch, note: str, *, same: bool, actor: Actor, at: datetime
) -> None:
    _decide(match, MatchState.CONFIRMED if same else MatchState.DENIED, note, actor, at)
    row = match.row
    if same:
        for other in row.matches.filter(state=MatchState.OPEN).select_for_update():
            _decide(other, MatchState.DENIED, str(_("Another organisation was confirmed.")), SYSTEM, at)
        row.organisation, row.state = match.organisation, RowState.CONFIRMED
        row.save(update_fields=["organisation", "state"])
        _carry_out(imported, [row], actor=actor, at=at)
    elif not row.matches.filter(state=MatchState.OPEN).exists():
        row.state = RowState.NOBODY
        row.save(update_fields=["state"])


def find_again(*, at: datetime) -> int:
    """Lines nobody was found for, looked for once more: firms register later. Returns how many lists had such lines."""
    with_loose = ImportedRow.objects.filter(imported=OuterRef("pk"), state=RowState.NOBODY)
    keys = ImportedList.objects.filter(Exists(with_loose), state=ImportState.IN_FORCE).order_by("pk")

    def again(pk: int) -> bool:
        return _again(pk, at)

    return rounds.each(keys.values_list("pk", flat=True), again)


@transaction.atomic
def _again(pk: int, at: datetime) -> bool:
    imported = ImportedList.objects.select_related("listbook__owner__area", "authority__area", "call__rules").get(pk=pk)
    ListBook.objects.select_for_update().get(pk=imported.listbook_id)
    loose = list(imported.rows.select_for_update(of=("self",)).filter(state=RowState.NOBODY))
    find(rows=loose, area_path=imported.authority.area.path)
    keys = [row.pk for row in loose if row.state in FOUND]
    rows = imported.rows.filter(pk__in=keys).select_related("organisation__area", "organisation__industry")
    _carry_out(imported, list(rows), actor=SYSTEM, at=at)
    return bool(loose)


def _decide(match: RowMatch, state: str, note: str, actor: Actor, at: datetime) -> None:
    match.state, match.note, match.by_id, match.decided_at = state, note.strip()[:300], actor.user_id, at
    match.save(update_fields=["state", "note", "by", "decided_at"])


def _record(imported: ImportedList, what: str, actor: Actor, at: datetime, **data: object) -> None:
    audit.record(
        actor=actor,
        subject=("imported", imported.pk),
        action=f"imported.{what}",
        at=at,
        data={"title": imported.title, "number": imported.number, **data},
    )
