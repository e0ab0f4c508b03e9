"""Answers to findings: by whom, with what, a waiver only where the rules allow one; what it does to the checks."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from applications import selectors
from applications.documents import checks as papers
from applications.models import Hit, HitAnswer
from applications.services import checks, hits, sweep
from applications.states import HitState, State
from greenlist.core.actors import SYSTEM
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import AuditEntry, Notification
from greenlist.organisations.models import AdverseRecord
from greenlist.policy import services as policies
from greenlist.policy.engine.types import Outcome
from greenlist.portal.demo.answers import PAPER
from tests import factories
from tests.applications import county, filled
from tests.rendering import content as rendered
from tests.rendering import fetched
from tests.world import World

MAY = datetime.fromisoformat("2026-05-06T10:00:00+08:00")


@pytest.fixture
def call(world: World) -> Any:
    county.load_rules()
    return county.open_call(world)


@pytest.fixture
def case(world: World, call: Any) -> Any:
    return county.case(world, call)


def found(world: World, kind: str = "safety", severity: int = 2) -> Hit:
    factories.adverse(world.org, kind, date(2026, 3, 1), severity)
    sweep.sweep(at=MAY)
    return Hit.objects.get()


def waivable(monkeypatch: Any, call: Any, *, four_eyes: bool) -> None:
    bound = selectors.rules_of(call)
    vetoes = tuple(replace(one, waivable=True, four_eyes=four_eyes) for one in bound.vetoes)
    changed = replace(bound, vetoes=vetoes)
    monkeypatch.setattr(selectors, "rules_of", lambda _call: changed)
    monkeypatch.setattr("applications.selectors.hits.rules_of_call", lambda _call: changed)


def say(hit: Hit, actor: Any, word: str = "stands", **changes: Any) -> HitAnswer:
    return hits.answer(
        **{"hit_id": hit.pk, "word": word, "reason": "已核实，见附件", "actor": actor, "at": MAY} | changes
    )


def outcomes(case: Any) -> dict[str, Outcome]:
    return {one.rule: one.outcome for one in checks.look(case=case, point="recommend", at=MAY)}


@pytest.mark.authz
def test_the_authority_answers_and_nobody_else(world: World, case: Any) -> None:
    hit = found(world)
    for character in ("other_county_handler", "other_city_handler", "applicant", "rival", "expert", "anonymous"):
        with pytest.raises(NotVisible):
            say(hit, world.actor(character))
    type(case).objects.filter(pk=case.pk).update(reached=2)
    with pytest.raises(NotAllowed):  # sees it, but neither was told nor has the case
        say(hit, world.actor("city_handler"))
    say(hit, world.actor("county_handler"))
    hit.refresh_from_db()
    assert (hit.state, hit.word) == (HitState.ANSWERED, f"{world.county.name}：已核实，见附件")
    assert outcomes(case)["veto.accident"] is Outcome.BLOCK  # an answer explains, it lifts nothing
    entry = AuditEntry.objects.filter(subject_kind="case", action="hit.answered").get()
    assert entry.subject_id == str(case.pk)


def test_an_answer_has_a_reason_and_a_word(world: World, case: Any) -> None:
    hit, actor = found(world), world.actor("county_handler")
    for changes in ({"reason": " "}, {"word": "maybe"}):
        with pytest.raises(Invalid):
            say(hit, actor, **changes)
    assert not HitAnswer.objects.exists()


@pytest.mark.clause("HEB-1d.0")
def test_no_waiver_where_the_rules_allow_none(world: World, case: Any) -> None:
    hit = found(world)
    for character in ("county_handler", "county_approver"):
        with pytest.raises(Refused) as refused:
            say(hit, world.actor(character), "waive")
        assert (refused.value.code, refused.value.clause) == ("no_waiver", "QHD-5.4")
    with pytest.raises(Refused):  # nor can what is certain be dismissed
        say(hit, world.actor("county_approver"), "dismiss")
    assert outcomes(case)["veto.accident"] is Outcome.BLOCK


def test_what_is_to_be_confirmed_may_be_dismissed(world: World, case: Any) -> None:
    hit = found(world, severity=0)
    assert outcomes(case)["veto.accident"] is Outcome.CONFIRM
    say(hit, world.actor("county_handler"), "dismiss", reason="经调查不构成事故")
    seen = {one.rule: one for one in checks.look(case=case, point="recommend", at=MAY)}
    assert seen["veto.accident"].outcome is Outcome.WARN
    assert seen["veto.accident"].evidence == ("信用中国", f"{world.county.name}：经调查不构成事故")
    AdverseRecord.objects.update(severity=3)  # graded after all: the word was about something else
    assert outcomes(case)["veto.accident"] is Outcome.BLOCK
    sweep.sweep(at=MAY)
    hit.refresh_from_db()
    assert (hit.state, hit.outcome) == (HitState.OPEN, "block")


def test_a_waiver_takes_two_people_where_the_rules_say_so(world: World, call: Any, case: Any, monkeypatch: Any) -> None:
    waivable(monkeypatch, call, four_eyes=True)
    hit = found(world)
    proposed = say(hit, world.actor("county_approver"), "waive")
    assert outcomes(case)["veto.accident"] is Outcome.BLOCK
    assert Notification.objects.filter(kind="hit.to_agree").count() == 0  # the only approver proposed it
    with pytest.raises(WrongState):
        say(hit, world.actor("county_handler"), "waive")
    decide = {"answer_id": proposed.pk, "agrees": True, "at": MAY}
    for character in ("county_approver", "county_handler"):  # the same person; no approver
        with pytest.raises(NotAllowed):
            hits.agree(**decide, actor=world.actor(character))
    with pytest.raises(NotVisible):
        hits.agree(**decide, actor=world.actor("other_county_approver"))
    hits.agree(answer_id=proposed.pk, agrees=False, note="材料不足", actor=second(world), at=MAY)
    again = say(hit, world.actor("county_handler"), "waive")
    assert Notification.objects.filter(kind="hit.to_agree", channel="portal").count() == 2
    hits.agree(answer_id=again.pk, agrees=True, actor=world.actor("county_approver"), at=MAY)
    hit.refresh_from_db()
    assert hit.state == HitState.WAIVED
    assert outcomes(case)["veto.accident"] is Outcome.WARN
    with pytest.raises(WrongState):
        hits.agree(answer_id=again.pk, agrees=False, actor=second(world), at=MAY)


def second(world: World) -> Any:
    """Another approver of the same county."""
    from greenlist.accounts import selectors as accounts

    mandate = factories.mandate(factories.person(), "approver", world.county)
    return accounts.actor_of(mandate)


def test_a_waiver_of_one_person_where_the_rules_ask_for_one(
    world: World, call: Any, case: Any, monkeypatch: Any
) -> None:
    waivable(monkeypatch, call, four_eyes=False)
    hit = found(world)
    say(hit, world.actor("county_handler"), "waive")
    assert outcomes(case)["veto.accident"] is Outcome.WARN
    factories.adverse(world.org, "safety", date(2026, 4, 1), 3)  # another accident is another finding
    assert outcomes(case)["veto.accident"] is Outcome.BLOCK


def test_a_proposal_about_what_has_changed_is_void(world: World, call: Any, case: Any, monkeypatch: Any) -> None:
    waivable(monkeypatch, call, four_eyes=True)
    hit = found(world)
    proposed = say(hit, world.actor("county_handler"), "waive")
    AdverseRecord.objects.update(severity=4)
    sweep.sweep(at=MAY)
    with pytest.raises(WrongState):
        hits.agree(answer_id=proposed.pk, agrees=True, actor=world.actor("county_approver"), at=MAY)
    anew = say(hit, world.actor("county_handler"), "waive")  # the void one does not stand in the way
    proposed.refresh_from_db()
    assert proposed.refused_at == MAY and proposed.agreed_at is None
    hits.agree(answer_id=anew.pk, agrees=True, actor=world.actor("county_approver"), at=MAY)
    hit.refresh_from_db()
    assert hit.state == HitState.WAIVED


def test_what_is_void_can_still_be_refused(world: World, call: Any, case: Any, monkeypatch: Any) -> None:
    waivable(monkeypatch, call, four_eyes=True)
    hit = found(world)
    proposed = say(hit, world.actor("county_handler"), "waive")
    AdverseRecord.objects.all().delete()
    sweep.sweep(at=MAY)
    hits.agree(answer_id=proposed.pk, agrees=False, actor=world.actor("county_approver"), at=MAY)
    hit.refresh_from_db()
    assert hit.state == HitState.CLEARED


def test_an_answer_to_what_has_changed_meanwhile_is_not_taken(
    world: World, call: Any, case: Any, monkeypatch: Any
) -> None:
    """The page showed a lesser accident: its waiver is none of the graver one."""
    waivable(monkeypatch, call, four_eyes=False)
    hit, client = found(world), world.client("county_handler")
    mark = client.get(f"/findings/{hit.pk}/").context["form"].initial["seen"]
    AdverseRecord.objects.update(severity=4)
    sweep.sweep(at=MAY)
    given = {"word": "waive", "reason": "已核实", "seen": mark}
    assert client.post(f"/findings/{hit.pk}/", given).status_code == 409
    hit.refresh_from_db()
    assert (hit.state, HitAnswer.objects.count()) == (HitState.OPEN, 0)
    given["seen"] = client.get(f"/findings/{hit.pk}/").context["form"].initial["seen"]
    assert client.post(f"/findings/{hit.pk}/", given).status_code == 302


def test_nothing_is_said_to_what_is_gone(world: World, case: Any) -> None:
    hit = found(world)
    AdverseRecord.objects.all().delete()
    sweep.sweep(at=MAY)
    with pytest.raises(WrongState):
        say(hit, world.actor("county_handler"))


def test_a_condition_is_taken_up_and_set_aside_by_the_same_words(
    world: World, call: Any, case: Any, monkeypatch: Any
) -> None:
    factories.title(world.site, "province", listing="河北省绿色工厂")
    (finding,) = [one for one in checks.look(case=case, point="recommend", at=MAY) if one.rule.startswith("prereq")]
    actor = world.actor("county_handler")
    hit = hits.take_up(case=case, finding=finding, actor=actor, at=MAY)
    assert hits.take_up(case=case, finding=finding, actor=actor, at=MAY).pk == hit.pk
    with pytest.raises(Refused):
        say(hit, actor, "waive")
    bound = selectors.rules_of(call)
    changed = replace(bound, rules=tuple(replace(one, waivable=True) for one in bound.rules))
    monkeypatch.setattr("applications.selectors.hits.rules_of_call", lambda _call: changed)
    say(hit, actor, "waive")
    assert outcomes(case)[finding.rule] is Outcome.WARN
    factories.title(world.site, "nation", listing="国家级绿色工厂")  # it fails by something else as well
    assert outcomes(case)[finding.rule] is Outcome.BLOCK
    sweep.sweep(at=MAY)
    hit.refresh_from_db()
    assert hit.state == HitState.WAIVED  # the sweep looks at events only
    with pytest.raises(NotAllowed):
        hits.take_up(case=case, finding=finding, actor=world.actor("city_handler"), at=MAY)


# ---- the portal's own books -----------------------------------------------------------------------------------------
def own(case: Any) -> dict[str, tuple[Outcome, tuple[str, ...]]]:
    found = checks.look(case=case, point="apply", at=MAY)
    return {one.rule: (one.outcome, one.evidence) for one in found if one.rule.startswith("portal")}


def test_the_portals_own_books_are_kept_right(world: World, call: Any, case: Any) -> None:
    assert own(case) == {}
    factories.title(world.site, "city", listing="市级第一批")
    assert own(case) == {"portal.listed": (Outcome.BLOCK, ("市级第一批",))}
    world.site.titles.all().delete()
    factories.title(world.site, "city", category="park")
    assert own(case) == {}
    later = county.open_call(world, round=2)
    twin = county.case(world, later, number="T-2026-9999", at=MAY)
    assert own(case) == {}  # who came first goes on
    assert own(twin)["portal.twin"][0] is Outcome.BLOCK
    type(case).objects.filter(pk=case.pk).update(state=State.WITHDRAWN)
    assert own(twin) == {}
    other_site = factories.site(world.org, world.areas["130302"], "二厂")
    second_site = county.case(world, later, site=other_site, number="T-2026-9998")
    assert own(second_site)["portal.code"][0] is Outcome.WARN


def test_a_place_on_the_list_below_is_no_hindrance(world: World) -> None:
    filled.load_rules()
    case = filled.start(world, filled.open_call(world, "hebei-national"))
    factories.title(world.site, "city", listing="市级第一批")
    factories.title(world.site, "province", listing="省级第二批")
    assert "portal.listed" not in own(case)
    factories.title(world.site, "nation", listing="国家级第八批")
    assert own(case)["portal.listed"] == (Outcome.BLOCK, ("国家级第八批",))


def test_a_rule_set_may_ask_for_evaluation_anew(world: World) -> None:
    """`[rounds] again = "warn"`: told, not refused."""
    filled.load_rules()
    file = Path(settings.POLICIES_DIR) / "qinhuangdao" / "policy.toml"
    changed = file.read_text(encoding="utf-8").replace("calls_per_year = 1", 'calls_per_year = 1\nagain = "warn"')
    policies.store_uploaded(files={"policy.toml": changed.encode()}, slug="qinhuangdao", actor=SYSTEM, at=filled.SPRING)
    case = filled.start(world, filled.open_call(world))
    factories.title(world.site, "city", listing="市级第一批")
    assert own(case) == {"portal.listed": (Outcome.WARN, ("市级第一批",))}


# ---- pages ----------------------------------------------------------------------------------------------------------
def test_the_page_answers_with_a_file_and_the_case_shows_it(world: World, case: Any) -> None:
    hit = found(world, severity=0)
    client, address = world.client("county_handler"), f"/findings/{hit.pk}/"
    page = client.get(address).content.decode()
    assert "QHD" not in page.split("<main", 1)[0]
    assert client.post(address, {"word": "dismiss", "reason": ""}).status_code == 422
    paper = SimpleUploadedFile("调查报告.pdf", PAPER, "application/pdf")
    taken = client.post(address, {"word": "dismiss", "reason": "经调查不构成事故", "document": paper})
    assert taken.status_code == 302
    said = HitAnswer.objects.get()
    assert b"".join(client.get(f"/findings/answers/{said.pk}/document/")).startswith(b"%PDF")
    shown = client.get(f"/cases/{case.reference}/checks/").content.decode()
    assert "经调查不构成事故" in shown
    assert "调查报告.pdf" in shown
    for character in ("applicant", "expert"):
        assert (
            "经调查不构成事故" not in world.client(character).get(f"/cases/{case.reference}/checks/").content.decode()
        )
    refused = world.client("city_handler").post(address, {"word": "stands", "reason": "x"})
    assert refused.status_code == 404


def test_the_paper_prints_findings_and_answers(world: World, case: Any) -> None:
    hit = found(world)
    checks.run(case=case, point="recommend", actor=world.actor("county_handler"), at=MAY)
    say(hit, world.actor("county_handler"), reason="事故调查报告已归档")
    html = render_to_string(papers.TEMPLATE, {"paper": papers.paper_of(case), "case": case})
    for words in ("核查情况表", "事故调查报告已归档", "海港经办", "信用中国", "不符合"):
        assert words in html
    before = papers.paper_of(case)
    say(hit, world.actor("county_approver"), reason="补充说明")
    assert papers._digest(papers.paper_of(case)) != papers._digest(before)
    content = rendered(fetched(world.client("county_handler"), f"/cases/{case.reference}/checks.pdf"))
    assert content.startswith(b"%PDF")


@pytest.mark.parametrize("address", ["/findings/", "/work/", "/organisation/adverse/names/"])
def test_lists_cost_the_same_however_long(world: World, call: Any, address: str) -> None:
    client = world.client("county_handler")

    def cost(serials: range) -> int:
        for serial in serials:
            row = county.case(world, call, organisation=county.firm(world, "130302", serial))
            factories.adverse(row.organisation, "safety", date(2026, 3, 1), 2)
            AdverseRecord.objects.create(name=row.name, kind="stopped_12m", event_on=date(2026, 1, 1), source="x")
        sweep.sweep(at=MAY)
        client.get(address)
        with CaptureQueriesContext(connection) as caught:
            assert county_name(serials) in client.get(address).content.decode()
        return len(caught)

    def county_name(serials: range) -> str:
        return f"示例制造{serials[0]}有限公司"

    assert cost(range(7400, 7402)) == cost(range(7410, 7416))


def test_the_work_list_names_what_to_answer(world: World, case: Any) -> None:
    found(world)
    assert "答复核查发现" in world.client("county_handler").get("/work/").content.decode()
    assert "答复核查发现" not in world.client("other_county_handler").get("/work/").content.decode()
