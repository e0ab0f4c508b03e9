"""Reads of third-party bodies: what the rules say of one, where it may register, bans, work reports, pass rates."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from applications.models import Application, Project, Registration, WhiteList, WorkReport
from applications.selectors.filling import FindingShown
from applications.states import AT_WORK, ProjectState, RegistrationState, State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Area, Authority, places_above
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from greenlist.core.models import Blob
from greenlist.organisations import selectors as organisations
from greenlist.organisations.models import Ban, BodyProfile, BodyProof, Organisation, Supervision
from greenlist.policy import engine, words
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import BodyRules, Finding, Policy, ShownProof, Text
from greenlist.policy.models import RuleSetVersion

DONE = (State.LISTED, State.NOT_LISTED, State.REJECTED, State.DISQUALIFIED)  # decided on their merits


# ---- one body -------------------------------------------------------------------------------------------------------
def bodies_seen(actor: Actor) -> QuerySet[Organisation]:
    """Bodies an official has to do with: registered here, approved above or here, at work or diagnosing in the area."""
    everybody = Organisation.objects.filter(kind=Organisation.Kind.BODY).select_related("area")
    if not (actor.is_official and actor.area_path):
        return everybody.none()
    path = actor.area_path
    asked = Registration.objects.visible_to(actor).values("body_id")
    working = Project.objects.filter(application__site__area__path__startswith=path, state__in=AT_WORK).values(
        "body_id"
    )
    shown = BodyProof.objects.standing().filter(area__path__startswith=path).values("organisation_id")
    return everybody.filter(Q(area__path__startswith=path) | Q(pk__in=asked) | Q(pk__in=working) | Q(pk__in=shown))


def body_seen(actor: Actor, pk: int) -> Organisation:
    """Raises NotVisible."""
    found = bodies_seen(actor).filter(pk=pk).first()
    if found is None:
        raise NotVisible
    return found


def proofs_of(body: Organisation) -> list[BodyProof]:
    """The standing proofs, each with its file and place."""
    rows = BodyProof.objects.standing().filter(organisation=body).select_related("blob", "area", "decided_for")
    return list(rows)


def proof_seen(actor: Actor, pk: int) -> BodyProof:
    """Raises NotVisible."""
    rows = BodyProof.objects.standing().select_related("blob", "area")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotVisible
    if not BodyProof.objects.visible_to(actor).filter(pk=pk).exists():
        body_seen(actor, found.organisation_id)
    return found


def qualify(rules: BodyRules, point: str, body: Organisation, on: date) -> tuple[Finding, ...]:
    """What conditions and proofs say of a body at a point; four queries."""
    profile = organisations.body_profile(body)
    experience = list(profile.experience.all()) if profile.pk else []
    shown = [ShownProof("experience", one.ended_on, confirmed=True, evidence=one.title) for one in experience] + [
        ShownProof(one.kind, one.done_on, one.area.path if one.area else "", bool(one.confirmed), str(one))
        for one in proofs_of(body)
        if one.done_on is not None and one.confirmed is not False
    ]
    return engine.bodies.qualify(rules, point, organisations.facts_of_body(profile), shown, on)


def shown_finding(rules: Policy, one: Finding) -> FindingShown:
    """A finding about a body as the pages show it; without a call there is no call layer."""
    clause = rules.clauses.get(one.clause)
    label = one.params.get("label")
    return FindingShown(
        outcome=one.outcome.value,
        text=words.sentence(one),
        rule=words.text(Text(**label)) if isinstance(label, Mapping) else "",
        article=clause.article if clause else "",
        clause_text=words.text(clause.text) if clause else "",
        evidence=tuple(text for text in one.evidence if text),
        source=words.source(one),
    )


# ---- where to register ----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Office:
    """An authority that approves bodies, and the rule set that says so (HLJ-24a)."""

    authority: Authority
    version: RuleSetVersion
    policy: Policy

    @property
    def rules(self) -> BodyRules:
        return self.policy.bodies


def _owner(version: RuleSetVersion) -> Area | None:
    return Area.objects.filter(slug=version.rule_set.owner).first()


def offices() -> list[Office]:
    """Every authority that approves bodies, each once, by the first of its rule sets."""
    found: dict[int, Office] = {}
    for version in policy.all_current():
        rules = policy.policy(version)
        area = _owner(version) if rules.bodies.approval else None
        if rules.bodies.approval is None or area is None:
            continue
        authority = accounts.industry_authority(area, rules.bodies.approval.by)
        if authority is not None:
            found.setdefault(authority.pk, Office(authority, version, rules))
    return list(found.values())


def office(authority_id: int) -> Office:
    """Raises NotVisible."""
    for one in offices():
        if one.authority.pk == authority_id:
            return one
    raise NotVisible


def rule_sets_of(authority: Authority | None, authority_id: int | None = None) -> list[Policy]:
    """Rule sets kept by an authority (its area owns them), as the engine has them."""
    row = authority or Authority.objects.select_related("area").filter(pk=authority_id).first()
    if row is None:
        return []
    versions = policy.all_current().filter(rule_set__owner=row.area.slug)
    return [policy.policy(version) for version in versions]


def rule_sets_with_body() -> list[RuleSetVersion]:
    """Newest versions that offer the third-party mode."""
    return [version for version in policy.all_current() if "body" in policy.policy(version).modes]


def standing(body_id: int, authority_id: int) -> Registration | None:
    """The registration that waits or is approved."""
    rows = Registration.objects.filter(body_id=body_id, authority_id=authority_id)
    return rows.filter(state__in=(RegistrationState.SUBMITTED, RegistrationState.APPROVED)).first()


def is_approved(body_id: int, by: str, owner: Area) -> bool:
    """Whether the authority of this tier above the list's owner has approved the body."""
    authority = accounts.industry_authority(owner, by)
    rows = Registration.objects.approved().filter(body_id=body_id, authority=authority)
    return authority is not None and rows.exists()


