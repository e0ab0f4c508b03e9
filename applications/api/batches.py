"""Recommendation batches: those one's authority sends or was sent, and confirming that one has arrived."""

from typing import Any

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from applications.selectors import batches as reads
from applications.services import batches
from applications.states import BatchState
from greenlist.accounts.states import Scope
from greenlist.core import clock
from greenlist.core.api import ApiView, PageQuery, page
from greenlist.core.api_schema import listed, operation


class BatchQuery(PageQuery):
    state = serializers.ChoiceField(BatchState.choices, required=False)


class BatchShape(serializers.Serializer):
    """推荐批次"""

    reference = serializers.CharField()
    call = serializers.IntegerField(source="call_id")
    title = serializers.CharField()
    state = serializers.ChoiceField(BatchState.choices)
    sender = serializers.CharField(source="sender.name")
    receiver = serializers.CharField(source="receiver_name")
    digest = serializers.CharField(help_text=_("Of what was signed; empty before."))
    created_at = serializers.DateTimeField()
    handed_at = serializers.DateTimeField(allow_null=True)
    signed_at = serializers.DateTimeField(allow_null=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    received_at = serializers.DateTimeField(allow_null=True)


class BatchUnitShape(serializers.Serializer):
    position = serializers.IntegerField()
    case = serializers.CharField(source="item.application.reference")
    number = serializers.CharField(source="item.application.number")
    name = serializers.CharField(source="item.application.name")
    code = serializers.CharField(source="item.application.code")
    area = serializers.CharField(source="item.application.site.area.name")
    industry_code = serializers.CharField(source="item.application.industry_code")
    badges = serializers.ListField(child=serializers.CharField())
    paper_copies = serializers.IntegerField(source="item.paper_copies", allow_null=True)


class ReturnedShape(serializers.Serializer):
    case = serializers.CharField(source="application.reference")
    name = serializers.CharField(source="application.name")
    returned_at = serializers.DateTimeField()
    reason = serializers.CharField(source="return_reason")


class LackShape(serializers.Serializer):
    text = serializers.CharField()
    clause = serializers.CharField()
    case = serializers.CharField(source="reference")


class BatchFullShape(BatchShape):
    letter_number = serializers.CharField()
    letter = serializers.SerializerMethodField(help_text=_("Text of the recommendation document."))
    due_on = serializers.SerializerMethodField()
    units = serializers.SerializerMethodField()
    returned = serializers.SerializerMethodField()
    lacks = serializers.SerializerMethodField(help_text=_("What keeps it from being signed."))

    def get_letter(self, batch: Any) -> str:
        return str(self.context["view"].letter["text"])

    @extend_schema_field(serializers.DateField(allow_null=True))
    def get_due_on(self, batch: Any) -> Any:
        day = self.context["view"].due_on
        return day.isoformat() if day else None

    @extend_schema_field(BatchUnitShape(many=True))
    def get_units(self, batch: Any) -> Any:
        return BatchUnitShape(self.context["view"].units, many=True).data

    @extend_schema_field(ReturnedShape(many=True))
    def get_returned(self, batch: Any) -> Any:
        return ReturnedShape(self.context["view"].returned, many=True).data

    @extend_schema_field(LackShape(many=True))
    def get_lacks(self, batch: Any) -> Any:
        return LackShape(self.context["view"].lacks, many=True).data


class Batches(ApiView):
    scopes = {"GET": Scope.READ}

    @operation(
        "batches", _("Batches sent and received, newest first"), tag="batches", ok=listed(BatchShape), query=BatchQuery
    )
    def get(self, request: Request) -> Response:
        given = self.given(BatchQuery)
        after = int(given["after"]) if given.get("after") else None
        found = reads.page(self.actor, after=after, state=given.get("state", ""), size=given["size"])
        return page(BatchShape, found.rows, found.after)


class BatchOne(ApiView):
    scopes = {"GET": Scope.READ}

    @operation("batch", _("One batch with its units"), tag="batches", ok=BatchFullShape, refused=[404])
    def get(self, request: Request, reference: str) -> Response:
        batches.seen(actor=self.actor, at=self.at, reference=reference)
        view = reads.view(self.actor, reference, on=clock.china_date(self.at))
        return Response(BatchFullShape(view.batch, context={"view": view}).data)


class Receipt(ApiView):
    scopes = {"POST": Scope.RECEIVE}

    @operation("batch_receive", _("Confirm that a batch has arrived"), tag="batches", ok=BatchShape, refused=[404, 409])
    def post(self, request: Request, reference: str) -> Response:
        batches.receive(actor=self.actor, at=self.at, reference=reference)
        return Response(BatchShape(reads.get(self.actor, reference)).data)


urlpatterns: list[URLPattern] = [
    path("batches/", Batches.as_view(), name="batches"),
    path("batches/<str:reference>/", BatchOne.as_view(), name="batch"),
    path("batches/<str:reference>/receive/", Receipt.as_view(), name="batch_receive"),
]
