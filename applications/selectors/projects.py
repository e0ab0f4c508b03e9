"""Reads of evaluation projects: who evaluates which application, how many places are taken, what was signed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Q, QuerySet

from applications.models import Application, BodyNote, Call, Project, Release, SignedStatement
from applications.selectors import bodies, calls, drafts
from applications.states import COUNTED
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from greenlist.organisations.models import BodyProfile, Organisation
from greenlist.policy import engine
from greenlist.policy.engine.types import BodyRules, BoundPolicy, Cap, Finding, Statement, Text

BODY = "body"  # who signs
ROWS = (
    "body__area",
    *("application__call__rules__rule_set", "application__call__owner__area"),
    *("application__organisation__area", "application__site__area", "application__report", "application__desk"),
)
# The portal's own words where a rule set offers the third-party mode and names none: nobody submits unsigned.
TRUTH = Statement(
    "truth",
    BODY,
    "report",
    Text(
        zh="本机构对评价报告内容的真实性、准确性负责。",
        en="This body answers for the truth and accuracy of the evaluation report.",
    ),
    "",
)


def batch_of(slug: str, year: int, round_: int) -> str:
    """One round of one rule set: its factories, parks and supply chains together (HEB-2.4c)."""
    return f"{slug}:{year}:{round_}"


def batch_of_call(call: Call) -> str:
    return batch_of(call.rules.rule_set.slug, call.year, call.round)


# ---- who evaluates --------------------------------------------------------------------------------------------------
def live_project(case: Application) -> Project | None:
    """The project of an application that is offered or at work."""
    return Project.objects.live().filter(application=case).select_related("body__area").first()


def bodies_of(case_ids: Iterable[int]) -> dict[int, str]:
    """Names of the bodies at work on these applications; one query."""
    rows = Project.objects.at_work().filter(application__in=list(case_ids))
    return dict(rows.values_list("application_id", "body__name"))


def body_ids_of(case_ids: Iterable[int]) -> dict[int, int]:
    """Keys of the bodies that work or worked on these applications' reports; one query."""
    rows = Project.objects.at_work().filter(application__in=list(case_ids))
    return dict(rows.values_list("application_id", "body_id"))


def project_seen(actor: Actor, reference: str) -> Project:
    """Raises NotVisible."""
    rows = Project.objects.visible_to(actor).select_related(*ROWS).filter(reference=reference)
    found = rows.defer(*(f"application__{name}" for name in calls.HEAVY_OF_CASE)).first()
    if found is None:
        raise NotVisible
    return found


def notes_seen(actor: Actor) -> QuerySet[BodyNote]:
    """Suggestions and follow-ups, newest first; one query."""
    return BodyNote.objects.visible_to(actor).select_related("body", "unit", "project", "to").order_by("-pk")


def projects_of(actor: Actor) -> QuerySet[Project]:
    """The projects of a body, newest first."""
    rows = Project.objects.visible_to(actor).select_related("application__call", "application__organisation")
    return rows.defer("application__call__text").order_by("-pk")


def live_release(case: Application | int) -> Release | None:
    pk = case if isinstance(case, int) else case.pk
    return Release.objects.live().filter(application_id=pk).first()


def offered_bodies(case: Application, bound: BoundPolicy, on: date) -> list[Organisation]:
    """Bodies an applicant may ask: confirmed, approved where the rules want it, under no ban of the list's area."""
    rules, owner = engine.bodies.of(bound), case.call.owner.area
    rows = Organisation.objects.filter(kind=Organisation.Kind.BODY, claim=Organisation.Claim.CONFIRMED)
    if rules.approval:
        authority = bodies.accounts.industry_authority(owner, rules.approval.by)
        approved = bodies.Registration.objects.approved().filter(authority=authority)
        rows = rows.filter(pk__in=approved.values("body_id"))
    banned = bodies.Ban.objects.running(on).over(owner.path).values("organisation_id")
    return list(rows.exclude(pk__in=banned).select_related("area").order_by("name")[:200])


