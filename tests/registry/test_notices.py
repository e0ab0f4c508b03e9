"""公示: the period, who publishes it, when it ends."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from applications.models import Application
from applications.states import State
from greenlist.core.errors import NotAllowed, NotVisible, Refused, WrongState
from greenlist.organisations.models import AdverseRecord
from greenlist.policy.models import CalendarYear
from registry.models import Notice
from registry.services import notices
from registry.states import ItemState, NoticeState
from tests.registry import stage
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.mark.clause("QHD-10b")
def test_five_working_days_are_fixed_at_publication(world: World, call: Any, case: Application) -> None:
    notice = stage.running(world, call, [case])
    # Published on Monday 8 June; the call says that the first day does not count.
    assert notice.counted == [date(2026, 6, day) for day in (9, 10, 11, 12, 15)]
    assert (notice.starts_on, notice.ends_on) == (date(2026, 6, 8), date(2026, 6, 15)) or notice.ends_on == date(
        2026, 6, 15
    )
    assert notice.rule["clause"] == "QHD-10b"
    assert "2026年6月15日" in notice.text
    case.refresh_from_db()
    assert case.state == State.ON_NOTICE


def test_only_an_approver_of_the_deciding_city_publishes(world: World, call: Any, case: Application) -> None:
    draft = stage.drafted(world, call, [case])
    with pytest.raises(NotAllowed):
        notices.publish(actor=world.actor("city_handler"), reference=draft.reference, at=stage.PUBLISHED)
    for stranger in ("other_city_approver", "county_approver", "applicant", "anonymous"):
        with pytest.raises(NotVisible):
            notices.publish(actor=world.actor(stranger), reference=draft.reference, at=stage.PUBLISHED)
    notices.publish(actor=world.actor("city_approver"), reference=draft.reference, at=stage.PUBLISHED)
    with pytest.raises(WrongState):
        notices.publish(actor=world.actor("city_approver"), reference=draft.reference, at=stage.PUBLISHED)


@pytest.mark.case("AZ-14")
def test_whoever_wrote_the_notice_does_not_publish_it(world: World, call: Any, case: Application) -> None:
    """Two people, as the rule set says of the other lists: also where the approver drafts, or changes the words."""
    approver, handler = world.actor("city_approver"), world.actor("city_handler")
    draft = stage.drafted(world, call, [case])
    words = {"reference": draft.reference, "text": draft.text, "site_address": "", "at": stage.PUBLISHED}
    notices.edit(actor=approver, title="另一个题目", **words)
    with pytest.raises(NotAllowed) as refused:
        notices.publish(actor=approver, reference=draft.reference, at=stage.PUBLISHED)
    assert refused.value.code == "four_eyes"
    assert "两人" in world.client("city_approver").get(f"/registry/notices/{draft.reference}/").content.decode()
    notices.edit(actor=approver, title="另一个题目", **words)  # nothing changed: not written by whoever saved
    notices.edit(actor=handler, title="第三个题目", **words)
    notices.edit(actor=approver, title="第三个题目", **words)
    published = notices.publish(actor=approver, reference=draft.reference, at=stage.PUBLISHED)
    assert (published.prepared_by_id, published.published_by_id) == (handler.user_id, approver.user_id)
    with pytest.raises(IntegrityError), transaction.atomic():
        Notice.objects.update(prepared_by=approver.user_id)


def test_one_person_may_publish_where_the_rule_set_says_so(world: World, call: Any, case: Application) -> None:
    draft = stage.drafted(world, call, [case])
    approver = world.actor("city_approver")
    Notice.objects.update(prepared_by=approver.user_id, four_eyes=False)
    assert notices.publish(actor=approver, reference=draft.reference, at=stage.PUBLISHED).published_by_id


@pytest.mark.clause("QHD-5.4")
def test_a_veto_that_came_to_light_stops_the_notice_and_names_the_unit(
    world: World, call: Any, case: Application
) -> None:
    draft = stage.drafted(world, call, [case])
    AdverseRecord.objects.create(
        organisation=case.organisation,
        code=case.code,
        name=case.name,
        kind="safety",
        severity=2,
        event_on=date(2026, 5, 20),
        source="示例",
    )
    with pytest.raises(Refused) as refusal:
        notices.publish(actor=world.actor("city_approver"), reference=draft.reference, at=stage.PUBLISHED)
    assert case.name in str(refusal.value.message)
    assert refusal.value.clause == "QHD-5.4"
    draft.refresh_from_db()
    assert draft.state == NoticeState.DRAFT


def test_a_year_without_a_confirmed_plan_is_refused_not_guessed(world: World, call: Any, case: Application) -> None:
    draft = stage.drafted(world, call, [case])
    CalendarYear.objects.filter(year=2026).update(confirmed=False)
    from greenlist.policy import selectors as policy

    policy.calendar()  # whatever is kept in memory must not hide the change
    with pytest.raises(Refused) as refusal:
        notices.publish(actor=world.actor("city_approver"), reference=draft.reference, at=stage.PUBLISHED)
    assert refusal.value.code == "calendar_unknown"


def test_it_closes_by_itself_after_its_last_day_and_only_once(
    world: World, call: Any, three: list[Application]
) -> None:
    notice = stage.running(world, call, three)
    last_second = stage.after(notice) - timedelta(seconds=1)
    assert notices.close_due(at=last_second) == 0
    assert notices.close_due(at=stage.after(notice)) == 1
    assert notices.close_due(at=stage.after(notice)) == 0
    notice.refresh_from_db()
    assert notice.state == NoticeState.CLOSED
    assert set(notice.items.values_list("state", flat=True)) == {ItemState.CLEARED}
    assert set(Application.objects.values_list("state", flat=True)) == {State.APPROVING}


@pytest.mark.race
@pytest.mark.case("BG-03")
@pytest.mark.django_db(transaction=True)
def test_two_schedulers_close_a_notice_once(world: World, call: Any, case: Application, run_threads: Any) -> None:
    notice = stage.running(world, call, [case])
    assert sorted(run_threads(4, lambda _n: notices.close_due(at=stage.after(notice)))) == [0, 0, 0, 1]


def test_a_draft_is_invisible_to_everybody_else(world: World, call: Any, case: Application) -> None:
    draft = stage.drafted(world, call, [case])
    own = f"/registry/notices/{draft.reference}/"
    public = f"/p/130300/notices/{draft.reference}/"
    assert world.client("city_handler").get(own).status_code == 200
    for stranger in ("other_city_handler", "county_handler", "applicant"):
        assert world.client(stranger).get(own).status_code == 404
    assert world.client("anonymous").get(public).status_code == 404
    notices.publish(actor=world.actor("city_approver"), reference=draft.reference, at=stage.PUBLISHED)
    assert world.client("anonymous").get(public).status_code == 200


@pytest.mark.clause("QHD-10b")
def test_the_text_for_the_bureaus_own_site_and_its_address(world: World, call: Any, case: Application) -> None:
    notice = stage.running(world, call, [case])
    text = world.client("anonymous").get(f"/p/130300/notices/{notice.reference}/notice.txt").content.decode()
    assert case.name in text
    assert "2026年6月15日" in text
    client = world.client("city_handler")
    answer = client.post(f"/registry/notices/{notice.reference}/", {"site_address": "https://bureau.example/notice/1"})
    assert answer.status_code == 302
    assert Notice.objects.get(pk=notice.pk).site_address == "https://bureau.example/notice/1"


def test_a_unit_disqualified_meanwhile_is_dropped_and_the_rest_goes_on(
    world: World, call: Any, three: list[Application]
) -> None:
    from applications.services import disqualification
    from tests import factories

    notice = stage.running(world, call, three)
    gone = notice.items.get(position=2).application
    factories.adverse(gone.organisation, "environment", date(2026, 6, 1), 2)
    disqualification.disqualify(
        actor=world.actor("city_approver"), at=stage.PUBLISHED, reference=gone.reference, reason="发生较大环境事件。"
    )
    assert notices.close_due(at=stage.after(notice)) == 1
    states = dict(notice.items.values_list("position", "state"))
    assert states == {1: ItemState.CLEARED, 2: ItemState.DROPPED, 3: ItemState.CLEARED}
