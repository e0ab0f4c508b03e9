"""The pool of experts: who keeps it, what experts say of themselves, and what the pages show (feature 13)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.urls import reverse

from greenlist.accounts.models import Mandate, User
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible
from greenlist.core.models import AuditEntry
from reviews.models import Employment, Expert
from reviews.selectors import pool as reads
from reviews.services import pool
from tests.reviews import stage
from tests.world import World

START, DAY = stage.START, date(2026, 6, 1)


def described(world: World, character: str = "expert", **given: Any) -> Expert:
    user = world.user(character).pk
    version = Expert.objects.filter(user=user).values_list("version", flat=True).first() or 0
    profile = pool.Profile(**given)
    return pool.describe(actor=world.actor("city_handler"), user_id=user, version=version, profile=profile, at=START)


def names(world: World, character: str = "city_handler", **given: str) -> list[str]:
    return sorted(row.name for row in reads.page(world.actor(character), given, DAY).rows)


def test_the_authority_that_gave_the_mandate_keeps_the_entry(world: World) -> None:
    row = described(world, fields=("节能", "水处理"), area="130302", cap_per_panel=9, cap_per_year=40)
    assert (row.fields, row.area, row.cap_per_year) == (["节能", "水处理"], world.areas["130302"], 40)
    assert AuditEntry.objects.filter(subject_kind="expert", action="expert.described").count() == 1
    user, profile = world.user("expert").pk, pool.Profile()
    with pytest.raises(Conflict):
        pool.describe(actor=world.actor("city_handler"), user_id=user, version=0, profile=profile, at=START)
    for character, refusal in (
        ("province_handler", NotAllowed),
        ("county_handler", NotAllowed),
        ("expert", NotAllowed),
        ("expert2", NotVisible),
        ("other_city_handler", NotVisible),
        ("applicant", NotVisible),
    ):
        with pytest.raises(refusal):
            pool.describe(actor=world.actor(character), user_id=user, version=1, profile=profile, at=START)
    with pytest.raises(Invalid) as wrong:
        described(world, fields=("长" * 31,), area="nowhere")
    assert set(wrong.value.problems) == {"fields", "area"}


def test_experts_keep_their_history_and_days_away(world: World) -> None:
    actor, user = world.actor("expert"), world.user("expert").pk
    job = pool.add_employment(
        actor=actor, user_id=user, employer=" 海港示例研究所 ", since=date(2019, 1, 1), until=None, at=START
    )
    assert job.employer == "海港示例研究所"
    pool.end_employment(actor=actor, user_id=user, employment=job.pk, until=date(2024, 5, 31), at=START)
    with pytest.raises(NotVisible):  # said once
        pool.end_employment(actor=actor, user_id=user, employment=job.pk, until=date(2020, 1, 1), at=START)
    with pytest.raises(Invalid):
        pool.add_employment(actor=actor, user_id=user, employer=" ", since=None, until=None, at=START)
    away = pool.add_absence(actor=actor, user_id=user, since=DAY, until=date(2026, 6, 9), reason="出差", at=START)
    assert names(world, standing="away") == ["专家甲"]
    pool.remove_absence(actor=actor, user_id=user, absence=away.pk, at=START)
    assert names(world, standing="away") == []
    for call in (
        lambda who: pool.add_employment(actor=who, user_id=user, employer="x", since=None, until=None, at=START),
        lambda who: pool.add_absence(actor=who, user_id=user, since=DAY, until=DAY, reason="", at=START),
    ):
        with pytest.raises(NotVisible):
            call(world.actor("expert2"))
        call(world.actor("city_handler"))


def test_suspended_with_a_reason(world: World) -> None:
    actor, user = world.actor("city_handler"), world.user("expert").pk
    with pytest.raises(Invalid):
        pool.suspend(actor=actor, user_id=user, reason=" ", at=START)
    pool.suspend(actor=actor, user_id=user, reason="履职考核不合格", at=START)
    assert names(world, standing="suspended") == ["专家甲"]
    assert "专家甲" not in names(world, standing="available")
    pool.resume(actor=actor, user_id=user, at=START)
    assert names(world, standing="suspended") == []


def test_the_list_is_of_the_place_and_filtered(world: World) -> None:
    everybody = ["专家丁", "专家丙", "专家乙", "专家甲"]
    assert names(world) == sorted(everybody)
    assert names(world, "province_handler") == sorted(everybody)
    assert names(world, "hlj_city_handler") == []
    described(world, fields=("节能",), area="130302")
    Mandate.objects.filter(user=world.user("expert2")).update(field="节能，环保")
    assert names(world, field="节能") == ["专家乙", "专家甲"]
    assert names(world, area="130302") == ["专家甲"]
    assert names(world, q="研究院") == ["专家乙"]
    Employment.objects.create(
        expert=Expert.objects.get(), employer="旧研究院", added_by=world.user("expert"), added_at=START
    )
    assert names(world, q="研究院") == ["专家乙", "专家甲"]
    with pytest.raises(NotVisible):
        reads.page(world.actor("expert"), {}, DAY)


def test_the_list_asks_as_often_for_many_as_for_few(world: World, django_assert_max_num_queries: Any) -> None:
    client = world.client("city_handler")
    client.get(reverse("reviews:pool"))
    people = User.objects.bulk_create(User(username=f"x{n}", name=f"专家{n}", password="!") for n in range(80))
    Mandate.objects.bulk_create(
        Mandate(
            user=one, role="expert", authority=world.authorities["130300"], valid_from=date(2020, 1, 1), field="节能"
        )
        for one in people
    )
    Expert.objects.bulk_create(Expert(user=one, fields=["节能"]) for one in people)
    with django_assert_max_num_queries(26):
        page = client.get(reverse("reviews:pool"))
    assert len(page.context["page"].rows) == 50
    assert page.context["page"].older


def test_pages_work_without_script(world: World) -> None:
    user = world.user("expert").pk
    client = world.client("city_handler")
    page = client.get(reverse("reviews:pool-entry", args=[user]))
    assert page.status_code == 200
    given = {"version": 0, "fields_": "节能, 建材；节能", "area": "130302", "cap_per_panel": "0"}
    assert client.post(reverse("reviews:pool-describe", args=[user]), given).status_code == 422
    given["cap_per_panel"] = "12"
    assert client.post(reverse("reviews:pool-describe", args=[user]), given).status_code == 302
    assert Expert.objects.get().fields == ["节能", "建材"]
    assert client.post(reverse("reviews:pool-standing", args=[user]), {"reason": ""}).status_code == 422
    assert client.post(reverse("reviews:pool-standing", args=[user]), {"reason": "停用"}).status_code == 302
    own = world.client("expert")
    job = {"job-employer": "示例大学", "job-since": "2020-01-01"}
    assert own.post(reverse("reviews:pool-employments", args=[user]), job).url == reverse("reviews:pool-own")
    row = Employment.objects.get()
    wrong = {"employment": row.pk, f"end-{row.pk}-until": "2019-01-01"}
    assert own.post(reverse("reviews:pool-employments", args=[user]), wrong).status_code == 422
    away = {"away-since": "2026-06-03", "away-until": "2026-06-01"}
    assert own.post(reverse("reviews:pool-absences", args=[user]), away).status_code == 422
    assert own.get(reverse("reviews:pool-own")).status_code == 200
