"""Calls, for everybody."""

from typing import Any

from django.conf import settings
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Call
from applications.selectors import calls as reads
from applications.selectors import outside
from applications.selectors.paging import page_of
from applications.states import CallState
from greenlist.core.api import PUBLIC, ApiView, PageQuery, page
from greenlist.core.api_schema import listed, operation
from greenlist.organisations.models import Category

SLUG = r"^[A-Za-z0-9_-]{1,30}$"
OPENED = [choice for choice in CallState.choices if choice[0] != CallState.DRAFT]


class CallQuery(PageQuery):
    place = serializers.RegexField(
        SLUG, required=False, help_text=_("The short code of an area, such as in /p/<place>/.")
    )
    category = serializers.ChoiceField(Category.choices, required=False)
    state = serializers.ChoiceField(OPENED, required=False)
    year = serializers.IntegerField(min_value=1900, max_value=2199, required=False)


class FormShape(serializers.Serializer):
    key = serializers.CharField()
    digest = serializers.CharField()
    schema = serializers.CharField(help_text=_("Where its JSON Schema is."))


def form_row(key: str, digest: str) -> dict[str, str]:
    return {"key": key, "digest": digest, "schema": settings.PUBLIC_URL + reverse("api:form_schema", args=[digest])}


class CallShape(serializers.Serializer):
    """申报通知"""

    id = serializers.IntegerField(source="pk")
    place = serializers.CharField(source="owner.area.slug")
    owner = serializers.CharField(source="owner.name")
    category = serializers.ChoiceField(Category.choices)
    year = serializers.IntegerField()
    round = serializers.IntegerField()
    title = serializers.CharField()
    number = serializers.CharField(help_text=_("Document number."))
    state = serializers.ChoiceField(OPENED)
    issued_on = serializers.DateField(allow_null=True)
    opened_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    last_day = serializers.SerializerMethodField(
        help_text=_("For firms to submit, to 24:00 China time; null: none is set.")
    )
    contact_name = serializers.CharField()
    contact_phone = serializers.CharField()

    @extend_schema_field(serializers.DateField(allow_null=True))
    def get_last_day(self, call: Call) -> Any:
        day = self.context["days"][call.pk]
        return day.isoformat() if day else None


class StepShape(serializers.Serializer):
    key = serializers.CharField()
    title = serializers.CharField()
    by = serializers.CharField(help_text=_("Tier of the authority."))
    day = serializers.DateField(allow_null=True)
    clause = serializers.CharField(source="clause.article", default="")


class ArticleShape(serializers.Serializer):
    article = serializers.CharField()
    text = serializers.CharField()
    unverified = serializers.CharField()


class CallFullShape(CallShape):
    text = serializers.CharField()
    rules = serializers.CharField(source="rules.rule_set.slug")
    rules_version = serializers.IntegerField(source="rules.number")
    rules_digest = serializers.CharField(source="rules.digest")
    forms = serializers.SerializerMethodField()
    timetable = serializers.SerializerMethodField()
    clauses = serializers.SerializerMethodField()

    @extend_schema_field(FormShape(many=True))
    def get_forms(self, call: Call) -> Any:
        return [form_row(key, digest) for key, digest in outside.forms_of(call)]

    @extend_schema_field(StepShape(many=True))
    def get_timetable(self, call: Call) -> Any:
        return StepShape(self.context["page"].timetable, many=True).data

    @extend_schema_field(ArticleShape(many=True))
    def get_clauses(self, call: Call) -> Any:
        names = ("article", "text", "unverified")
        return [dict(zip(names, one, strict=True)) for one in self.context["page"].clauses]


class Calls(ApiView):
    scopes = {"GET": PUBLIC}

    @operation("calls", _("Calls, newest first"), tag="calls", ok=listed(CallShape), query=CallQuery, public=True)
    def get(self, request: Request) -> Response:
        given: dict[str, Any] = self.given(CallQuery)
        wanted = {name: given[name] for name in ("place", "category", "state", "year") if name in given}
        found = page_of(outside.opened_calls(**wanted), given, size=given["size"])
        return page(CallShape, found, found.older, days=outside.last_days(found))


class CallOne(ApiView):
    scopes = {"GET": PUBLIC}

    @operation(
        "call", _("One call with timetable and clauses"), tag="calls", ok=CallFullShape, refused=[404], public=True
    )
    def get(self, request: Request, pk: int) -> Response:
        call = outside.opened_call(pk)
        context = {"days": outside.last_days([call]), "page": reads.call_page(call, self.at)}
        return Response(CallFullShape(call, context=context).data)


urlpatterns: list[URLPattern] = [
    path("calls/", Calls.as_view(), name="calls"),
    path("calls/<int:pk>/", CallOne.as_view(), name="call"),
]
