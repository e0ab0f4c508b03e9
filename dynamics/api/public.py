"""The API of public pages, for everybody: only what was marked public."""

from typing import Any

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dynamics.selectors import showing
from greenlist.core.api import PUBLIC, ApiView
from greenlist.core.api_schema import operation
from registry.states import ListingState


class TitleShape(serializers.Serializer):
    tier = serializers.CharField()
    listing = serializers.CharField()
    valid_from = serializers.DateField()


class FigureShape(serializers.Serializer):
    label = serializers.CharField()  # type: ignore[assignment]
    value = serializers.CharField()
    unit = serializers.CharField()
    year = serializers.IntegerField()


class PartShape(serializers.Serializer):
    """One part of the page. `grade` and `issued_on`: of the ministry's green code as issued."""

    kind = serializers.CharField(source="offer.kind")
    title = serializers.CharField(source="offer.label")
    clauses = serializers.ListField(child=serializers.CharField(), source="offer.clauses")
    text = serializers.CharField(source="part.text")
    link = serializers.CharField(source="part.link")
    grade = serializers.CharField(source="part.grade")
    issued_on = serializers.DateField(source="part.issued_on", allow_null=True)
    figures = FigureShape(many=True, source="part.figures")


class LocalStandingShape(serializers.Serializer):
    """Where the unit lies among listed units of its industry and place; worked out here, never the ministry's code."""

    quarter = serializers.IntegerField()
    others = serializers.IntegerField()
    industry = serializers.CharField()
    year = serializers.IntegerField()
    place = serializers.CharField()


class ExperienceShape(serializers.Serializer):
    reference = serializers.CharField()
    title = serializers.CharField()
    summary = serializers.CharField()
    outstanding = serializers.SerializerMethodField()

    def get_outstanding(self, row: Any) -> bool:
        return row.outstanding_at is not None


class PublicPageShape(serializers.Serializer):
    name = serializers.CharField(source="listing.name")
    state = serializers.ChoiceField(ListingState.choices, source="listing.state")
    titles = TitleShape(many=True)
    certificate = serializers.CharField(source="certificate.number", default="")
    parts = PartShape(many=True)
    standing = LocalStandingShape(allow_null=True)
    experiences = ExperienceShape(many=True)


class PublicPageOne(ApiView):
    scopes = {"GET": PUBLIC}

    @operation(
        "public_page",
        _("What a listed unit shows of itself: only what was marked public"),
        tag="public",
        ok=PublicPageShape,
        refused=[404],
        public=True,
    )
    def get(self, request: Request, place: str, pk: int) -> Response:
        page = showing.public_page(showing.listing_of(place, pk), self.at)
        return Response(PublicPageShape(page).data)


urlpatterns: list[URLPattern] = [
    path("listings/<slug:place>/<int:pk>/page/", PublicPageOne.as_view(), name="public_page"),
]
