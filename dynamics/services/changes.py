"""变更: the unit reports, one official verifies, another confirms, the list's owner publishes it or takes note.

Nothing printed changes: documents keep the name of their day; the list, the unit and its title carry the new one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from dynamics import rules
from dynamics.models import Change, ChangeFile, UpwardRequest
from dynamics.selectors import changes as reads
from dynamics.selectors import standing
from dynamics.services import removals, upward
from dynamics.services.rulebook import Standing
from dynamics.states import (
    OPEN_CHANGES,
    WITH_SUCCESSOR,
    ChangeKind,
    ChangeState,
    Disposition,
    RemovalSource,
    ToldBy,
    UpwardKind,
    UpwardState,
)
from greenlist.accounts import selectors as accounts
from greenlist.core import attachments, audit, limits, outbox, rounds
from greenlist.core.actors import SYSTEM, Actor
from greenlist.core.clock import china_date
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, Text, WrongState
from greenlist.organisations import selectors as organisation_reads
from greenlist.organisations import services as organisations
from greenlist.organisations.models import Organisation
from greenlist.policy.engine.types import ChangeRule
from registry.models import Bulletin, BulletinLine, ListBook, Listing
from registry.services import listings
from registry.services.bulletins import Line
from registry.states import EntryKind, ListingState

OFFICE = ("handler", "approver")
SOURCE = "change"  # of the lines of a bulletin
NEEDED = _("is needed")
SETTLED_BY_OWNER = (ChangeState.CONFIRMED, ChangeState.BUNDLED)
TITLE = "关于%(year)s年度名单单位变更情况的报告（%(count)s家）"


@dataclass(frozen=True)
class Report:
    """What a unit reports: kind → how it is from now on."""

    after: Mapping[str, str]
    happened_on: date | None
    explanation: str
    successor_code: str = ""
    successor_name: str = ""
    files: Sequence[UploadedFile] = field(default_factory=tuple)


# ---- the unit -------------------------------------------------------------------------------------------------------
@transaction.atomic
def report(*, listing: int, given: Report, told_by: str = ToldBy.REPORT, actor: Actor, at: datetime) -> list[Change]:
    """One change for each list the site stands on whose rules know changes; each is verified by its own authority.

    Raises NotVisible, NotAllowed, Refused (no such rules), Invalid, WrongState (one is open already).
    """
    row = Listing.objects.select_related("organisation", "site", "listbook__owner").filter(pk=listing).first()
    if row is None or not rules.is_unit(actor, row):
        raise NotVisible
    found = [(one, known) for one in _places(row) if (known := standing.change_rule(one)) is not None]
    if not found:
        raise Refused(_("The rules of these lists say nothing of changes: please turn to the authority."))
    kinds = _checked(given, found[0][1][1], at)
    if Change.objects.filter(listing__in=[one.pk for one, _known in found], state__in=OPEN_CHANGES).exists():
        raise WrongState(_("A change of this unit is being verified already: complete or withdraw that one."))
    stored = []
    for upload in given.files:
        limits.take("upload", actor=actor, at=at)
        stored.append(attachments.store(upload=upload, at=at))
    made = []
    for one, (held, rule) in found:
        change = _make(one, held, rule, kinds, given, told_by, actor, at)
        ChangeFile.objects.bulk_create([ChangeFile(change=change, blob=blob, added_at=at) for blob in stored])
        _record(change, "reported", {"kinds": kinds, "after": change.after}, actor=actor, at=at)
        _tell_office(change, "change.reported", ("handler",), at)
        made.append(change)
    return made


def _places(row: Listing) -> list[Listing]:
    rows = Listing.objects.filter(site=row.site).exclude(state=ListingState.REMOVED)
    list(
        rows.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True)
    )  # two reports at once: one waits
    return list(rows.select_related("organisation", "site__area", "listbook__owner__area").order_by("pk"))


def _checked(given: Report, rule: ChangeRule, at: datetime) -> list[str]:
    """The kinds that are told. Raises Invalid."""
    kinds = [one for one in ChangeKind.values if given.after.get(one, "").strip()]
    problems: dict[str, list[Text]] = {}
    unknown = [one for one in kinds if one not in rule.kinds]
    if not kinds:
        problems["after"] = [_("Say what has changed.")]
    for one in unknown:
        problems[one] = [_("The rules know no such change.")]
    if not given.explanation.strip():
        problems["explanation"] = [NEEDED]
    if given.happened_on is None or given.happened_on > china_date(at):
        problems["happened_on"] = [_("Give the day of the formalities; it is not in the future.")]
    if not given.files:
        problems["file1"] = [_("Add the document that shows it, such as the notice of the registry office.")]
    if set(kinds) & set(WITH_SUCCESSOR) and not given.successor_name.strip():
        problems["successor_name"] = [_("Name the organisation that goes on.")]
    if problems:
        raise Invalid(_("The change was not reported."), problems=problems)
    return kinds


def _make(
    row: Listing,
    held: standing.Standing,
    rule: ChangeRule,
    kinds: list[str],
    given: Report,
    told_by: str,
    actor: Actor,
    at: datetime,
) -> Change:
    verifier = accounts.industry_authority(row.site.area, rule.verify) or organisation_reads.authority_for_site(
        row.site
    )
    if verifier is None:
        raise Refused(_("No authority is in charge of this place."))
    tier = row.listbook.owner.tier
    return Change.objects.create(
        listing=row,
        organisation=row.organisation,
        area_path=row.area_path,
        verifier=verifier,
        rules=held.slug,
        clause=rule.clause,
        publishes=rule.publishes and tier not in rule.bundle,
        bundles=tier in rule.bundle,
        ground=rule.ground,
        told_by=told_by,
        kinds=kinds,
        before={one: _as_it_stands(row, one) for one in kinds},
        after={one: given.after[one].strip() for one in kinds},
        happened_on=given.happened_on,
        explanation=given.explanation.strip(),
        successor_code=given.successor_code.strip(),
        successor_name=given.successor_name.strip(),
        reported_by_id=actor.user_id,
        reported_at=at,
    )


def _as_it_stands(row: Listing, kind: str) -> str:
    known = {
        ChangeKind.NAME: row.name,
        ChangeKind.LEGAL_REPRESENTATIVE: row.organisation.legal_representative,
        ChangeKind.SCOPE: row.organisation.products,
        ChangeKind.ADDRESS: row.site.address,
    }
    return known.get(ChangeKind(kind), "")


@transaction.atomic
def complete(*, reference: str, explanation: str, files: Sequence[UploadedFile], actor: Actor, at: datetime) -> Change:
    """What was returned, with more words or files. Raises NotVisible, NotAllowed, Invalid, WrongState."""
    change = _own(actor, reference)
    if not explanation.strip():
        raise Invalid(_("The change was not reported."), problems={"explanation": [NEEDED]})
    _go(change, change.report_again)
    change.explanation, change.note = explanation.strip(), ""
    change.save()
    for upload in files:
        limits.take("upload", actor=actor, at=at)
        ChangeFile.objects.create(change=change, blob=attachments.store(upload=upload, at=at), added_at=at)
    _record(change, "reported", {"again": True}, actor=actor, at=at)
    _tell_office(change, "change.reported", ("handler",), at, more=f":{at:%Y%m%d%H%M%S}")
    return change


@transaction.atomic
def withdraw(*, reference: str, actor: Actor, at: datetime) -> Change:
    """Raises NotVisible, NotAllowed, WrongState (verified already)."""
    change = _own(actor, reference)
    _go(change, lambda: change.withdraw(at=at))
    change.save()
    _record(change, "withdrawn", {}, actor=actor, at=at)
    return change


def _own(actor: Actor, reference: str) -> Change:
    change = _locked(actor, reference)
    if actor.organisation_id != change.organisation_id:
        raise NotAllowed(_("Only the unit itself says what has changed."))
    return change


# ---- who verifies ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Verification:
    """复核意见: whether it is as reported, whether the unit still meets the standard, what becomes of its place."""

    opinion: str
    agreed: bool
    meets: bool | None = None
    meets_reason: str = ""
    disposition: str = ""


@transaction.atomic
def return_to_unit(*, reference: str, reason: str, actor: Actor, at: datetime) -> Change:
    """Raises NotVisible, NotAllowed, Invalid, WrongState."""
    change = _verified_by(actor, reference)
    if not reason.strip():
        said = _("Say what is lacking: the unit reads it.")
        raise Invalid(said, problems={"reason": [said]})
    _go(change, change.return_to_unit)
    change.note = reason.strip()
    change.save()
    _record(change, "returned", {"reason": change.note}, actor=actor, at=at)
    params = {"authority": change.verifier.name, "reason": change.note}
    _tell_unit(change, "change.returned", params, at, more=f":{at:%Y%m%d%H%M%S}")
    return change


@transaction.atomic
def verify(*, reference: str, given: Verification, actor: Actor, at: datetime) -> Change:
    """A handler's opinion; an approver confirms. Raises NotVisible, NotAllowed, Invalid, WrongState."""
    change = _verified_by(actor, reference)
    problems: dict[str, list[Text]] = {}
    if not given.opinion.strip():
        problems["opinion"] = [_("Write your opinion.")]
    if given.agreed and change.ground and given.meets is None:
        problems["meets"] = [_("Say whether the unit still meets the standard.")]
    if given.meets is False and not given.meets_reason.strip():
        problems["meets_reason"] = [_("Say why it does not meet the standard any more.")]
    if given.agreed and set(change.kinds) & set(WITH_SUCCESSOR) and not given.disposition:
        problems["disposition"] = [_("Say what becomes of the place on the list.")]
    if problems:
        raise Invalid(_("The change was not verified."), problems=problems)
    _go(change, change.verify)
    change.opinion, change.agreed = given.opinion.strip(), given.agreed
    change.meets, change.meets_reason = (given.meets, given.meets_reason.strip()) if given.agreed else (None, "")
    change.disposition = given.disposition if given.agreed else ""
    change.verified_by_id, change.verified_at, change.note = actor.user_id, at, ""
    change.save()
    data = {"agreed": change.agreed, "meets": change.meets, "opinion": change.opinion}
    _record(change, "verified", data, actor=actor, at=at)
    _tell_office(change, "change.to_confirm", ("approver",), at, more=f":{at:%Y%m%d%H%M%S}")
    return change


