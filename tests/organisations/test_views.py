"""The pages: registering step by step, one's own organisation, the officials' lists; who sees which."""

import pytest
from django.core import mail
from django.urls import reverse

from greenlist.core import clock
from greenlist.core.models import AuditEntry
from greenlist.organisations import services
from greenlist.organisations.models import AdverseRecord, Organisation
from tests import factories
from tests.world import World

CODE = factories.credit_code(6006)
DETAILS = {
    "name": "步步示例有限公司",
    "area": "河北省秦皇岛市海港区",
    "production_area": "130302",
    "production_address": "示例路6号",
}


def test_registering_step_by_step(world: World) -> None:
    anonymous = world.client("anonymous")
    first = anonymous.get("/organisation/register/")
    assert first.headers["Location"] == "/account/register/?next=%2Forganisation%2Fregister%2F"
    client = world.client("stranger")
    assert client.get("/organisation/").headers["Location"] == "/organisation/register/"
    assert client.get("/organisation/register/").status_code == 200
    wrong = client.post("/organisation/register/", {"kind": "firm", "code": CODE[:-1]})
    assert wrong.status_code == 422
    assert "code" in wrong.context["form"].errors
    second = client.post("/organisation/register/", {"kind": "firm", "code": f" {CODE.lower()} "})
    assert second.headers["Location"] == f"/organisation/register/firm/{CODE}/"
    assert client.get(second.headers["Location"]).status_code == 200
    refused = client.post(second.headers["Location"], DETAILS | {"area": "没有这个地方"})
    assert refused.status_code == 422
    assert "area" in refused.context["form"].errors
    done = client.post(second.headers["Location"], DETAILS, follow=True)
    assert done.status_code == 200
    made = Organisation.objects.get(code=CODE)
    assert done.wsgi_request.actor.organisation_id == made.pk
    assert world.county.name in done.content.decode()


def test_a_taken_code_shows_the_way_out_and_no_name(world: World) -> None:
    client = world.client("stranger")
    page = client.post("/organisation/register/", {"kind": "firm", "code": world.org.code})
    assert page.status_code == 422
    assert page.context["taken"].pk == world.org.pk
    assert world.org.name not in page.content.decode()
    direct = client.post(f"/organisation/register/firm/{world.org.code}/", DETAILS)
    assert direct.status_code == 422


def test_profile_sites_honours_members(world: World) -> None:
    client = world.client("applicant")
    factories.title(world.site, "city", listing="2024年秦皇岛市绿色工厂名单")
    page = client.get("/organisation/").content.decode()
    assert world.org.name in page
    assert "2024年秦皇岛市绿色工厂名单" in page
    form = client.get("/organisation/edit/").context["form"]
    data = {name: form[name].value() or "" for name in form.fields}
    assert data["area"] == "河北省秦皇岛市海港区"
    data |= {
        "contact_name": "周示例",
        "size": "large",
        "independent_accounting": "no",
        "industry": "3911 计算机整机制造",
    }
    assert client.post("/organisation/edit/", data).status_code == 302
    org = Organisation.objects.get(pk=world.org.pk)
    assert (org.contact_name, org.size, org.independent_accounting, org.industry_id) == (
        "周示例",
        "large",
        False,
        "3911",
    )
    assert client.post("/organisation/edit/", data | {"industry": "9999"}).status_code == 422
    site = {"name": "二厂", "area": "昌黎县", "address": "示例路"}
    assert client.post("/organisation/sites/new/", site).status_code == 302
    assert client.post(f"/organisation/sites/{world.sites['rival'].pk}/", site).status_code == 404
    assert client.post("/organisation/honours/", {"kind": "水效领跑者", "year": "2024"}).status_code == 302
    honour = org.honours.get()
    assert world.client("rival").post(f"/organisation/honours/{honour.pk}/remove/").status_code == 404
    assert client.post(f"/organisation/honours/{honour.pk}/remove/").status_code == 302
    assert client.get("/organisation/members/").context["form"] is not None
    assert world.client("colleague").get("/organisation/members/").context["form"] is None
    assert (
        world.client("colleague")
        .post("/organisation/members/", {"email": "x@example.com", "role": "staff"})
        .status_code
        == 403
    )


def test_an_invitation_is_accepted_on_its_page(world: World) -> None:
    client = world.client("applicant")
    assert client.post("/organisation/members/", {"email": "neu@example.com", "role": "staff"}).status_code == 302
    services.send_due_invitations(at=clock.now())  # the page read the real clock
    address = next(w for w in mail.outbox[0].body.split() if "/invitation/" in w).removeprefix("http://127.0.0.1:8000")
    assert world.org.name in world.client("anonymous").get(address).content.decode()
    assert world.client("anonymous").post(address).status_code == 200  # still the page: joining needs an account
    joined = world.client("stranger").post(address, follow=True)
    assert joined.wsgi_request.actor.organisation_id == world.org.pk
    assert world.client("rival").get(address).status_code == 409


