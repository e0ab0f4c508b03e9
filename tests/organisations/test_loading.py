"""Reference data reaches the database whole, and twice is as good as once."""

import pytest
from django.core.management import call_command

from greenlist.core.actors import SYSTEM
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.organisations import selectors, services
from greenlist.organisations.models import Industry
from tests.world import World


def row(code: str, level: int, parent: str, name: str = "名") -> dict[str, str]:
    return {"code": code, "level": str(level), "parent": parent, "name_zh": name, "name_en": ""}


def test_the_command_loads_areas_and_industries_once(db, capsys) -> None:
    call_command("load_reference")
    call_command("load_reference")
    assert [Industry.objects.filter(level=level).count() for level in (2, 3, 4)] == [31, 179, 609]
    assert capsys.readouterr().out.count(" 0 created, 0 changed") == 2
    assert [one.code for one in selectors.find_industries("光纤")] == ["3832"]
    assert {one.code for one in selectors.find_industries("383")} >= {"3832", "3833", "3834"}
    assert selectors.find_industries("  ") == []


def test_a_row_without_its_parent_is_refused_whole(db, now) -> None:
    with pytest.raises(Invalid):
        services.load_industries(rows=[row("13", 2, "C"), row("1311", 4, "131")], actor=SYSTEM, at=now)
    assert not Industry.objects.exists()


def test_a_changed_name_is_taken_over_and_other_codes_stay(db, now) -> None:
    first = [row("13", 2, "C"), row("131", 3, "13"), row("1311", 4, "131")]
    services.load_industries(rows=first, actor=SYSTEM, at=now)
    assert services.load_industries(rows=[row("13", 2, "C", "新名")], actor=SYSTEM, at=now) == (0, 1)
    assert Industry.objects.count() == 3


@pytest.mark.authz
def test_only_an_administrator_mends_the_table(world: World, now) -> None:
    industry = Industry.objects.get(code="3911")
    services.save_industry(industry=industry, actor=world.actor("administrator"), at=now)
    for character in ("city_approver", "applicant", "anonymous"):
        with pytest.raises(NotAllowed):
            services.save_industry(industry=industry, actor=world.actor(character), at=now)
