"""揭阳: county, conformity check with guidance on site, panel, decision from eighty points, notice as the call says, list."""

from __future__ import annotations

import pytest

from applications.selectors import rules_of
from tests import places
from tests.applications import county
from tests.journeys.evaluation import issue
from tests.journeys.rounds import Place, Round
from tests.world import World

pytestmark = [pytest.mark.journey, pytest.mark.once, pytest.mark.timeout(600), pytest.mark.django_db]

JIEYANG = Place(
    slug="jieyang",
    owner="445200",
    applicant="jy_applicant",
    area="445202",
    people={
        "county": ("jy_county_handler", "jy_county_approver"),
        "city": ("jy_city_handler", "jy_city_approver"),
    },
    values={
        "notice_days": 7,
        "notice_unit": "working",
        "notice_first_day": "next",
        "edition": "factory-2018",
    },
    days={
        "call": "2026-03-02T09:00",
        "fill": "2026-04-30T23:30",
        "county": "2026-05-11T09:00",
        "send": "2026-05-20T16:00",
        "conformity": "2026-06-01T09:00",
        "panel": "2026-07-06T09:00",
        "decide": "2026-08-03T09:00",
        "notice": "2026-09-28T09:00",
        "publish": "2026-10-20T09:00",
    },
    # Seven working days from Tuesday 29 September: 1-7 October are holidays, Saturday 10 October is worked for them.
    counted=("2026-09-29", "2026-10-13", 7),
    score="80.0",
)


@pytest.mark.clause("JY-2", "JY-5", "JY-11a", "JY-12", "JY-13", "JY-15a", "JY-15b")
def test_from_the_call_to_the_published_list(world: World) -> None:
    county.load_rules()
    issue("jieyang")
    places.jieyang(world)
    story = Round(world, JIEYANG)
    story.told()
    assert story.visited == ["county", "send", "conformity", "panel", "decide", "notice", "publish"]
    assert story.visited == [step.key for step in rules_of(story.call).steps][1:]
