"""The API in writing: what an operation declares, the schema of all of them, and the same as a page."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from greenlist.core.api import Listed
from greenlist.core.errors import Text
from greenlist.core.middleware import PROBLEM

OPENAPI = "application/vnd.oai.openapi+json"
ALWAYS = (400, 401, 429)  # a request that cannot be read, a token that is refused, too many
WITH_TOKEN = (403,)
WITH_QUERY = (422,)
WITH_BODY = (413, 415, 422)
SAYS: dict[int, Text] = {
    400: _("The request is malformed, or names what is not known."),
    401: _("No token, or one that is not valid."),
    403: _("Not allowed, or not with this token."),
    404: _("It does not exist, or not for you."),
    409: _("Not in the present state, refused by a rule, or changed by somebody else."),
    413: _("The body is too large."),
    415: _("The body has another type."),
    422: _("The values do not fit; `problems` names each."),
    428: _("If-Match is missing."),
    429: _("Too many requests; Retry-After says when to come back."),
}


class FindingShape(serializers.Serializer):
    """What one rule says."""

    rule = serializers.CharField(allow_blank=True)
    clause = serializers.CharField(allow_blank=True)
    outcome = serializers.CharField(allow_blank=True)
    code = serializers.CharField(allow_blank=True)


class Problem(serializers.Serializer):
    """A refusal (RFC 9457). `code` is for programs, `detail` for people, `clause` where policy refused."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    clause = serializers.CharField(allow_blank=True)
    findings = FindingShape(many=True)
    request_id = serializers.CharField()
    problems = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)
    theirs = serializers.DictField(required=False, help_text=_("After a conflict: what stands now."))
    version = serializers.IntegerField(required=False, help_text=_("After a conflict: the revision that stands now."))


def refusals(statuses: Iterable[int]) -> dict[tuple[int, str], Any]:
    return {(status, PROBLEM): OpenApiResponse(Problem, description=SAYS[status]) for status in sorted(set(statuses))}


def listed(kind: type[serializers.Serializer]) -> Any:
    """The shape of one page of a list."""
    name = kind.__name__.removesuffix("Shape")
    fields: Mapping[str, Any] = {
        "results": kind(many=True),
        "next": serializers.CharField(allow_null=True, help_text=_("The `after` of the next page.")),
    }
    return inline_serializer(name=f"{name}Page", fields=dict(fields))


IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description=_("The ETag that came with what you have read."),
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 80, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description=_("The same key again gets the same answer, and nothing is done twice. Kept for seven days."),
)
ETAG = OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=[200], description=_("The revision."))


def operation(
    name: str,
    summary: Text,
    *,
    tag: str,
    ok: Any = None,
    status: int = 200,
    also: Mapping[Any, Any] | None = None,
    description: Text = "",
    query: type[Listed] | None = None,
    body: Any = None,
    headers: Iterable[OpenApiParameter] = (),
    path: Mapping[str, Any] | None = None,
    refused: Iterable[int] = (),
    public: bool = False,
) -> Callable[[Any], Any]:
    """One operation in the schema: what it takes, gives, and every status it may answer with."""
    statuses = {*ALWAYS, *refused}
    statuses |= set() if public else set(WITH_TOKEN)
    statuses |= set(WITH_QUERY) if query else set()
    statuses |= set(WITH_BODY) if body else set()
    parameters: list[Any] = [query] if query else []
    parameters += [OpenApiParameter(key, kind, OpenApiParameter.PATH) for key, kind in (path or {}).items()]
    answers: dict[Any, Any] = {**(also or {status: ok}), **refusals(statuses)}
    return extend_schema(
        operation_id=name,
        summary=summary,
        description=description or summary,
        tags=[tag],
        parameters=[*parameters, *headers],
        request=body,
        responses=answers,
        auth=[] if public else None,
    )


