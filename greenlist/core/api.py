"""The frame of the API: who asks, what a token allows, what a body may hold, how a page of a list and a refusal look.

Views of the apps build on `ApiView` and call the services that pages call. Every refusal is a problem document (RFC 9457),
written here or, outside views, in `core.middleware`: the two translators of domain errors.
"""

import json
import logging
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.cache import patch_vary_headers
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from greenlist.core import clock, replica
from greenlist.core.actors import ANONYMOUS, Actor
from greenlist.core.api_throttles import AddressThrottle, TokenThrottle
from greenlist.core.errors import DomainError, Invalid, NotAllowed, NotVisible, Text, TooLarge
from greenlist.core.middleware import CONTROLS, PROBLEM, as_problem

log = logging.getLogger(__name__)
PUBLIC = "public"  # in `ApiView.scopes`: asks for no token
MOST = 100  # rows of one page
USUAL = 50
KEY = re.compile(r"[\x21-\x7e]{1,80}")  # of an Idempotency-Key
REVISION = re.compile(r'"(\d{1,9})"')
SURROGATES = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Credential:
    """A token that was accepted: who acts, what the token lets a program do, and where a refusal is written down."""

    actor: Actor
    token_id: int
    scopes: frozenset[str]
    note: Callable[[str], object]


# ---- refusals -------------------------------------------------------------------------------------------------------
class Malformed(Invalid):
    """The request is not what the schema says."""

    status = 400
    code = "malformed"


class RevisionNeeded(DomainError):
    """A change without If-Match: nobody overwrites what nobody has read."""

    status = 428
    code = "revision_needed"


class ScopeMissing(NotAllowed):
    code = "scope_missing"


class TokenNeeded(DomainError):
    status = 401
    code = "token_needed"


CODES = {
    400: "malformed",
    401: "token_needed",
    403: "not_allowed",
    405: "method_not_allowed",
    415: "unsupported_media_type",
    429: "too_many",
}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """A refusal as a problem document; a fault of ours is left to Django (500)."""
    known = _known(error)
    if known is None:
        return None
    answer = Response(as_problem(known), status=known.status, content_type=PROBLEM)
    if known.status == 401:
        answer["WWW-Authenticate"] = "Bearer"
    wait = getattr(known, "retry_after", None) or getattr(error, "wait", None)
    if wait:
        answer["Retry-After"] = str(math.ceil(wait))
    return answer


def _known(error: Exception) -> DomainError | None:
    if isinstance(error, DomainError):
        return error
    if isinstance(error, Http404):
        return NotVisible()
    if isinstance(error, PermissionDenied):
        return NotAllowed(_("This is not allowed."))
    if isinstance(error, serializers.ValidationError):
        return Invalid(_("Please correct what is named."), problems=dict(_problems(error.detail)))
    if isinstance(error, exceptions.APIException):
        found = DomainError(str(error.detail), code=CODES.get(error.status_code, "refused"))
        found.status = error.status_code
        return found
    return None


def _problems(detail: Any, path: str = "") -> Iterable[tuple[str, list[Text]]]:
    """A nested error of REST framework as `path.to.field` → texts."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            yield from _problems(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(detail, list) and any(isinstance(one, Mapping | list) for one in detail):
        for index, inner in enumerate(detail):
            yield from _problems(inner, f"{path}.{index}")
    else:
        yield path, [str(one) for one in (detail if isinstance(detail, list) else [detail])]


# ---- what comes in --------------------------------------------------------------------------------------------------
class AlwaysJson(BaseContentNegotiation):
    """There is one form of answer, whatever is asked for."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        given = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == given), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class JsonBody(BaseParser):
    """One JSON object in UTF-8 that both databases can keep: no NaN, no 1e400, no NUL, no half of a character."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024 // 1024
            raise TooLarge(_("At most %(limit)s MB can be sent at once.") % {"limit": most})
        try:
            found = _clean(json.loads(body.decode(), parse_constant=_no_number, parse_float=_finite))
        except (ValueError, RecursionError) as wrong:
            raise Malformed(_("The body is no JSON object.")) from wrong
        if not isinstance(found, dict):
            raise Malformed(_("The body is no JSON object."))
        return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _clean(value: Any) -> Any:
    """As pages clean what is typed (UP-10): control characters become blanks."""
    match value:
        case dict():
            return {_clean(key): _clean(one) for key, one in value.items()}
        case list():
            return [_clean(one) for one in value]
        case str():
            return SURROGATES.sub("\ufffd", CONTROLS.sub(" ", value))
        case int() if abs(value) > 10**30:
            raise ValueError("more digits than any figure has")
    return value


class Listed(serializers.Serializer):
    """Input of which every member is listed; anything else is refused, so that nothing is set by its name (R11, AZ-06)."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := sorted(str(key) for key in set(data) - set(self.fields))):
            said: list[Text] = [_("This is not known here.")]
            raise Malformed(_("The request names what is not known here."), problems=dict.fromkeys(unknown, said))
        return super().to_internal_value(data)


