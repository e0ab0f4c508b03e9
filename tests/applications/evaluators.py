"""Third-party bodies for tests: the city's rules with the third-party mode and small numbers, bodies with all they need."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from applications.models import Application, Call, Project, Registration
from applications.services import bodies, drafts, projects
from greenlist.core.actors import SYSTEM
from greenlist.organisations import services as organisations
from greenlist.organisations.models import BodyProof, BodyStaff, Organisation
from greenlist.policy import services as policies
from tests import factories
from tests.applications import filled
from tests.world import World

SPRING = filled.SPRING
TABLES = """
[[body]]
key = "staff"
kind = "condition"
if = ["body.staff_middle_or_above", ">=", 2]
label = { zh = "中级及以上两人", en = "Two of middle title or above" }
clause = "QHD-9"
[[body]]
key = "senior"
kind = "condition"
if = ["body.staff_senior", ">=", 1]
label = { zh = "高级一人", en = "One of senior title" }
clause = "QHD-9"
[[body]]
key = "experience"
kind = "proof"
proof = "experience"
years = 5
confirm = false
at = ["register"]
label = { zh = "近五年经历", en = "Experience within five years" }
clause = "QHD-9"
[[body]]
key = "diagnosis"
kind = "proof"
proof = "free_diagnosis"
years = 3
within = "130000"
at = ["project"]
label = { zh = "三年内免费节能诊断", en = "A free diagnosis within three years" }
clause = "QHD-9"
[[body]]
key = "approval"
kind = "approval"
by = "province"
label = { zh = "省级审核同意", en = "Approval of the province" }
clause = "QHD-9"
[[body]]
key = "cap"
kind = "cap"
limit = 2
per = "batch"
group = "legal_person"
label = { zh = "同一法人两个", en = "Two per legal person" }
clause = "QHD-9"
[[body]]
key = "yearly"
kind = "cap"
limit = 2
per = "calendar_year"
group = "legal_representative"
label = { zh = "同一法定代表人一年两个", en = "Two a year per legal representative" }
clause = "QHD-10a"
[[body]]
key = "ban"
kind = "ban"
grounds = ["fraud", "concealment"]
years = 3
withdraws = true
label = { zh = "三年内不予采信", en = "Nothing accepted for three years" }
clause = "QHD-14.2"
[[body]]
key = "public_benefit"
kind = "statement"
by = "body"
on = "project"
text = { zh = "不谋取暴利，不承诺结果。", en = "No profiteering, no promise of result." }
clause = "QHD-9"
[[body]]
key = "truth"
kind = "statement"
by = "body"
on = "report"
text = { zh = "机构对报告真实性负责。", en = "The body answers for the report." }
clause = "QHD-9"
[[body]]
key = "truth_too"
kind = "statement"
by = "applicant"
on = "report"
text = { zh = "企业对材料真实性负责。", en = "The firm answers for its material." }
clause = "QHD-9"
[[body]]
key = "yearbook"
kind = "work_report"
due = "12-31"
remind = [30, 7, 1]
label = { zh = "年度工作报告", en = "Annual work report" }
clause = "QHD-9"
[[body]]
key = "published"
kind = "publication"
text = { zh = "公布通过率和白名单", en = "Pass rates and a white list" }
clause = "QHD-9"
[[body]]
key = "watch"
kind = "supervision"
text = { zh = "监督并及时上报", en = "Supervision, reported upward" }
clause = "QHD-9"
[[body]]
key = "process"
kind = "reference"
text = { zh = "可参照第三方评价工作要求", en = "The third-party process may serve as reference" }
clause = "QHD-9"
[[eligibility]]
key = "body_not_banned"
if = ["body.banned", "is", false]
else = "block"
label = { zh = "评价机构不在禁止期内", en = "The body is under no ban" }
clause = "QHD-14.2"
"""


def load_rules(*, tables: str = TABLES, modes: str = '["self", "body"]') -> None:
    """The shipped rules, and on top a version of the city's with the third-party mode."""
    filled.load_rules()
    path = Path(settings.POLICIES_DIR) / "qinhuangdao" / "policy.toml"
    text = path.read_text().replace('modes = ["self"]', f"modes = {modes}")
    policies.store_uploaded(
        files={"policy.toml": (text + tables).encode()}, actor=SYSTEM, at=SPRING, slug="qinhuangdao"
    )


IDENTITY = "11010119800101{:03d}"


def identity(serial: int) -> str:
    """An invented resident's number with a right check digit."""
    body = f"11010119800101{serial:03d}"
    total = (1 - 2 * int(body, 13)) % 11
    return body + ("X" if total == 10 else str(total))