def test_a_claim_is_confirmed_or_refused(world: World) -> None:
    client = world.client("stranger")
    client.post(f"/organisation/register/firm/{CODE}/", DETAILS)
    made = Organisation.objects.get(code=CODE)
    county = world.client("county_handler")
    assert made.name in county.get("/organisation/claims/").content.decode()
    address = reverse("organisations:claim", args=[made.pk])
    assert county.get(address).status_code == 200
    assert county.post(address, {"action": "refuse", "reason": ""}).status_code == 422
    assert county.post(address, {}).status_code == 200
    made.refresh_from_db()
    assert made.claim == "claimed"  # a send that names no button decides nothing
    assert county.post(address, {"action": "confirm"}).status_code == 302
    assert county.post(address, {"action": "confirm"}).status_code == 409
    made.refresh_from_db()
    assert made.claim == "confirmed"


@pytest.mark.authz
@pytest.mark.case("AZ-04")
def test_another_place_finds_no_trace(world: World) -> None:
    factories.adverse(world.org, "safety", factories.LONG_AGO, 2, reference="CANARY-1")
    own, others = (
        world.client("county_handler"),
        ("other_county_handler", "other_city_approver", "hlj_province_handler"),
    )
    pages = {
        "search": "/organisation/search/?q=示例",
        "claims": "/organisation/claims/",
        "adverse": "/organisation/adverse/",
        "industries": "/organisation/industries/?industry=39",
    }
    assert world.org.name in own.get(pages["search"]).content.decode()
    assert world.org.name in own.get(pages["adverse"]).content.decode()
    for character in others:
        client = world.client(character)
        for address in pages.values():
            text = client.get(address).content.decode()
            assert world.org.name not in text, (character, address)
            assert world.org.code not in text, (character, address)


@pytest.mark.authz
def test_each_address_answers_404_to_whom_it_is_not_for(world: World) -> None:
    record = factories.adverse(world.org, "safety", factories.LONG_AGO, 2)
    addresses = [
        f"/organisation/of/{world.org.pk}/",
        f"/organisation/claims/{world.org.pk}/",
        f"/organisation/adverse/{record.pk}/",
    ]
    for address in addresses:
        assert world.client("county_handler").get(address).status_code == 200, address
        for character in (
            "rival",
            "applicant",
            "other_county_handler",
            "hlj_city_handler",
            "expert",
            "stranger",
            "administrator",
        ):
            assert world.client(character).get(address).status_code == 404, (address, character)
        assert world.client("anonymous").get(address).status_code == 302
    missing = world.client("other_county_handler").get("/organisation/of/999999/")
    foreign = world.client("other_county_handler").get(addresses[0])
    assert missing.status_code == foreign.status_code
    for address in (
        "/organisation/search/",
        "/organisation/claims/",
        "/organisation/adverse/",
        "/organisation/adverse/new/",
    ):
        for character in ("applicant", "expert", "stranger", "administrator", "supervisor"):
            assert world.client(character).get(address).status_code == 403, (address, character)


@pytest.mark.case("PR-04")
def test_contact_data_is_masked_until_somebody_asks_in_writing(world: World) -> None:
    client = world.client("county_handler")
    address = f"/organisation/of/{world.org.pk}/"
    page = client.get(address).content.decode()
    assert "13800000000" not in page
    assert "138****0000" in page
    assert "13800000000" in client.post(f"{address}contact/").content.decode()
    assert AuditEntry.objects.filter(action="contact.read", user_id=world.user("county_handler").pk).count() == 1
    assert world.client("applicant").post(f"{address}contact/").status_code == 403
    assert world.client("rival").post(f"{address}contact/").status_code == 404


def test_search_by_former_name_and_code(world: World) -> None:
    Organisation.objects.filter(pk=world.org.pk).update(former="海港旧厂\n海港老厂")
    client = world.client("county_handler")
    for words in ("海港老厂", world.org.code.lower(), "精密制造"):
        assert world.org.name in client.get("/organisation/search/", {"q": words}).content.decode(), words
    assert world.org.name not in client.get("/organisation/search/", {"claim": "claimed"}).content.decode()
    assert client.get("/organisation/search/", {"page": "9" * 40}).status_code == 200
    assert client.get("/organisation/search/", {"page": "²"}).status_code == 200


def seed(world: World, count: int) -> None:
    for number in range(count):
        person = factories.person()
        made = factories.organisation(world.areas["130302"], owner=person, industry=factories.industry())
        Organisation.objects.filter(pk=made.pk).update(claim="claimed", claimed_at="2026-11-01T00:00:00Z")
        factories.adverse(made, "safety", factories.LONG_AGO, 2, entered_by=world.county)
        factories.member(factories.person(), world.org)
        factories.title(factories.site(world.org, world.areas["130302"], f"厂{number}"), "city")
        world.org.honours.create(kind=f"荣誉{person.pk}")


@pytest.mark.parametrize(
    ("character", "address"),
    [
        ("county_handler", "/organisation/search/"),
        ("county_handler", "/organisation/claims/"),
        ("county_handler", "/organisation/adverse/"),
        ("applicant", "/organisation/"),
        ("applicant", "/organisation/members/"),
        ("applicant", "/organisation/honours/"),
    ],
)
def test_pages_cost_the_same_with_3_rows_and_with_30(
    world: World, django_assert_max_num_queries, character: str, address: str
) -> None:
    client = world.client(character)
    counts = []
    for more in (3, 27):
        seed(world, more)
        with django_assert_max_num_queries(30) as captured:
            assert client.get(address).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert counts[0] <= 10, "\n".join(query["sql"] for query in captured.captured_queries)
    assert AdverseRecord.objects.count() == 30