@transaction.atomic
def hand_back(*, reference: str, note: str, actor: Actor, at: datetime) -> Change:
    """Raises NotVisible, NotAllowed, Invalid, WrongState."""
    change = _confirmed_by(actor, reference)
    if not note.strip():
        said = _("Say why: the handler reads it.")
        raise Invalid(said, problems={"note": [said]})
    _go(change, change.hand_back)
    handler, change.note, change.verified_by_id = change.verified_by_id, note.strip(), None
    change.save()
    _record(change, "handed_back", {"note": change.note}, actor=actor, at=at)
    outbox.notify(
        recipients=[handler] if handler else [],
        event=f"change.handed_back:{change.pk}:{at:%Y%m%d%H%M%S}",
        kind="change.handed_back",
        at=at,
        params={"name": change.listing.name, "reason": change.note},
        link=page_of(change),
    )
    return change


@transaction.atomic
def confirm(*, reference: str, actor: Actor, at: datetime) -> Change:
    """The second person's word. Confirmed: the unit's own data follow at once; what does not meet the standard any more is
    proposed for removal (HLJ-31). Raises NotVisible, NotAllowed, WrongState.
    """
    change = _confirmed_by(actor, reference)
    _go(change, change.confirm if change.agreed else lambda: change.refuse(at=at))
    change.confirmed_by_id, change.confirmed_at = actor.user_id, at
    if change.agreed:
        _follow(change, actor=actor, at=at)
        if change.meets is False:
            change.led_to = _propose_removal(change, actor=actor, at=at)
    change.save()
    _record(change, "confirmed" if change.agreed else "refused", {"led_to": change.led_to}, actor=actor, at=at)
    params = {"authority": change.verifier.name, "outcome": str(change.get_state_display())}
    _tell_unit(change, "change.decided", params, at)
    if change.agreed and not change.bundles:
        owner = change.listing.listbook.owner_id
        outbox.notify(
            recipients=accounts.people_with(owner, OFFICE, china_date(at), change.listing.listbook.category),
            event=f"change.to_settle:{change.pk}",
            kind="change.to_settle",
            at=at,
            params={"authority": change.verifier.name, "name": change.listing.name},
            link=page_of(change),
        )
    return change


