"""Removals, for reading: to officials of the unit's place, and to the unit once it was asked."""

from typing import Any

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dynamics.selectors import removals as reads
from dynamics.states import RemovalState
from greenlist.accounts.states import Scope
from greenlist.core.api import ApiView, PageQuery, page
from greenlist.core.api_schema import listed, operation
from greenlist.organisations.models import Category
from greenlist.policy import words


class RemovalQuery(PageQuery):
    state = serializers.ChoiceField(RemovalState.choices, required=False, help_text=_("Left out: those that are open."))


class RemovalShape(serializers.Serializer):
    """One reason for which one unit may leave one list."""

    reference = serializers.CharField()
    listing = serializers.IntegerField(source="listing_id")
    name = serializers.CharField()
    code = serializers.CharField(source="listing.code")
    category = serializers.ChoiceField(Category.choices)
    list_title = serializers.CharField(source="listing.listbook.title")
    list_owner = serializers.CharField(source="listing.listbook.owner.name")
    handled_by = serializers.CharField(source="owner.name", help_text=_("Who hears the unit and decides."))
    state = serializers.ChoiceField(RemovalState.choices)
    ground = serializers.SerializerMethodField(help_text=_("In words."))
    clause = serializers.CharField()
    answer_by = serializers.SerializerMethodField(help_text=_("Until when the unit may answer."))
    proposed_at = serializers.DateTimeField()
    effective_on = serializers.DateField(allow_null=True)
    bulletin = serializers.CharField(source="bulletin.reference", default="", help_text=_("That announced it."))

    def get_ground(self, row: Any) -> str:
        return words.text(reads.label_of(row))

    @extend_schema_field(serializers.DateField(allow_null=True))
    def get_answer_by(self, row: Any) -> Any:
        hearing = getattr(row, "hearing", None)
        return hearing.answer_by.isoformat() if hearing else None


class CourseShape(serializers.Serializer):
    """What happened, as far as it is the reader's to know."""

    title = serializers.CharField()
    at = serializers.DateTimeField()
    who = serializers.CharField()
    where = serializers.CharField()
    opinion = serializers.CharField()


class RemovalFullShape(RemovalShape):
    reason = serializers.SerializerMethodField(help_text=_("What happened; for officials."))
    letter = serializers.SerializerMethodField(help_text=_("What the unit was told."))
    course = serializers.SerializerMethodField()

    def get_reason(self, row: Any) -> str:
        return row.reason if self.context["official"] else ""

    def get_letter(self, row: Any) -> str:
        hearing = getattr(row, "hearing", None)
        return hearing.letter if hearing else ""

    @extend_schema_field(CourseShape(many=True))
    def get_course(self, row: Any) -> Any:
        return CourseShape(reads.course(row, for_unit=not self.context["official"]), many=True).data


class Removals(ApiView):
    scopes = {"GET": Scope.READ}

    @operation(
        "removals", _("Removals one sees, newest first"), tag="after", ok=listed(RemovalShape), query=RemovalQuery
    )
    def get(self, request: Request) -> Response:
        given = self.given(RemovalQuery)
        after = int(given["after"]) if given.get("after") else None
        rows, older = reads.page(self.actor, state=given.get("state", ""), after=after, size=given["size"])
        return page(RemovalShape, rows, older)


class RemovalOne(ApiView):
    scopes = {"GET": Scope.READ}

    @operation("removal", _("One removal with its course"), tag="after", ok=RemovalFullShape, refused=[404])
    def get(self, request: Request, reference: str) -> Response:
        row = reads.one(self.actor, reference)
        return Response(RemovalFullShape(row, context={"official": self.actor.is_official}).data)


urlpatterns: list[URLPattern] = [
    path("removals/", Removals.as_view(), name="removals"),
    path("removals/<str:reference>/", RemovalOne.as_view(), name="removal"),
]