# ---- the schema -----------------------------------------------------------------------------------------------------
@lru_cache(maxsize=8)
def schema(language: str) -> dict[str, Any]:
    """OpenAPI 3.0, with the words of one language (the active one); the code of a process never changes."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


@login_not_required
@require_safe
def schema_view(request: HttpRequest) -> HttpResponse:
    """The schema as a document for programs."""
    options = {"ensure_ascii": False}
    return JsonResponse(schema(get_language() or ""), content_type=OPENAPI, json_dumps_params=options)


# ---- the page -------------------------------------------------------------------------------------------------------
@login_not_required
@require_safe
def page_view(request: HttpRequest) -> HttpResponse:
    """The same for people. Our own page: Swagger UI writes styles into the document and is not accessible (AC-01)."""
    document = schema(get_language() or "")
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            groups.setdefault(one["tags"][0], []).append(_operation(document, path, method, one))
    titles: dict[str, str] = {tag["name"]: tag.get("description", tag["name"]) for tag in document.get("tags", [])}
    shown = [
        (tag, titles.get(tag, tag), groups[tag])
        for tag in [*titles, *sorted(set(groups) - set(titles))]
        if tag in groups
    ]
    return render(request, "core/api.html", {"groups": shown, "info": document["info"]})


def _operation(document: dict[str, Any], path: str, method: str, one: dict[str, Any]) -> dict[str, Any]:
    bodies = one.get("requestBody", {}).get("content", {})
    good = next(status for status in one["responses"] if status.startswith("2"))
    contents: dict[str, dict[str, Any]] = one["responses"][good].get("content", {})
    kind = next(iter(contents), "")
    content = contents.get(kind, {})
    return {
        "id": one["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": one.get("summary", ""),
        "description": one["description"] if one["description"] != one["summary"] else "",
        "public": not one.get("security") or {} in one["security"],
        "parameters": [_parameter(given) for given in one.get("parameters", [])],
        "body": [
            {"kind": kind, "fields": _fields(document, content.get("schema", {}))} for kind, content in bodies.items()
        ],
        "status": good,
        "kind": kind,
        "fields": _fields(document, content.get("schema", {})),
        "refused": [status for status in one["responses"] if not status.startswith("2")],
    }


def _parameter(given: dict[str, Any]) -> dict[str, Any]:
    kind = given.get("schema", {})
    return {
        "name": given["name"],
        "place": given["in"],
        "required": given.get("required", False),
        "text": _said(given.get("description", "")),
        "kind": _kind(kind),
    }


def _said(text: str) -> str:
    """The values of an enumeration come as a list in Markdown: in one line they read better."""
    lines = [line.removeprefix("* ").replace("`", "") for line in text.splitlines() if line.strip()]
    return " · ".join(lines)


def _kind(shape: dict[str, Any]) -> str:
    return str(shape.get("format") or shape.get("type", "object"))


def _fields(document: dict[str, Any], shape: dict[str, Any], prefix: str = "", depth: int = 0) -> list[dict[str, Any]]:
    """Every member with its path, three levels deep."""
    shape = _resolved(document, shape)
    if shape.get("type") == "array":
        return _fields(document, shape["items"], f"{prefix}[]", depth)
    found = []
    for name, inner in shape.get("properties", {}).items():
        full = _resolved(document, inner)
        path = f"{prefix}.{name}" if prefix else name
        items = _resolved(document, full.get("items", {}))
        text = _said(inner.get("description") or full.get("description", ""))
        kind = f"{_kind(items)}[]" if full.get("type") == "array" else _kind(full)
        found.append({"path": path, "kind": kind, "text": text, "required": name in shape.get("required", ())})
        if depth < 2:
            found += _fields(document, full, path, depth + 1)
    return found


def _resolved(document: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    options = shape.get("allOf") or shape.get("oneOf")
    if options:
        return {
            **_resolved(document, options[0]),
            **{key: value for key, value in shape.items() if key == "description"},
        }
    name = shape.get("$ref", "").rpartition("/")[2]
    return _resolved(document, document["components"]["schemas"][name]) if name else shape