def _follow(change: Change, *, actor: Actor, at: datetime) -> None:
    """The organisation and its site are as confirmed; a successor is known from now on."""
    plain = {kind: text for kind, text in change.after.items() if kind not in WITH_SUCCESSOR}
    organisations.follow_change(
        organisation_id=change.organisation_id,
        site_id=change.listing.site_id,
        values=plain,
        on=change.happened_on,
        actor=actor,
        at=at,
    )
    if set(change.kinds) & set(WITH_SUCCESSOR):
        change.successor = organisations.find_or_create_unclaimed(
            code=change.successor_code,
            name=change.successor_name,
            area=change.listing.site.area,
            actor=actor,
            at=at,
        )


def _propose_removal(change: Change, *, actor: Actor, at: datetime) -> str:
    found = standing.change_rule(change.listing)
    ground = None
    if found is not None:
        of_rules = Standing(found[0].version, found[0].bound)
        ground = next((one for one in of_rules.grounds if one.key == change.ground), None)
    if found is None or ground is None:
        return ""
    made = removals.propose_by(
        listing=change.listing,
        standing=of_rules,
        ground=ground,
        reason=change.meets_reason,
        source=RemovalSource.CHANGE,
        subject=("change", change.pk),
        actor=actor,
        at=at,
    )
    return removals.page_of(made)