# ---- what the rules say ---------------------------------------------------------------------------------------------
def judge(bound: BoundPolicy, body: Organisation, call: Call, on: date) -> list[Finding]:
    """Whether a body may evaluate for a call at all: ban, approval, conditions (HEB-2.4a, HLJ-24a). Caps come apart."""
    rules, owner = engine.bodies.of(bound), call.owner.area
    found: list[Finding] = []
    if ban := bodies.ban_over(body.pk, owner.path, on):
        found.append(engine.bodies.banned(rules.ban, ban.until))
    if rules.approval:
        approved = bodies.is_approved(body.pk, rules.approval.by, owner)
        found.append(engine.bodies.approved(rules.approval, is_approved=approved))
    return [*found, *bodies.qualify(rules, "project", body, on)]


def group_of(profile: BodyProfile, cap: Cap) -> tuple[str, str]:
    """The field a cap counts by, and this body's key in it."""
    if cap.group == "legal_person":
        return "legal_person_code", profile.legal_person_code
    return "representative_key", profile.representative_key


def taken(cap: Cap, profile: BodyProfile, *, batch: str, year: int) -> int:
    """Places under a cap that are gone, of all bodies of the same person: by the key of the day and by the present one."""
    name, key = group_of(profile, cap)
    same = Q(**{name: key}) | Q(**{f"body__body_profile__{name}": key})
    rows = Project.objects.filter(same if key else Q(body=profile.organisation_id), state__in=COUNTED)
    rows = rows.filter(batch=batch) if cap.per == "batch" else rows.filter(year=year)
    return (rows.filter(tier__in=cap.tiers) if cap.tiers else rows).distinct().count()


def rooms(rules: BodyRules, profile: BodyProfile, *, tier: str, batch: str, year: int) -> list[Finding]:
    """What each cap that concerns a list of this tier says now."""
    asked = [cap for cap in rules.caps if not cap.tiers or tier in cap.tiers]
    return [engine.bodies.room(cap, taken(cap, profile, batch=batch, year=year)) for cap in asked]


def lacks_key(rules: BodyRules, profile: BodyProfile) -> Cap | None:
    """The first cap that counts by a key the profile does not give."""
    return next((cap for cap in rules.caps if not group_of(profile, cap)[1]), None)


# ---- statements -----------------------------------------------------------------------------------------------------
def to_sign(bound: BoundPolicy) -> tuple[Statement, ...]:
    """What the body signs about a report (JY-11c, HEB-1b, HLJ-13)."""
    return engine.bodies.of(bound).signed("report") or (TRUTH,)


def to_sign_by_applicant(bound: BoundPolicy) -> tuple[Statement, ...]:
    """What the applicant signs beside its declaration of truth (JY-11c)."""
    return engine.bodies.of(bound).signed("report", "applicant")


def digest_now(case: Application) -> str:
    """The digest a statement about the report would name now; three queries."""
    return drafts.digest(drafts.draft_of(case, drafts.form_of(case)).content(), case.report)


def signed_reports(project: Project) -> list[SignedStatement]:
    """The body's statements about the report, newest first."""
    return list(SignedStatement.objects.filter(project=project, by=BODY).exclude(digest="").order_by("-pk"))


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the evaluation of one application is, as both sides see it."""

    project: Project | None
    release: Release | None
    signed: Sequence[SignedStatement]  # about the report as it now is
    void: Sequence[SignedStatement]  # about an earlier state of it
    wanted: tuple[Statement, ...]

    @property
    def is_signed(self) -> bool:
        return {one.key for one in self.signed} >= {one.key for one in self.wanted}


def standing(case: Application, bound: BoundPolicy, digest: str) -> Standing:
    """Three queries."""
    project = live_project(case)
    if project is None:
        return Standing(None, None, (), (), to_sign(bound))
    rows = signed_reports(project)
    return Standing(
        project=project,
        release=live_release(case),
        signed=[one for one in rows if one.digest == digest],
        void=[one for one in rows if one.digest != digest],
        wanted=to_sign(bound),
    )
