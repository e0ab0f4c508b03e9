"""黑龙江: city, province's re-check, review, meeting, ecology department, fifteen days, directors' meeting, list."""

from __future__ import annotations

import pytest

from applications.selectors import rules_of
from tests.applications import county
from tests.journeys.evaluation import issue
from tests.journeys.rounds import Place, Round
from tests.world import World

pytestmark = [pytest.mark.journey, pytest.mark.once, pytest.mark.timeout(600), pytest.mark.django_db]

HEILONGJIANG = Place(
    slug="heilongjiang",
    owner="230000",
    applicant="hlj_applicant",
    area="230102",
    people={
        "city": ("hlj_city_handler", "hlj_city_approver"),
        "province": ("hlj_province_handler", "hlj_province_approver"),
    },
    values={
        "apply_by": "2026-04-30",
        "city_by": "2026-06-30",
        "edition": "factory-2018",
        "notice_first_day": "next",
    },
    days={
        "call": "2026-03-02T09:00",
        "fill": "2026-04-30T23:30",
        "city": "2026-05-11T09:00",
        "send": "2026-06-30T16:00",
        "recheck": "2026-07-06T09:00",
        "panel": "2026-07-20T09:00",
        "meeting": "2026-08-03T09:00",
        "ecology": "2026-08-10T09:00",
        "notice": "2026-09-21T09:00",
        "approve": "2026-10-12T09:00",
        "publish": "2026-10-15T09:00",
    },
    # Fifteen calendar days from the day after publication: the holidays of October count as well.
    counted=("2026-09-22", "2026-10-06", 15),
    score="90",
)


@pytest.mark.clause("HLJ-4", "HLJ-12", "HLJ-14a", "HLJ-16a", "HLJ-18b", "HLJ-19", "HLJ-20a", "HLJ-20b")
def test_from_the_call_to_the_published_list(world: World) -> None:
    county.load_rules()
    issue("heilongjiang")
    story = Round(world, HEILONGJIANG)
    story.told()
    assert story.visited == [step.key for step in rules_of(story.call).steps][1:]
    first, second = story.decisions["meeting"], story.decisions["approve"]
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.frozen["units"][0]["marked"], "ninety points are marked for national cultivation"
    assert second.approved_at > story.notice.closed_at
    assert first.frozen["meeting"]["participants"]
