"""The schema: valid, complete, closed by default; and its page under the strict content security policy."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.urls import get_resolver
from playwright.sync_api import Browser
from rest_framework.views import APIView

from greenlist import urls
from greenlist.core.api import PUBLIC, ApiView
from greenlist.core.api_schema import schema
from tests.a11y.test_pages import Reader
from tests.api.keys import Program, program, token_for
from tests.world import World

OPEN = {
    "form_schema",
    "calls",
    "call",
    "lists",
    "list_as_of",
    "listings",
    "listing",
    "notices",
    "notice",
    "announcements",
    "announcement",
    "bulletins",
    "bulletin",
    "certificate_by_number",
    "certificate",
    "public_page",
}


def operations() -> dict[str, dict[str, Any]]:
    return {one["operationId"]: one for methods in schema("en")["paths"].values() for one in methods.values()}


def test_the_schema_is_valid_and_made_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=io.StringIO())
    assert "Warning" not in capsys.readouterr().err


def test_only_what_is_meant_for_everybody_asks_for_no_token() -> None:
    found = operations()
    assert {name for name, one in found.items() if not one.get("security")} == OPEN
    assert len(found) > 30


def test_a_view_is_closed_until_it_says_to_whom_it_is_open(rf: Any) -> None:
    class Forgotten(ApiView):
        def get(self, request: Any) -> None: ...

    class Bare(APIView):
        def get(self, request: Any) -> None: ...

    assert Forgotten.as_view()(rf.get("/api/v1/x/")).status_code == 401
    assert Bare.as_view()(rf.get("/api/v1/x/")).status_code in (401, 403)


def test_every_view_builds_on_the_frame_and_names_a_scope_for_each_method() -> None:
    for pattern in urls.api:
        view = pattern.callback.cls
        assert issubclass(view, ApiView), view
        methods = {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)}
        assert set(view.scopes) == methods, view
        assert set(view.scopes.values()) <= {PUBLIC, "read", "draft", "submit", "receive", "record"}, view


def test_no_serializer_takes_its_fields_from_a_model() -> None:
    """They are listed by name: a new column is shown to nobody by itself."""
    from rest_framework.serializers import ModelSerializer

    def below(kind: type) -> list[type]:
        return [one for sub in kind.__subclasses__() for one in (sub, *below(sub))]

    get_resolver().reverse_dict  # noqa: B018  (loads every address, and with it every serializer)
    ours = ("applications", "greenlist", "registry", "reviews", "dynamics")
    assert [one for one in below(ModelSerializer) if one.__module__.startswith(ours)] == []


@pytest.mark.django_db
def test_the_schema_is_a_document_of_its_own_type_in_the_readers_words() -> None:
    english = Program().ask("GET", "/api/schema/", Accept_Language="en")
    chinese = Program().ask("GET", "/api/schema/", Accept_Language="zh-CN")
    assert english["Content-Type"] == "application/vnd.oai.openapi+json"
    assert english.json()["openapi"].startswith("3.0")
    assert chinese.json()["info"]["title"] == "绿色制造名单接口"
    assert set(english.json()["paths"]) == set(chinese.json()["paths"])


@pytest.mark.django_db
def test_the_page_tells_every_operation(world: World) -> None:
    answer = world.client("anonymous").get("/api/")
    text = answer.content.decode()
    assert answer.status_code == 200
    for name, one in operations().items():
        assert f'id="{name}"' in text
        assert one["operationId"] == name
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "<style" not in text
    assert " style=" not in text


# ---- in a browser -----------------------------------------------------------------------------------------------------
@pytest.mark.browser
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "who", "wrong"),
    [("/api/", "anonymous", False), ("/account/tokens/", "applicant", False), ("/account/tokens/", "rival", True)],
)
def test_the_browser_blocks_nothing_and_asks_nobody_else(
    world: World, address: str, who: str, wrong: bool, browser: Browser, browser_context_args: dict[str, Any]
) -> None:
    token_for(world, "applicant")
    reader = Reader(browser, world.client(who), browser_context_args)
    asked: list[str] = []
    reader.page.on("request", lambda request: asked.append(request.url))
    reader.page.add_init_script(
        "window.blocked = []; document.addEventListener('securitypolicyviolation', e => blocked.push(e.violatedDirective));"
    )
    reader.open(address)
    assert reader.status == 200
    assert reader.page.evaluate("window.blocked") == []
    assert list(reader.faults()) == []
    if wrong:
        assert reader.get_wrong()
        assert list(reader.faults()) == []
    assert {urlsplit(url).netloc for url in asked} == {"localhost"}
    assert reader.page.evaluate("getComputedStyle(document.querySelector('h1')).fontFamily")
    reader.context.close()


@pytest.mark.django_db
def test_the_same_words_stand_on_page_and_in_the_answer(world: World) -> None:
    """One action, one service: a refusal reads alike wherever it is met."""
    page = world.client("applicant").get("/cases/none/", headers={"Accept": "application/json"}).json()
    answer = program(world, "applicant").get("cases/none/").json()
    assert (answer["code"], answer["detail"]) == (page["code"], page["message"])