# ---- the list's owner -----------------------------------------------------------------------------------------------
@transaction.atomic
def take_note(*, reference: str, actor: Actor, at: datetime) -> Change:
    """The list follows without a bulletin, where the rules want none (QHD-15).

    Raises NotVisible, NotAllowed, WrongState, Refused (it is to be published, or sent upward).
    """
    change = _locked(actor, reference)
    if not rules.may_settle(actor, change):
        raise NotAllowed(_("The authority whose list it is lets the list follow."))
    if change.publishes:
        raise Refused(_("The rules want this change published: prepare a bulletin."), code="publish")
    if change.disposition == Disposition.ENDS:
        raise Refused(_("The place ends: a bulletin says so."), code="publish")
    _apply(change, actor=actor, at=at)
    return change


def _apply(change: Change, *, actor: Actor, at: datetime) -> None:
    """Settles it; the place carries the new name."""
    _go(change, lambda: change.settle(at=at))
    change.save()
    row = change.listing
    if row.state != ListingState.REMOVED:
        name = change.after.get(ChangeKind.NAME, "") or row.name
        if change.disposition == Disposition.MOVES and change.successor:
            _hand_over(change, change.successor, actor=actor, at=at)
            name = change.successor.name
        if name != row.name:
            listings.rename(
                listing=row.pk, name=name, area=row.area_name, reason=change.explanation, actor=actor, at=at
            )
    _record(change, "settled", {}, actor=actor, at=at)


def _hand_over(change: Change, successor: Organisation, *, actor: Actor, at: datetime) -> None:
    organisations.hand_site_over(site_id=change.listing.site_id, to=successor, actor=actor, at=at)
    listings.hand_over(listing=change.listing_id, organisation=successor, reason=change.explanation, actor=actor, at=at)


def ready(book: ListBook) -> list[Line]:
    """Confirmed changes that a bulletin of this list prints (JY-21), those sent upward among them."""
    rows = Change.objects.filter(listing__listbook=book, state__in=SETTLED_BY_OWNER)
    return [line_of(row) for row in rows.order_by("pk")]


def require_confirmed(line: BulletinLine) -> None:
    """Raises WrongState when the change behind a line is not confirmed any more."""
    if not Change.objects.filter(pk=line.source_id, state__in=SETTLED_BY_OWNER).exists():
        raise WrongState(_("%(name)s: the change is settled already.") % {"name": line.name})


def settle(line: BulletinLine, bulletin: Bulletin, *, actor: Actor, at: datetime) -> None:
    """After the bulletin is published: what a line printed is settled."""
    if line.source_id is not None:
        _apply(_read(line.source_id), actor=actor, at=at)


def line_of(change: Change) -> Line:
    """How a bulletin prints it: renamed, corrected where the name stays, removed where the place ends."""
    name = change.after.get(ChangeKind.NAME, "")
    if change.disposition == Disposition.MOVES:
        name = change.successor_name
    kind = EntryKind.RENAMED if name else EntryKind.CORRECTED
    if change.disposition == Disposition.ENDS:
        kind, name = EntryKind.REMOVED, ""
    said = "；".join(f"{what}：{before or '—'} → {after}" for what, before, after in change.lines)
    return Line(
        listing=change.listing_id,
        kind=kind,
        reason=said,
        clause=change.clause,
        name=name,
        source=(SOURCE, change.pk),
    )


# ---- upward -----------------------------------------------------------------------------------------------------------
@transaction.atomic
def bundle(*, actor: Actor, category: str, year: int, at: datetime) -> list[UpwardRequest]:
    """The year's confirmed changes of units on higher lists, in one letter to each list's owner (JY-21, HLJ-31).

    Raises NotAllowed, Refused (nothing waits; not the authority below that list).
    """
    waiting = reads.to_bundle(actor, category)
    if not waiting:
        raise Refused(_("No confirmed change waits to be sent upward."))
    made = []
    for owner in dict.fromkeys(row.listing.listbook.owner for row in waiting):
        rows = [row for row in waiting if row.listing.listbook.owner_id == owner.pk]
        letter = upward.draft(
            actor=actor,
            kind=UpwardKind.CHANGE,
            to_authority=owner,
            category=category,
            clause=rows[0].clause,
            title=TITLE % {"year": year, "count": len(rows)},
            text=_letter(rows),
            at=at,
        )
        for row in rows:
            change = _read(row.pk)
            _go(change, change.bundle)
            change.request = letter
            change.save()
            _record(change, "bundled", {"request": letter.reference}, actor=actor, at=at)
        made.append(letter)
    return made