def approved_for(area: Area) -> list[Organisation]:
    """Bodies that the authority of a place, or one above it, has approved; each once, by name."""
    rows = Registration.objects.approved().filter(authority__area__path__in=places_above(area.path))
    return list(Organisation.objects.filter(pk__in=rows.values("body_id")).order_by("name", "pk"))


def white_codes(area: Area) -> set[str]:
    """Credit codes on the newest list that a place has published and that commends them (HLJ-25)."""
    found = published(area.slug)
    return {row["code"] for row in found.rows if row.get("white")} if found else set()


def banned(path: str, on: date) -> set[int]:
    """Bodies under a ban over a place that day; one query."""
    return set(Ban.objects.running(on).over(path).values_list("organisation_id", flat=True))


def registration_seen(actor: Actor, pk: int) -> Registration:
    """Raises NotVisible."""
    rows = Registration.objects.visible_to(actor).select_related("body__area", "authority__area", "rules__rule_set")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotVisible
    return found


def waiting_for(actor: Actor) -> list[Registration]:
    """Registrations that wait for this authority's word, the oldest first."""
    rows = Registration.objects.filter(authority_id=actor.authority_id, state=RegistrationState.SUBMITTED)
    return list(rows.select_related("body").order_by("submitted_at", "pk")[:50])


# ---- bans -----------------------------------------------------------------------------------------------------------
def ban_over(body_id: int, path: str, on: date) -> Ban | None:
    """The ban that keeps a body from being accepted in a place that day; the longest where there are several."""
    rows = Ban.objects.running(on).over(path).filter(organisation_id=body_id)
    return rows.order_by("-until").first()


def banned_cases(case_ids: Iterable[int], on: date) -> set[int]:
    """Those of these applications that rest on a body under a ban of the list's own area (HEB-2.4b); two queries."""
    rows = Project.objects.live().filter(application__in=list(case_ids))
    pairs = list(rows.values_list("application_id", "body_id", "application__call__owner__area__path"))
    bans = Ban.objects.running(on).filter(organisation_id__in={body for _case, body, _path in pairs})
    held = set(bans.values_list("organisation_id", "authority__area__path")) if pairs else set()
    return {case for case, body, path in pairs if any((body, above) in held for above in places_above(path))}


# ---- what they did --------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Rate:
    """How a body's evaluations fared in one area."""

    body: Organisation
    accepted: int
    reported: int
    decided: int
    listed: int

    @property
    def percent(self) -> str:
        """Of those decided on their merits; empty while none is."""
        return f"{self.listed * 100 / self.decided:.1f}" if self.decided else ""


