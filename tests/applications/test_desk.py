"""The pages of review and recommendation: queue, review, return, conclusion, batch; who sees what, in how many queries."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications.models import Application, Batch, Correction
from applications.selectors import desk
from applications.services import batches, screening
from applications.services.screening import Given
from applications.states import BatchState, State
from tests.applications import county
from tests.world import World

NOW = datetime.fromisoformat("2026-05-06T10:00:00+08:00")


@pytest.fixture(autouse=True)
def _may(rules: None) -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def rules(db: None) -> None:
    county.load_rules()


@pytest.fixture
def call(rules: None, world: World) -> Any:
    return county.open_call(world)


@pytest.fixture
def case(world: World, call: Any) -> Application:
    return county.case(world, call)


def url(name: str, *args: str) -> str:
    return reverse(f"applications:{name}", args=args)


def many(world: World, call: Any, count: int, start: int) -> list[Application]:
    return [county.case(world, call, organisation=county.firm(world, "130302", start + n)) for n in range(count)]


def queries(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as caught:
        answer = client.get(address)
    assert answer.status_code == 200
    return len(caught)


# ---- the queue ------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-4", "QHD-7")
def test_the_queue_shows_the_own_area_only(world: World, call: Any) -> None:
    own = county.case(world, call)
    theirs = county.case(world, call, organisation=world.orgs["rival"])
    page = world.client("county_handler").get(url("desk")).content.decode()
    assert own.name in page
    assert theirs.name not in page
    page = world.client("other_county_handler").get(url("desk")).content.decode()
    assert theirs.name in page
    assert own.name not in page
    assert own.name not in world.client("city_handler").get(url("desk")).content.decode()


def test_the_queue_is_for_officials(world: World, case: Application) -> None:
    assert world.client("county_handler").get(url("desk")).status_code == 200
    for who in ("applicant", "expert", "stranger"):
        assert world.client(who).get(url("desk")).status_code == 403, who
    assert world.client("anonymous").get(url("desk")).status_code == 302


def test_what_is_due_first_comes_first_and_pages_join_without_gap(world: World, call: Any) -> None:
    rows = many(world, call, 7, 2100)
    days = [None, date(2026, 5, 20), date(2026, 5, 10), None, date(2026, 5, 10), date(2026, 5, 30), None]
    for row, day in zip(rows, days, strict=True):
        Application.objects.filter(pk=row.pk).update(due_on=day)
    actor = world.actor("county_handler")
    seen: list[int] = []
    after = ""
    while True:
        page = desk.page(actor, on=date(2026, 5, 6), view="review", after=after, size=2)
        seen += [row.case.pk for row in page.rows]
        after = page.after
        if not after:
            break
    expected = [rows[2], rows[4], rows[1], rows[5], rows[0], rows[3], rows[6]]
    assert seen == [row.pk for row in expected]
    broken = desk.page(actor, on=date(2026, 5, 6), view="review", after="nonsense", size=1)
    assert [row.case.pk for row in broken.rows] == seen[:1]


def test_age_and_day_in_words(world: World, case: Application) -> None:
    row = desk.page(world.actor("county_handler"), on=date(2026, 5, 28), view="review").rows[0]
    assert (row.age, row.due_on) == (57, date(2026, 5, 31))
    assert (row.due_words, row.tone) == ("还剩 1 个工作日", "soon")
    assert desk.page(world.actor("county_handler"), on=date(2026, 6, 2), view="review").rows[0].tone == "late"
    assert row.badges == ("新一代电子信息",)


def test_filters_are_links(world: World, call: Any) -> None:
    food = county.case(world, call, organisation=county.firm(world, "130302", 2200), industry="1361")
    other = county.case(world, call, organisation=county.firm(world, "130302", 2201), industry="3911")
    client = world.client("county_handler")
    page = client.get(url("desk"), {"industry": "13"}).content.decode()
    assert food.name in page
    assert other.name not in page
    page = client.get(url("desk"), {"q": other.name[:8]}).content.decode()
    assert other.name in page
    page = client.get(url("desk"), {"q": "没有这个企业"}).content.decode()
    assert food.name not in page


def test_views_follow_the_state(world: World, call: Any) -> None:
    rows = many(world, call, 3, 2300)
    county.answer_all(world, rows[0], NOW)
    screening.propose(actor=world.actor("county_handler"), at=NOW, reference=rows[0].reference, outcome="pass")
    county.passed(world, rows[1], NOW)
    handler = world.actor("county_handler")

    def shown(view: str) -> set[int]:
        return {row.case.pk for row in desk.page(handler, on=date(2026, 5, 6), view=view).rows}

    assert (shown("review"), shown("sign"), shown("passed")) == ({rows[2].pk}, {rows[0].pk}, {rows[1].pk})
    assert desk.view_of("", world.actor("county_approver")).key == "sign"
    assert desk.view_of("", handler).key == "review"


@pytest.mark.parametrize("view", ["review", "sign", "returned", "passed"])
def test_thirty_cases_cost_as_many_queries_as_three(world: World, call: Any, view: str) -> None:
    client = world.client("county_handler")

    def prepare(count: int, start: int) -> None:
        for row in many(world, call, count, start):
            if view == "sign":
                row.screenings.create(
                    step=row.step, outcome="pass", opinion="", proposed_by=world.user("county_handler"), proposed_at=NOW
                )
            elif view != "review":
                step = "send" if view == "passed" else row.step
                Application.objects.filter(pk=row.pk).update(state=view, step=step)

    prepare(3, 2400)
    few = queries(client, url("desk") + f"?view={view}")
    prepare(27, 2500)
    assert queries(client, url("desk") + f"?view={view}") == few
    assert few <= 16  # session, person and capacities included


# ---- the review page ------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-4", "QHD-7")
def test_the_review_page_is_the_desks_alone(world: World, case: Application) -> None:
    for name in ("review", "review_return", "review_propose"):
        assert world.client("county_handler").get(url(name, case.reference)).status_code == 200, name
        for who in ("other_county_handler", "city_handler", "sjz_county_handler", "expert", "rival", "stranger"):
            assert world.client(who).get(url(name, case.reference)).status_code == 404, (name, who)
        assert world.client("applicant").get(url(name, case.reference)).status_code in (403, 404)
    for name in ("review_save", "review_sign", "review_send_back"):
        assert world.client("other_county_handler").post(url(name, case.reference)).status_code == 404, name


def answers(page: str) -> list[str]:
    return sorted(set(re.findall(r'name="verdict-([^"]+)"', page)))


@pytest.mark.clause("QHD-5.0", "QHD-8", "QHD-N2a")
def test_the_whole_review_by_plain_post(world: World, case: Application) -> None:
    handler, approver = world.client("county_handler"), world.client("county_approver")
    page = handler.get(url("review", case.reference)).content.decode()
    assert "GB/T 36132-2018" in page
    assert len(answers(page)) == 19
    given = {f"verdict-{key}": "yes" for key in answers(page)}
    given["verdict-rules"], given["remark-rules"] = "no", "制度未见签发"
    answer = handler.post(url("review_save", case.reference), {**given, "next": "propose"})
    assert answer["Location"] == url("review_propose", case.reference)
    page = handler.get(answer["Location"]).content.decode()
    assert "制度未见签发" in page
    case.refresh_from_db()
    refused = handler.post(url("review_propose", case.reference), {"outcome": "pass", "revision": case.revision})
    assert refused.status_code == 409
    handler.post(url("review_save", case.reference), {**given, "verdict-rules": "yes", "remark-rules": ""})
    done = handler.post(url("review_propose", case.reference), {"outcome": "pass", "revision": case.revision})
    assert done.status_code == 302
    page = approver.get(url("review", case.reference)).content.decode()
    case.refresh_from_db()
    assert f'name="revision" value="{case.revision}"' in page
    assert 'name="verdict-' not in page
    assert approver.post(url("review_sign", case.reference), {"revision": case.revision}).status_code == 302
    case.refresh_from_db()
    assert case.state == State.PASSED


def test_what_was_typed_stays_when_something_is_wrong(world: World, case: Application) -> None:
    answer = world.client("county_handler").post(
        url("review_save", case.reference), {"remark-rules": "只有备注没有结论", "verdict-management": "yes"}
    )
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "只有备注没有结论" in page
    assert re.search(r'name="verdict-management" value="yes" checked', page)
    assert 'href="#q-rules"' in page
    assert not case.verdicts.exists()


def test_autosave_answers_in_json(world: World, case: Application) -> None:
    client = world.client("county_handler")
    auto = {"HTTP_X_REQUESTED_WITH": "autosave"}
    saved = client.post(url("review_save", case.reference), {"verdict-rules": "fix", "remark-rules": "补充"}, **auto)
    assert (saved.status_code, saved.json()) == (200, {"saved_at": "10:00"})
    wrong = client.post(url("review_save", case.reference), {"remark-management": "只有备注"}, **auto)
    assert (wrong.status_code, list(wrong.json()["problems"])) == (422, ["management"])
    assert case.verdicts.get().answer == "fix"


def test_remarks_stand_beside_their_fields_and_tick_the_return(world: World, case: Application, call: Any) -> None:
    part, fields = next(iter(county.answers(call).items()))
    path = f"{part}.{next(iter(fields))}"
    client = world.client("county_handler")
    client.post(url("review_save", case.reference), {f"note-{path}": "请核对", "next": "return"})
    page = client.get(url("review_return", case.reference)).content.decode()
    assert re.search(rf'value="{re.escape(path)}" checked', page)
    assert "请核对" in page
    case.refresh_from_db()
    empty = client.post(url("review_return", case.reference), {"revision": case.revision, "reason": ""})
    assert empty.status_code == 422
    given = {"revision": case.revision, "fields": [path], "reason": "请核对", "due_on": "2026-05-20"}
    assert client.post(url("review_return", case.reference), given).status_code == 302
    assert Correction.objects.get().fields == [path.split(".")]


def test_send_back_keeps_the_page_and_asks_for_the_reason(world: World, case: Application) -> None:
    county.answer_all(world, case, NOW)
    screening.propose(actor=world.actor("county_handler"), at=NOW, reference=case.reference, outcome="pass")
    client = world.client("county_approver")
    assert client.post(url("review_send_back", case.reference), {"reason": ""}).status_code == 422
    assert client.post(url("review_send_back", case.reference), {"reason": "再看"}).status_code == 302
    assert "再看" in world.client("county_handler").get(url("review", case.reference)).content.decode()


def test_who_prepared_sees_why_signing_is_not_for_them(world: World, case: Application) -> None:
    from tests import factories

    county.answer_all(world, case, NOW)
    screening.propose(actor=world.actor("county_handler"), at=NOW, reference=case.reference, outcome="pass")
    mandate = factories.mandate(world.user("county_handler"), "approver", world.county)
    client = world.client("county_handler")
    session = client.session
    session["capacity"] = f"m{mandate.pk}"
    session.save()
    page = client.get(url("review", case.reference)).content.decode()
    assert url("review_sign", case.reference) not in page
    assert client.post(url("review_sign", case.reference), {}).status_code == 403
    page = world.client("county_approver").get(url("review", case.reference)).content.decode()
    assert url("review_sign", case.reference) in page


def test_texts_from_the_applicant_are_shown_as_text(world: World, case: Application, call: Any) -> None:
    part, fields = next(iter(county.answers(call).items()))
    county.declare(case, call, NOW, **{f"{part}__{next(iter(fields))}": "<script>alert(1)</script>{{7*7}}"})
    page = world.client("county_handler").get(url("review", case.reference)).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


# ---- batches --------------------------------------------------------------------------------------------------------
@pytest.fixture
def three(world: World, call: Any) -> list[Application]:
    return [county.passed(world, row, NOW) for row in many(world, call, 3, 2700)]


@pytest.mark.clause("QHD-N2b", "QHD-N4a", "QHD-8")
def test_a_batch_by_plain_post_from_start_to_receipt(world: World, three: list[Application]) -> None:
    handler, approver, city = (world.client(who) for who in ("county_handler", "county_approver", "city_handler"))
    assert three[0].call.title in handler.get(url("batches")).content.decode()
    location = handler.post(url("batch_start"), {"call": three[0].call_id})["Location"]
    batch = Batch.objects.get()
    assert location == url("batch", batch.reference)
    assert (
        handler.post(url("batch_add", batch.reference), {"case": [row.reference for row in three]}).status_code == 302
    )
    handler.post(url("batch_arrange", batch.reference), {"move": three[2].reference, "to": "up"})
    order = ",".join(row.reference for row in (three[1], three[0], three[2]))
    assert handler.post(url("batch_arrange", batch.reference), {"order": order}).status_code == 204
    handler.post(url("batch_suggest", batch.reference))
    page = handler.get(location).content.decode()
    assert "新一代电子信息" in page
    assert "表样" in page or "待核实" in page
    assert handler.post(url("batch_hand_over", batch.reference)).status_code == 409  # no document number yet
    letter = {"title": batch.title, "number": "示工信〔2026〕5号", "text": ""}
    assert handler.post(url("batch_letter", batch.reference), {**letter, "title": ""}).status_code == 422
    assert handler.post(url("batch_letter", batch.reference), letter).status_code == 302
    assert handler.post(url("batch_hand_over", batch.reference)).status_code == 302
    page = approver.get(location).content.decode()
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', page)
    assert found
    assert approver.post(url("batch_sign", batch.reference), {"digest": "0" * 64}).status_code == 409
    assert approver.post(url("batch_sign", batch.reference), {"digest": found[1]}).status_code == 302
    assert city.get(location).status_code == 404
    assert handler.post(url("batch_send", batch.reference)).status_code == 302
    assert handler.post(url("batch_send", batch.reference)).status_code == 409
    assert city.get(location).status_code == 200
    assert city.post(url("batch_receive", batch.reference)).status_code == 302
    case = three[0].reference
    assert city.post(url("batch_paper", batch.reference), {"case": case, "copies": "1"}).status_code == 302
    assert city.get(url("batch_return", batch.reference, case)).status_code == 200
    assert city.post(url("batch_return", batch.reference, case), {"reason": ""}).status_code == 422
    assert city.post(url("batch_return", batch.reference, case), {"reason": "材料不全"}).status_code == 302
    batch.refresh_from_db()
    assert batch.state == BatchState.RECEIVED
    assert "材料不全" in handler.get(location).content.decode()


def test_other_offices_do_not_find_a_batch(world: World, three: list[Application]) -> None:
    batch = county.signed_batch(world, three, NOW)
    for who in ("other_county_handler", "city_handler", "other_city_handler", "applicant", "expert"):
        client = world.client(who)
        assert client.get(url("batch", batch.reference)).status_code == 404, who
        assert client.get(url("batch_document", batch.reference, "check", "pdf")).status_code == 404, who
        assert client.post(url("batch_send", batch.reference)).status_code == 404, who
    assert world.client("county_handler").get(url("batch", batch.reference)).status_code == 200


def test_papers_are_downloads_of_known_kinds_only(world: World, three: list[Application]) -> None:
    batch = county.signed_batch(world, three, NOW)
    client = world.client("county_handler")
    answer = client.get(url("batch_document", batch.reference, "summary", "xlsx"))
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer.getvalue()[:2] == b"PK"
    for kind, format_ in (("letter", "xlsx"), ("anything", "pdf"), ("summary", "zip")):
        assert client.get(url("batch_document", batch.reference, kind, format_)).status_code == 404


@pytest.mark.clause("QHD-N4b")
def test_the_page_says_when_it_is_too_late(
    world: World, three: list[Application], at: Callable[[str], datetime]
) -> None:
    batch = county.signed_batch(world, three, NOW)
    client = world.client("county_handler")
    with time_machine.travel(at("2026-06-01 00:00:01"), tick=False):
        client = world.client("county_handler")
        refused = client.post(url("batch_send", batch.reference))
        assert refused.status_code == 409
        assert "2026年5月31日" in refused.content.decode()
    client = world.client("county_handler")
    with time_machine.travel(at("2026-05-31 23:59:59"), tick=False):
        assert world.client("county_handler").post(url("batch_send", batch.reference)).status_code == 302


def test_thirty_batches_cost_as_many_queries_as_three(world: World, call: Any) -> None:
    client = world.client("county_handler")

    def more(count: int) -> None:
        for _ in range(count):
            batches.start(actor=world.actor("county_handler"), at=NOW, call=call)

    more(3)
    few = queries(client, url("batches"))
    more(27)
    assert queries(client, url("batches")) == few
    assert few <= 12


def test_a_batch_of_thirty_costs_as_many_queries_as_one_of_three(world: World, call: Any) -> None:
    client = world.client("county_approver")

    def made(count: int, start: int) -> str:
        rows = many(world, call, count, start)
        Application.objects.filter(pk__in=[row.pk for row in rows]).update(state=State.PASSED, step="send")
        batch = batches.start(actor=world.actor("county_handler"), at=NOW, call=call)
        batches.add(
            actor=world.actor("county_handler"),
            at=NOW,
            reference=batch.reference,
            cases_=[row.reference for row in rows],
        )
        return url("batch", batch.reference)

    assert queries(client, made(30, 2800)) == queries(client, made(3, 2900))


def test_a_question_answered_no_shows_in_the_proposal(world: World, case: Application) -> None:
    county.answer_all(world, case, NOW, management=Given("no", "没有机构"))
    client = world.client("county_handler")
    page = client.get(url("review_propose", case.reference)).content.decode()
    assert "没有机构" in page
    case.refresh_from_db()
    given = {"outcome": "reject", "opinion": "", "revision": case.revision}
    assert client.post(url("review_propose", case.reference), given).status_code == 302
    assert "没有机构" in case.screenings.get().opinion