def follow_requests(*, at: datetime) -> int:
    """After the letter: settled, the place follows; refused or given up, the change waits for the next one. Safe to run twice."""
    over = (UpwardState.SETTLED, UpwardState.REFUSED, UpwardState.DROPPED)
    rows = Change.objects.filter(state=ChangeState.BUNDLED, request__state__in=over).order_by("listing_id", "pk")

    @transaction.atomic
    def one(pk: int) -> bool:
        Listing.objects.select_for_update(of=("self",)).get(changes=pk)
        change = _read(pk)
        if change.state != ChangeState.BUNDLED or change.request is None:
            return False
        if change.request.state == UpwardState.SETTLED:
            if change.disposition == Disposition.ENDS and change.listing.state != ListingState.REMOVED:
                return False  # a list ends a place, no word about it: it stays open until that list says so
            _apply(change, actor=SYSTEM, at=at)
            return True
        _go(change, change.unbundle)
        change.request = None
        change.save()
        _record(change, "unbundled", {}, actor=SYSTEM, at=at)
        return True

    return rounds.each(rows.values_list("pk", flat=True), one)


def end_open(*, listing: int, actor: Actor, at: datetime) -> None:
    """The place has ended by whatever document: changes with which it was to end are settled. Inside a transaction."""
    rows = Change.objects.filter(listing=listing, state__in=SETTLED_BY_OWNER, disposition=Disposition.ENDS)
    for pk in rows.order_by("pk").values_list("pk", flat=True):
        _apply(_read(pk), actor=actor, at=at)


def _letter(rows: Sequence[Change]) -> str:
    """One line for each unit; the words of the letter are edited before it is signed."""
    lines = []
    for number, row in enumerate(rows, start=1):
        said = "；".join(f"{what}：{before or '—'} → {after}" for what, before, after in row.lines)
        lines.append(
            f"{number}. {row.listing.name}（{row.listing.code}）：{said}。{row.verifier.name}复核意见：{row.opinion}"
        )
    return "\n".join(lines)


# ---- shared ---------------------------------------------------------------------------------------------------------
def page_of(change: Change) -> str:
    return reverse("dynamics:change", args=[change.reference])


def _read(pk: int) -> Change:
    Change.objects.select_for_update(of=("self",)).get(pk=pk)
    rows = Change.objects.select_related(
        "listing__listbook__owner__area", "listing__site__area", "verifier", "successor", "request"
    )
    return rows.get(pk=pk)


def _locked(actor: Actor, reference: str) -> Change:
    """The listing first, as everywhere. Raises NotVisible."""
    seen = Change.objects.visible_to(actor).filter(reference=reference).only("pk", "listing_id").first()
    if seen is None:
        raise NotVisible
    Listing.objects.select_for_update(of=("self",)).get(pk=seen.listing_id)
    return _read(seen.pk)


def _verified_by(actor: Actor, reference: str) -> Change:
    change = _locked(actor, reference)
    if not rules.may_verify(actor, change):
        raise NotAllowed(_("A handler of the authority that verifies changes of this unit does this."))
    return change


def _confirmed_by(actor: Actor, reference: str) -> Change:
    change = _locked(actor, reference)
    if not rules.may_confirm(actor, change):
        raise NotAllowed(_("An approver of that authority who did not verify it confirms."))
    return change


def _go(change: Change, verb: Any) -> None:
    try:
        verb()
    except TransitionNotAllowed as wrong:
        raise WrongState(_("The change is “%(state)s”.") % {"state": change.get_state_display()}) from wrong


def _record(change: Change, what: str, data: dict[str, Any], *, actor: Actor, at: datetime) -> None:
    audit.record(
        actor=actor,
        subject=("listing", change.listing_id),
        action=f"change.{what}",
        at=at,
        data={"change": change.reference, **data},
    )


def _tell_office(change: Change, kind: str, roles: Sequence[str], at: datetime, more: str = "") -> None:
    outbox.notify(
        recipients=accounts.people_with(change.verifier_id, roles, china_date(at), change.listing.listbook.category),
        event=f"{kind}:{change.pk}{more}",
        kind=kind,
        at=at,
        params={"name": change.listing.name},
        link=page_of(change),
    )


def _tell_unit(change: Change, kind: str, params: dict[str, str], at: datetime, more: str = "") -> None:
    outbox.notify(
        recipients=organisation_reads.told_ids(change.organisation_id),
        event=f"{kind}:{change.pk}{more}",
        kind=kind,
        at=at,
        params={"name": change.listing.name, **params},
        link=page_of(change),
    )