def counts_of(body_id: int, path: str, year: int | None = None) -> dict[str, int]:
    """Accepted, reported, decided and listed projects for lists of an area (of a year, if given)."""
    return _counts(Project.objects.filter(body_id=body_id), path, year).get(body_id, dict.fromkeys(KINDS, 0))


KINDS = ("accepted", "reported", "decided", "listed")


def _counts(rows: QuerySet[Project], path: str, year: int | None) -> dict[int, dict[str, int]]:
    rows = rows.filter(state__in=AT_WORK, application__call__owner__area__path__startswith=path)
    if year is not None:
        rows = rows.filter(year=year)
    found: dict[int, Counter[str]] = {}
    for body, state, case in rows.values_list("body_id", "state", "application__state"):
        counter = found.setdefault(body, Counter())
        counter["accepted"] += 1
        counter["reported"] += state == ProjectState.REPORTED
        counter["decided"] += state == ProjectState.REPORTED and case in DONE
        counter["listed"] += state == ProjectState.REPORTED and case == State.LISTED
    return {body: {kind: counter[kind] for kind in KINDS} for body, counter in found.items()}


def rates(path: str, year: int | None = None) -> list[Rate]:
    """Pass rates of all bodies at work in an area, the best first (HLJ-25); two queries."""
    counted = _counts(Project.objects.all(), path, year)
    bodies = Organisation.objects.in_bulk(counted)
    found = [Rate(bodies[pk], **numbers) for pk, numbers in counted.items()]
    return sorted(found, key=lambda one: (-(one.listed / one.decided if one.decided else 0), one.body.name))


# ---- work reports ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Owed:
    """A work report a body owes an authority for a year (HLJ-25)."""

    office: Authority
    policy: Policy
    year: int
    due_on: date
    report: WorkReport | None

    @property
    def clause(self) -> str:
        """The article, as people know it."""
        found = self.policy.clauses.get(self.policy.bodies.report.clause) if self.policy.bodies.report else None
        return found.article if found else ""


def reporting() -> list[tuple[Authority, Policy]]:
    """Authorities that get work reports: those whose rule set asks for them, each once."""
    found: dict[int, tuple[Authority, Policy]] = {}
    for version in policy.all_current():
        rules = policy.policy(version)
        area = _owner(version) if rules.bodies.report else None
        authority = accounts.industry_authority(area, rules.header.tier) if area else None
        if authority is None and area is not None:  # a national list is run by the province that owns the rules
            authority = next(iter(accounts.authorities(path=area.path)), None)
        if authority is not None:
            found.setdefault(authority.pk, (authority, rules))
    return list(found.values())


def worked(authority: Authority, year: int) -> set[int]:
    """Bodies that owe an authority a report for a year: approved by then, or with a project for a list of its area."""
    path = authority.area.path
    projects = Project.objects.filter(application__call__owner__area__path__startswith=path, year=year)
    busy = set(projects.filter(state__in=(*AT_WORK, ProjectState.ENDED)).values_list("body_id", flat=True))
    approved = Registration.objects.approved().filter(authority=authority, decided_at__year__lte=year)
    return busy | set(approved.values_list("body_id", flat=True))


def owed_by(body: Organisation, year: int) -> list[Owed]:
    """What a body has to report for a year."""
    filed = {row.authority_id: row for row in WorkReport.objects.filter(body=body, year=year)}
    return [
        Owed(authority, rules, year, rules.bodies.report.due(year), filed.get(authority.pk))
        for authority, rules in reporting()
        if rules.bodies.report and body.pk in worked(authority, year)
    ]


# ---- supervision and publication ------------------------------------------------------------------------------------
def supervisions(actor: Actor) -> QuerySet[Supervision]:
    """Findings the authority wrote or was sent, newest first."""
    rows = Supervision.objects.visible_to(actor).select_related("organisation", "authority", "sent_to", "evidence")
    return rows.order_by("-pk")


def supervision_seen(actor: Actor, pk: int) -> Supervision:
    """Raises NotVisible."""
    found = supervisions(actor).filter(pk=pk).first()
    if found is None:
        raise NotVisible
    return found


def published(place: str) -> WhiteList | None:
    """The newest list a place has published."""
    rows = WhiteList.objects.filter(authority__area__slug=place).select_related("authority")
    return rows.order_by("-pk").first()