class PageQuery(Listed):
    """Where a page of a list begins and how long it is."""

    after = serializers.RegexField(
        r"^[0-9]{1,18}$", required=False, help_text=_("`next` of the page before; left out, the first page.")
    )
    size = serializers.IntegerField(min_value=1, max_value=MOST, default=USUAL, help_text=_("Rows of one page."))


# ---- who asks -------------------------------------------------------------------------------------------------------
class ByScope(BasePermission):
    """Deny by default: a method that names neither PUBLIC nor a scope is closed to everybody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method == "HEAD" else str(request.method)
        if not hasattr(view, method.lower()) or method == "OPTIONS":
            return True  # not to be done by anybody: 405 says so
        scope = view.scopes.get(method)
        if scope == PUBLIC:
            return True
        if not isinstance(request.auth, Credential):
            raise TokenNeeded(_("This needs a token: Authorization: Bearer … (docs/api.md)."))
        if scope is None or scope not in request.auth.scopes:
            request.auth.note(f"scope missing: {scope}")
            raise ScopeMissing(_("The token was not made for this: it lacks “%(scope)s”.") % {"scope": scope})
        return True


class ApiView(APIView):
    """One address. `scopes`: method → what a token needs, or PUBLIC. Knows who acts and when; holds no rules."""

    scopes: Mapping[str, str] = {}
    permission_classes = [ByScope]
    renderer_classes = [JSONRenderer]
    parser_classes = [JsonBody]
    throttle_classes = [TokenThrottle]
    content_negotiation_class = AlwaysJson
    metadata_class = None
    actor: Actor = ANONYMOUS
    at: datetime

    def dispatch(self, request: Any, *args: Any, **options: Any) -> Any:
        """What is public may be read from a copy of the database."""
        ask = super().dispatch
        if self.scopes.get("GET") != PUBLIC:
            return ask(request, *args, **options)
        return replica.answered(request, lambda: ask(request, *args, **options))

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [import_string(settings.API_AUTHENTICATION)()]

    def initial(self, request: Request, *args: Any, **options: Any) -> None:
        self.at = clock.now()
        AddressThrottle().check(request)  # before the token is looked at, so that guessing is slow
        super().initial(request, *args, **options)
        takes = hasattr(self, str(request.method).lower())
        has_body = request.META.get("CONTENT_LENGTH") not in ("", "0", None)
        if takes and has_body and self.get_content_negotiator().select_parser(request, self.get_parsers()) is None:
            raise exceptions.UnsupportedMediaType(request.content_type or "")
        # Only a token makes an actor here: a browser's session opens no address of the API.
        self.actor = (
            request.auth.actor
            if isinstance(request.auth, Credential)
            else replace(ANONYMOUS, remote=request.META.get("REMOTE_ADDR", ""))
        )

    def finalize_response(self, request: Request, response: Any, *args: Any, **options: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **options)
        patch_vary_headers(answer, ["Authorization", "Accept-Language"])
        if request.META.get("HTTP_AUTHORIZATION"):
            answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    @property
    def credential(self) -> Credential:
        """Of a view that is not public."""
        assert isinstance(self.request.auth, Credential)
        return self.request.auth

    def given(self, kind: type[Listed]) -> dict[str, Any]:
        """The query, checked. Raises Malformed (not known), ValidationError."""
        return _checked(kind(data={key: self.request.query_params[key] for key in self.request.query_params}))

    def sent(self, kind: type[Listed]) -> dict[str, Any]:
        """The body, checked. Raises Malformed (no JSON, not known), ValidationError."""
        return _checked(kind(data=self.request.data))

    def revision(self) -> int:
        """The revision that If-Match names. Raises RevisionNeeded, Malformed."""
        named = self.request.headers.get("If-Match", "").strip()
        if not named:
            raise RevisionNeeded(_("Name the revision you have read: If-Match, with the ETag that came with it."))
        found = REVISION.fullmatch(named)
        if found is None:
            raise Malformed(_("If-Match is not an ETag of ours."))
        return int(found.group(1))

    def idempotency_key(self) -> str:
        """The Idempotency-Key; empty where there is none. Raises Malformed."""
        named = self.request.headers.get("Idempotency-Key", "")
        if named and not KEY.fullmatch(named):
            raise Malformed(_("An Idempotency-Key has 1 to 80 visible characters of ASCII."))
        return named


def _checked(form: serializers.Serializer) -> dict[str, Any]:
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


# ---- what goes out --------------------------------------------------------------------------------------------------
def page(
    kind: type[serializers.BaseSerializer], rows: Iterable[Any], following: Any = None, **context: Any
) -> Response:
    """One page of a list: `next` continues it, null on the last. Never a count: nobody walks a large table for it."""
    shown = kind(list(rows), many=True, context=context).data
    return Response({"results": shown, "next": str(following) if following else None})


def etag(revision: int) -> dict[str, str]:
    return {"ETag": f'"{revision}"'}


def plain(text: Any) -> str:
    """Translated words as text."""
    return str(text) if isinstance(text, Promise) else text
