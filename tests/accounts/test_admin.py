"""The Django admin: its door, what is registered, and that writes go through services."""

import pytest
from django.apps import apps
from django.contrib import admin

from greenlist.accounts.models import Area, Mandate, User
from greenlist.core.models import AuditEntry
from tests.world import PEOPLE, World

CASE_APPS = {"applications", "reviews", "registry", "dynamics", "core"}


@pytest.mark.case("AZ-15")
@pytest.mark.authz
def test_only_an_administrator_in_that_role_enters(world: World) -> None:
    keepers = ("administrator", "security_administrator")
    for character in keepers:
        assert world.client(character).get("/admin/").status_code == 200
    for character in set(PEOPLE) - set(keepers):
        world.user(character).is_staff = True  # the flag alone opens nothing
        world.user(character).save()
        response = world.client(character).get("/admin/", follow=True)
        assert response.status_code == 403, character
    response = world.client("anonymous").get("/admin/accounts/user/")
    assert response.status_code == 302
    assert world.client("anonymous").get("/admin/", follow=True).redirect_chain[-1][0].startswith("/account/login/")


@pytest.mark.case("AZ-15")
def test_no_model_of_a_case_is_registered_and_nothing_is_deleted(world: World) -> None:
    registered = {model for model in admin.site._registry if model._meta.app_label in CASE_APPS}
    assert not registered
    of_security = {"user", "mandate", "apitoken"}
    for label in ("accounts", "organisations"):
        for model in apps.get_app_config(label).get_models():
            if model not in admin.site._registry:
                continue
            name = model._meta.model_name
            client = world.client("security_administrator" if name in of_security else "administrator")
            other = world.client("administrator" if name in of_security else "security_administrator")
            listing = f"/admin/{label}/{name}/"
            assert client.get(listing).status_code == 200, listing
            assert other.get(f"{listing}add/").status_code == 403, listing
            if name != "authority":  # looked up where a mandate is given
                assert other.get(listing).status_code == 403, listing
            row = model.objects.first()
            if row is not None:
                assert client.post(f"{listing}{row.pk}/delete/", {"post": "yes"}).status_code == 403
                assert model.objects.filter(pk=row.pk).exists()


def test_an_area_is_kept_by_the_service(world: World) -> None:
    client, county = world.client("administrator"), world.areas["130324"]
    data = {"name": "卢龙新县", "name_en": "", "code": "130324", "slug": "130324", "parent": world.areas["130300"].pk}
    response = client.post(f"/admin/accounts/area/{county.pk}/change/", data)
    assert response.status_code == 302, response.content.decode()
    assert Area.objects.get(pk=county.pk).full_name == "河北省秦皇岛市卢龙新县"
    assert AuditEntry.objects.filter(action="area.changed", subject_id=str(county.pk)).exists()


def test_what_a_service_refuses_is_shown_in_the_form(world: World) -> None:
    client, province = world.client("administrator"), world.areas["130000"]
    data = {"name": "河北省", "name_en": "", "code": "130000", "slug": "130000", "parent": world.areas["130302"].pk}
    response = client.post(f"/admin/accounts/area/{province.pk}/change/", data)
    assert response.status_code == 200
    assert "parent" in response.context["adminform"].form.errors
    assert Area.objects.get(pk=province.pk).parent is None


def test_people_and_mandates_are_kept_by_services(world: World) -> None:
    client = world.client("security_administrator")
    person = {
        "username": "New.Officer",
        "name": "新干部",
        "email": "officer@example.com",
        "language": "zh-hans",
        "phone": "",
    }
    assert client.post("/admin/accounts/user/add/", person).status_code == 302
    made = User.objects.get(username="new.officer")
    assert made.is_active
    assert made.has_usable_password()
    mandate = {"user": made.pk, "role": "handler", "authority": world.county.pk, "valid_from": "2026-01-01"}
    assert client.post("/admin/accounts/mandate/add/", mandate).status_code == 302
    row = Mandate.objects.get(user=made)
    wrong = client.post("/admin/accounts/mandate/add/", mandate | {"authority": world.authorities["ecology"].pk})
    assert wrong.status_code == 200
    assert "authority" in wrong.context["adminform"].form.errors
    end = {"valid_from": "2026-01-01", "end_reason": "调离"}
    assert client.post(f"/admin/accounts/mandate/{row.pk}/change/", end).status_code == 302
    row.refresh_from_db()
    assert row.ended_at is not None
    actions = set(AuditEntry.objects.filter(subject_id=str(made.pk)).values_list("action", flat=True))
    assert actions == {"account.created", "mandate.granted", "mandate.ended"}
    close = {k: v for k, v in person.items() if k != "username"} | {"closing_reason": "离职"}
    assert client.post(f"/admin/accounts/user/{made.pk}/change/", close).status_code == 302
    made.refresh_from_db()
    assert not made.is_active
