"""The life of a token: made on a page, shown once, checked at each request, revoked, throttled, and written into the trail."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.cache import cache

from greenlist.accounts import services
from greenlist.accounts.models import ApiToken, User
from greenlist.accounts.states import Scope
from greenlist.core import clock
from greenlist.core.errors import Invalid, NotAllowed, NotVisible
from greenlist.core.models import AuditEntry, Notification
from greenlist.organisations.models import Membership
from tests import factories
from tests.api.keys import Program, program, token_for
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.authz]
PAGE = "/account/tokens/"


def actions(user: User) -> list[str]:
    rows = AuditEntry.objects.filter(subject_kind="user", subject_id=str(user.pk)).order_by("position")
    return list(rows.values_list("action", flat=True))


def password(world: World, character: str) -> User:
    user = User.objects.get(pk=world.user(character).pk)
    user.set_password(factories.PASSWORD)
    user.save()
    return user


def form(**changes: Any) -> dict[str, Any]:
    day = clock.china_date(clock.now()) + timedelta(days=90)
    return {
        "name": "能源系统",
        "scopes": ["read", "draft"],
        "valid_until": day.isoformat(),
        "current": factories.PASSWORD,
        **changes,
    }


# ---- the page -------------------------------------------------------------------------------------------------------
def test_a_token_is_made_on_a_page_shown_once_and_opens_the_api(world: World) -> None:
    user = password(world, "applicant")
    client = world.client("applicant")
    answer = client.post(PAGE, form())
    assert answer.status_code == 200, answer.context["form"].errors
    secret = answer.context["made"].secret
    assert secret in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    row = ApiToken.objects.get()
    assert secret not in str(vars(row))
    assert row.digest == services.tokens.digest_of(secret)
    assert secret not in client.get(PAGE).content.decode()
    assert row.tail in client.get(PAGE).content.decode()
    told = Program(secret).get("token/").json()
    assert told == {
        "person": world.user("applicant").name,
        "capacity": "applicant",
        "authority": "",
        "organisation": world.org.name,
        "scopes": ["draft", "read"],
    }
    row.refresh_from_db()
    assert row.used_at is not None
    assert "token.made" in actions(user)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"current": "wrong"}, "current"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["receive"]}, "scopes"),  # a firm is not offered what an office may
        ({"valid_until": "2020-01-01"}, "valid_until"),
        ({"valid_until": "2190-01-01"}, "valid_until"),
        ({"name": ""}, "name"),
    ],
)
def test_a_wrong_form_makes_no_token(world: World, changes: dict[str, Any], field: str) -> None:
    password(world, "applicant")
    answer = world.client("applicant").post(PAGE, form(**changes))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not ApiToken.objects.exists()


def test_nobody_holds_more_than_ten(world: World) -> None:
    password(world, "applicant")
    for _ in range(services.tokens.MOST):
        token_for(world, "applicant")
    answer = world.client("applicant").post(PAGE, form())
    assert answer.status_code == 422
    assert ApiToken.objects.count() == services.tokens.MOST


@pytest.mark.parametrize("character", ["expert", "supervisor", "ecology", "administrator", "stranger"])
def test_whom_the_api_does_not_serve_makes_no_token(world: World, character: str) -> None:
    assert world.client("county_handler").get(PAGE).status_code == 200
    password(world, character)
    client = world.client(character)
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, form()).status_code == 403
    with pytest.raises(NotAllowed):
        services.make_token(
            actor=world.actor(character),
            at=clock.now(),
            name="x",
            scopes=["read"],
            valid_until=date(2027, 1, 1),
            current=factories.PASSWORD,
        )
    assert not ApiToken.objects.exists()


def test_a_token_cannot_be_made_with_a_scope_that_does_not_exist(world: World, now: Any) -> None:
    password(world, "county_handler")
    given = {"actor": world.actor("county_handler"), "at": now, "name": "x", "current": factories.PASSWORD}
    with pytest.raises(Invalid):
        services.make_token(**given, scopes=["read", "everything"], valid_until=date(2027, 1, 1))
    made = services.make_token(**given, scopes=[Scope.READ, Scope.RECEIVE], valid_until=date(2027, 1, 1))
    assert made.row.scopes == ["read", "receive"]


def test_the_owner_revokes_and_nobody_else(world: World) -> None:
    row, secret = token_for(world, "applicant")
    assert Program(secret).get("cases/").status_code == 200
    for other in ("colleague", "rival", "county_handler"):
        assert world.client(other).post(f"{PAGE}{row.pk}/revoke/").status_code == 404
    with pytest.raises(NotVisible):
        services.revoke_token(token_id=row.pk, actor=world.actor("rival"), at=clock.now())
    assert Program(secret).get("cases/").status_code == 200
    assert world.client("applicant").post(f"{PAGE}{row.pk}/revoke/").status_code == 302
    refused = Program(secret).get("cases/")
    assert refused.status_code == 401
    assert refused["WWW-Authenticate"] == "Bearer"
    assert refused.json()["code"] == "token_refused"
    world.client("applicant").post(f"{PAGE}{row.pk}/revoke/")  # twice changes nothing
    trail = actions(world.user("applicant"))
    assert trail.count("token.revoked") == 1
    assert trail.count("token.refused") == 1


def test_the_security_administrator_revokes(world: World) -> None:
    row, secret = token_for(world, "applicant")
    client = world.client("security_administrator")
    listing = "/admin/accounts/apitoken/"
    assert client.get(listing).status_code == 200
    assert client.get(f"{listing}add/").status_code == 403
    answer = client.post(f"{listing}{row.pk}/change/", {"end_reason": "泄露"})
    assert answer.status_code == 302, answer.content.decode()
    assert Program(secret).get("cases/").status_code == 401
    assert "token.revoked" in actions(world.user("applicant"))


# ---- each request ---------------------------------------------------------------------------------------------------
@pytest.mark.case("AU-07")
def test_a_closed_account_is_refused_at_once(world: World) -> None:
    _row, secret = token_for(world, "county_handler")
    assert Program(secret).get("cases/").status_code == 200
    User.objects.filter(pk=world.user("county_handler").pk).update(is_active=False)
    assert Program(secret).get("cases/").status_code == 401
    assert "token.refused" in actions(world.user("county_handler"))


@pytest.mark.case("AU-07")
def test_an_ended_mandate_ends_its_token_for_good(world: World) -> None:
    row, secret = token_for(world, "county_handler")
    assert Program(secret).get("cases/").status_code == 200
    mandate = world.mandates["county_handler"]
    type(mandate).objects.filter(pk=mandate.pk).update(ended_at=clock.now())
    assert Program(secret).get("cases/").status_code == 401
    type(mandate).objects.filter(pk=mandate.pk).update(ended_at=None)
    assert Program(secret).get("cases/").status_code == 401
    row.refresh_from_db()
    assert row.revoked_at is not None


@pytest.mark.case("AU-07")
def test_who_leaves_a_firm_loses_its_token(world: World) -> None:
    _row, secret = token_for(world, "colleague")
    assert Program(secret).get("cases/").status_code == 200
    Membership.objects.filter(pk=world.memberships["colleague"].pk).update(valid_until=date(2026, 1, 1))
    assert Program(secret).get("cases/").status_code == 401


def test_the_last_day_is_the_last_day(world: World) -> None:
    today = clock.china_date(clock.now())
    _row, good = token_for(world, "applicant", valid_until=today)
    _row, over = token_for(world, "applicant", valid_until=today - timedelta(days=1))
    assert Program(good).get("cases/").status_code == 200
    assert Program(over).get("cases/").status_code == 401


@pytest.mark.parametrize(
    "named",
    [
        "Bearer",
        "Bearer ",
        "Bearer glt_wrong",
        "bearer \x00",
        "Basic YTpi",
        "Token x",
        "Bearer " + "x" * 5000,
        "Bearer 令牌",
    ],
)
def test_nonsense_is_refused_also_where_no_token_is_asked_for(world: World, named: str) -> None:
    client = Program().client
    assert client.get("/api/v1/calls/").status_code == 200
    answer = client.get("/api/v1/calls/", headers={"Authorization": named.encode().decode("latin-1")})
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


def test_a_browsers_session_opens_nothing(world: World) -> None:
    assert program(world, "applicant").get("cases/").status_code == 200
    answer = world.client("applicant").get("/api/v1/cases/")
    assert answer.status_code == 401
    assert answer.json()["code"] == "token_needed"


def test_a_scope_that_is_not_ticked_is_refused(world: World) -> None:
    assert program(world, "applicant", ["read"]).get("cases/").status_code == 200
    answer = program(world, "applicant", ["draft"]).get("cases/")
    assert answer.status_code == 403
    assert answer.json()["code"] == "scope_missing"
    assert actions(world.user("applicant")) == ["token.refused"]
    assert program(world, "applicant", ["read"]).post("cases/", {"call": 1, "site": 1}).status_code == 403
    assert program(world, "applicant", ["draft"]).post("cases/", {"call": 1, "site": 1}).status_code == 404


@pytest.mark.case("AU-03")
def test_an_officer_without_second_factor_gets_403(world: World, settings: Any) -> None:
    officer, firm = program(world, "county_handler"), program(world, "applicant")
    assert officer.get("cases/").status_code == 200
    settings.SECOND_FACTOR = True
    answer = officer.get("cases/")
    assert answer.status_code == 403
    assert answer.json()["code"] == "second_factor_missing"
    assert firm.get("cases/").status_code == 200


@pytest.mark.case("AU-03")
def test_a_password_that_is_due_stops_the_officer_s_programs_too(world: World, settings: Any) -> None:
    """What no page would let pass no token does either (MLPS 8.1.4.1.a)."""
    settings.PASSWORD_POLICY = "graded"
    officer, firm = program(world, "county_handler"), program(world, "applicant")
    people = User.objects.filter(pk__in=[world.user("county_handler").pk, world.user("applicant").pk])
    people.update(password_set_at=clock.now() - timedelta(days=89))
    assert officer.get("cases/").status_code == 200
    people.update(password_set_at=clock.now() - timedelta(days=91))
    answer = officer.get("cases/")
    assert answer.status_code == 403
    assert answer.json()["code"] == "password_due"
    assert firm.get("cases/").status_code == 200  # firms keep the other rule book (docs/adr/0005)
    people.update(password_set_at=clock.now())
    assert officer.get("cases/").status_code == 200


def test_the_person_is_told_of_a_new_token(world: World) -> None:
    """It opens the portal for a year, whatever becomes of the password: who did not make it must hear of it."""
    user = password(world, "applicant")
    assert world.client("applicant").post(PAGE, form()).status_code == 200
    told = Notification.objects.filter(recipient=user, kind="account.token_made")
    assert {row.channel for row in told} == {"portal", "email"}
    assert told[0].params["name"] == "能源系统"
    assert "glt_" not in str(told[0].params)


def test_the_use_of_a_token_is_kept_to_the_hour(world: World) -> None:
    row, secret = token_for(world, "applicant")
    for _ in range(3):
        Program(secret).get("cases/")
    row.refresh_from_db()
    first = row.used_at
    assert first is not None
    assert clock.now() - first < timedelta(hours=1)


def test_refusals_fill_the_trail_once_an_hour(world: World) -> None:
    row, secret = token_for(world, "applicant", revoked_at=clock.now())
    for _ in range(5):
        assert Program(secret).get("cases/").status_code == 401
    assert actions(world.user("applicant")) == ["token.refused"]
    ApiToken.objects.filter(pk=row.pk).update(refused_at=clock.now() - timedelta(hours=2))
    Program(secret).get("cases/")
    assert actions(world.user("applicant")) == ["token.refused"] * 2


# ---- how fast -------------------------------------------------------------------------------------------------------
@pytest.fixture
def _rates(settings: Any) -> None:
    cache.clear()
    settings.API_RATES = {"address": "8/min", "token": "3/min", "refusal": "2/min"}


@pytest.mark.usefixtures("_rates")
def test_a_token_asks_as_often_as_its_rate_allows(world: World) -> None:
    mine, other = program(world, "applicant"), program(world, "rival")
    assert [mine.get("token/").status_code for _ in range(4)] == [200, 200, 200, 429]
    slow = mine.get("token/")
    assert slow["Content-Type"] == "application/problem+json"
    assert slow.json()["code"] == "too_many"
    assert 0 < int(slow["Retry-After"]) <= 60
    assert other.get("token/").status_code == 200


@pytest.mark.usefixtures("_rates")
def test_an_address_asks_as_often_as_its_rate_allows(world: World) -> None:
    anybody = Program()
    assert [anybody.get("calls/").status_code for _ in range(9)] == [200] * 8 + [429]
    forged = anybody.client.get("/api/v1/calls/", headers={"X-Forwarded-For": "203.0.113.7"})
    assert forged.status_code == 429
    assert anybody.client.get("/api/v1/calls/", REMOTE_ADDR="203.0.113.8").status_code == 200


@pytest.mark.usefixtures("_rates")
def test_tokens_are_not_guessed_by_the_thousand(world: World) -> None:
    assert [Program(f"glt_{n}").get("calls/").status_code for n in range(4)] == [401, 401, 429, 429]


@pytest.mark.usefixtures("_rates")
@pytest.mark.case("BG-04")
def test_without_the_cache_the_api_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_given: Any) -> Any:
        raise ConnectionError("no cache")

    mine = program(world, "applicant")
    assert mine.get("token/").status_code == 200
    monkeypatch.setattr(
        "rest_framework.throttling.SimpleRateThrottle.cache", type("Gone", (), {"get": gone, "set": gone})()
    )
    assert [mine.get("token/").status_code for _ in range(12)] == [200] * 12