def cases_resting_on(body: Organisation, path: str) -> Sequence[Application]:
    """Open applications for lists of an area that rest on a body's evaluation."""
    projects = Project.objects.live().filter(body=body, application__call__owner__area__path__startswith=path)
    rows = Application.objects.open().filter(pk__in=projects.values("application_id"))
    return list(rows.select_related("call__owner", "desk").order_by("pk"))


def ban_text(ban: Ban) -> str:
    """One line about a running ban."""
    given = {"ground": ban.get_ground_display(), "day": ban.until.isoformat(), "authority": ban.authority.name}
    return _("%(ground)s: nothing of this body is accepted until %(day)s (%(authority)s)") % given


# ---- pages ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Asked:
    """One authority that approves bodies, and how far this body is with it."""

    office: Office
    row: Registration | None
    findings: tuple[FindingShown, ...]

    @property
    def may_ask(self) -> bool:
        return self.row is None or self.row.state in (RegistrationState.REFUSED, RegistrationState.REVOKED)


@dataclass(frozen=True, slots=True)
class BodyPage:
    """Everything that is filed about a body; an official sees of registrations, reports and bans what is theirs."""

    body: Organisation
    profile: BodyProfile
    staff: tuple[Any, ...]
    experience: tuple[Any, ...]
    proofs: tuple[BodyProof, ...]
    registrations: tuple[Registration, ...]
    bans: tuple[Ban, ...]
    reports: tuple[WorkReport, ...]
    asked: tuple[Asked, ...] = ()
    owed: tuple[Owed, ...] = ()


def body_page(actor: Actor, body: Organisation, on: date, *, own: bool) -> BodyPage:
    """For the body itself with what it may ask for and what it owes."""
    profile = organisations.body_profile(body)
    registrations = tuple(
        Registration.objects.visible_to(actor).filter(body=body).select_related("authority", "rules__rule_set")
    )
    bans = Ban.objects.filter(organisation=body).select_related("authority", "evidence").order_by("-since", "-pk")
    reports = WorkReport.objects.visible_to(actor).filter(body=body).select_related("authority", "blob")
    return BodyPage(
        body=body,
        profile=profile,
        staff=tuple(profile.staff.all()) if profile.pk else (),
        experience=tuple(profile.experience.all()) if profile.pk else (),
        proofs=tuple(proofs_of(body)),
        registrations=registrations,
        bans=tuple(bans),
        reports=tuple(reports),
        asked=tuple(_asked(one, body, registrations, on) for one in offices()) if own else (),
        owed=tuple(owed_by(body, on.year)) if own else (),
    )


def _asked(one: Office, body: Organisation, rows: Iterable[Registration], on: date) -> Asked:
    row = next((row for row in rows if row.authority_id == one.authority.pk), None)
    found = qualify(one.rules, "register", body, on)
    return Asked(one, row, tuple(shown_finding(one.policy, finding) for finding in found))


def registration_findings(row: Registration) -> tuple[FindingShown, ...]:
    """As they were when the body asked."""
    rules = policy.policy(row.rules)
    return tuple(shown_finding(rules, Finding.from_json(one)) for one in row.findings)


def file_seen(actor: Actor, kind: str, pk: int) -> Blob:
    """A file behind a proof, a ban, a supervision record or a work report. Raises NotVisible."""
    blob = _FILES[kind](actor, pk) if kind in _FILES else None
    if blob is None:
        raise NotVisible
    return blob


def _ban_file(actor: Actor, pk: int) -> Blob | None:
    row = Ban.objects.select_related("evidence").filter(pk=pk).first()
    if row is None:
        raise NotVisible
    if actor.organisation_id != row.organisation_id:
        body_seen(actor, row.organisation_id)
    return row.evidence


def _report_file(actor: Actor, pk: int) -> Blob | None:
    row = WorkReport.objects.visible_to(actor).select_related("blob").filter(pk=pk).first()
    return row.blob if row else None


_FILES = {
    "proof": lambda actor, pk: proof_seen(actor, pk).blob,
    "supervision": lambda actor, pk: supervision_seen(actor, pk).evidence,
    "ban": _ban_file,
    "report": _report_file,
}