def body(
    world: World, who: str = "evaluator", *, person: int = 1, serial: int = 7001, legal_person: str = ""
) -> Organisation:
    """A confirmed body in 海港区 with a full profile; whoever is no character yet becomes its owner."""
    if who not in world.orgs:
        name = f"示例绿色评价{serial}有限公司"
        fresh = factories.organisation(world.areas["130302"], name, serial=serial, kind=Organisation.Kind.BODY)
        Organisation.objects.filter(pk=fresh.pk).update(claim=Organisation.Claim.CONFIRMED)
        world.orgs[who] = Organisation.objects.get(pk=fresh.pk)
        world.users[who] = factories.person(f"评价人{serial}", username=who)
        world.memberships[who] = factories.member(world.users[who], world.orgs[who], "owner")
    made = world.orgs[who]
    Organisation.objects.filter(pk=made.pk).update(area=world.areas["130302"])
    made.refresh_from_db()
    actor = world.actor(who)
    given: dict[str, Any] = {"organisation_id": made.pk, "actor": actor, "at": SPRING}
    face = organisations.BodyInput(
        legal_representative="赵示例",
        identity=identity(person),
        legal_person_code=legal_person,
        legal_form="firm",
        registered_in_china=True,
        fixed_office=True,
        finance_rules=True,
    )
    organisations.change_body(profile=face, **given)
    for level in (BodyStaff.Level.SENIOR, BodyStaff.Level.MIDDLE):
        organisations.add_staff(name="钱示例", level=level, field="energy", full_time=True, **given)
    organisations.add_experience(kind="evaluation", title="示例评价项目", led=True, ended_on=date(2024, 6, 1), **given)
    return made


def diagnosis(world: World, who: str = "evaluator", *, confirmed: bool = True) -> BodyProof:
    """A free diagnosis of the rival's firm, confirmed by the province."""
    proof = organisations.add_proof(
        organisation_id=world.orgs[who].pk,
        kind="free_diagnosis",
        upload=filled.picture("诊断.png"),
        firm="昌黎示例食品有限公司",
        area=world.areas["130322"],
        done_on=date(2025, 6, 1),
        actor=world.actor(who),
        at=SPRING,
    )
    if confirmed:
        actor = world.actor("province_handler")
        organisations.decide_proof(proof_id=proof.pk, confirmed=True, actor=actor, at=SPRING)
    return proof


def registered(world: World, who: str = "evaluator", at: datetime = SPRING) -> Registration:
    """Asked, not decided."""
    return bodies.register(
        actor=world.actor(who), at=at, authority_id=world.province.pk, signed_name="赵示例", agreed=True
    )


def approved(world: World, who: str = "evaluator", **given: Any) -> Organisation:
    """A body that may work: full profile, diagnosis confirmed, approved by the province."""
    made = body(world, who, **given)
    diagnosis(world, who)
    row = registered(world, who)
    bodies.decide(actor=world.actor("province_approver"), at=SPRING, registration_id=row.pk, approve=True)
    return made


def begun(world: World, call: Call, *, who: str = "applicant", site: str = "org", at: datetime = SPRING) -> Application:
    """A draft in third-party mode."""
    place = world.sites[site]
    return drafts.start(actor=world.actor(who), at=at, call_id=call.pk, site_id=place.pk, mode="body")


def offered(
    world: World, case: Application, to: str = "evaluator", *, who: str = "applicant", at: datetime = SPRING
) -> Project:
    return projects.invite(actor=world.actor(who), at=at, reference=case.reference, body_id=world.orgs[to].pk)


def accept(world: World, project: Project, who: str = "evaluator", at: datetime = SPRING) -> Project:
    return projects.accept(
        actor=world.actor(who), at=at, reference=project.reference, signed_name="赵示例", agreed=True
    )


def at_work(world: World, call: Call, *, at: datetime = SPRING, until: date = date(2026, 4, 30)) -> Project:
    """Accepted and the report released to the body."""
    project = accept(world, offered(world, begun(world, call, at=at), at=at), at=at)
    projects.release(actor=world.actor("applicant"), at=at, reference=project.reference, ends_on=until)
    return project


def sign(world: World, project: Project, who: str = "evaluator", at: datetime = SPRING, **given: Any) -> Project:
    assert project.application is not None
    named = {"digest": filled.digest_of(project.application), "signed_name": "赵示例", "agreed": True, **given}
    return projects.sign_report(actor=world.actor(who), at=at, reference=project.reference, **named)
