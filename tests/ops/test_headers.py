"""What every answer carries, and what a forged header cannot change (OP-02)."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings

from greenlist.core.proxies import ForwardedForMiddleware

SECURE = {"SECURE_SSL_REDIRECT": True, "SECURE_HSTS_SECONDS": 31536000, "SECURE_HSTS_INCLUDE_SUBDOMAINS": True}
PAGES = [
    "/",
    "/livez",
    "/readyz",
    "/account/login/",
    "/there-is-no-such-page",
    "/admin/",
    "/static/none.css",
    "/api/",
    "/api/schema/",
    "/api/v1/none/",
]


@pytest.mark.case("OP-02")
@pytest.mark.django_db
@pytest.mark.parametrize("address", PAGES)
def test_every_answer_carries_the_security_headers(address: str) -> None:
    with override_settings(**SECURE):
        answer = Client().get(address, secure=True)
    assert answer.status_code in {200, 302, 404}
    assert answer["Strict-Transport-Security"].startswith("max-age=31536000")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert answer["X-Request-Id"]


@pytest.mark.case("OP-02")
@pytest.mark.django_db
def test_plain_http_is_sent_to_https() -> None:
    with override_settings(**SECURE):
        answer = Client().get("/account/login/")
    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/account/login/")


@pytest.mark.case("OP-02")
@pytest.mark.django_db
def test_an_error_tells_nothing_of_the_inside(caplog: pytest.LogCaptureFixture) -> None:
    """A failing page: no stack, no file name, no SQL; the request id to ask by."""
    caplog.set_level(logging.CRITICAL)
    client = Client(raise_request_exception=False)
    with override_settings(ROOT_URLCONF="tests.ops.failing_urls"):
        answer = client.get("/fails")
    assert answer.status_code == 500
    body = answer.content.decode()
    for inside in ("Traceback", "failing_urls", "SELECT", "RuntimeError", str(Path(settings.ROOT))):
        assert inside not in body
    assert "Content-Security-Policy" in answer


@pytest.mark.case("OP-02")
@pytest.mark.django_db
def test_a_forged_host_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        assert Client().get("/account/login/").status_code == 200
        answer = Client(headers={"host": "elsewhere.example"}).get("/account/login/")
    assert answer.status_code == 400
    assert "elsewhere.example" not in answer.content.decode()


def seen_address(proxies: int, forwarded: str | None) -> str:
    """The address the portal takes for the client's, for a connection from 10.0.0.1."""
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    request = RequestFactory(headers=headers, REMOTE_ADDR="10.0.0.1").get("/")

    def answer(inner: HttpRequest) -> HttpResponse:
        return HttpResponse(inner.META["REMOTE_ADDR"])

    with override_settings(TRUSTED_PROXIES=proxies):
        return ForwardedForMiddleware(answer)(request).content.decode()


@pytest.mark.case("OP-02")
@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),  # the first was written by the client
        (2, "198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),  # fewer hops than proxies: somebody went round them
        (1, None, "10.0.0.1"),
    ],
)
def test_only_what_our_own_proxies_wrote_is_believed(proxies: int, forwarded: str | None, seen: str) -> None:
    assert seen_address(proxies, forwarded) == seen


@pytest.mark.case("OP-02")
def test_a_forged_address_changes_nothing_without_proxies() -> None:
    assert "greenlist.core.proxies.ForwardedForMiddleware" not in settings.MIDDLEWARE
    assert not getattr(settings, "USE_X_FORWARDED_HOST", False)


def test_the_refusal_of_hosts_is_djangos() -> None:
    """Guards the test above: a host outside the list raises, whatever the page would do with it."""
    request = RequestFactory(headers={"host": "elsewhere.example"}).get("/")
    with override_settings(ALLOWED_HOSTS=["testserver"]), pytest.raises(DisallowedHost):
        request.get_host()
