"""Cases: those one sees, how each stands, starting one and taking it back."""

from typing import Any

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from applications.selectors import outside, told
from applications.selectors.paging import page_of
from applications.services import batches, drafts, screening, submission
from applications.states import State
from greenlist.accounts.states import Scope
from greenlist.core.actors import Capacity
from greenlist.core.api import ApiView, Listed, PageQuery, etag, page
from greenlist.core.api_schema import ETAG, IF_MATCH, listed, operation
from greenlist.organisations.models import Category

STATES = [(one.value, one.label) for one in State]
MOST_KEY = 10**18  # fits what both databases count with
LINES = ["done", "current", "future", "returned", "grave"]


class CaseQuery(PageQuery):
    state = serializers.ChoiceField(STATES, required=False)
    call = serializers.IntegerField(min_value=1, max_value=MOST_KEY, required=False)
    q = serializers.CharField(max_length=80, required=False, help_text=_("A part of the name, a number or a code."))


class CaseStart(Listed):
    call = serializers.IntegerField(min_value=1, max_value=MOST_KEY)
    site = serializers.IntegerField(
        min_value=1, max_value=MOST_KEY, help_text=_("One of `sites` of your organisation.")
    )


class Reason(Listed):
    reason = serializers.CharField(
        max_length=500, required=False, allow_blank=True, default="", help_text=_("Needed once it was submitted.")
    )


class CaseShape(serializers.Serializer):
    """One site's way through one call."""

    reference = serializers.CharField()
    number = serializers.CharField(help_text=_("Given at submission."))
    call = serializers.IntegerField(source="call_id")
    category = serializers.ChoiceField(Category.choices)
    name = serializers.CharField()
    code = serializers.CharField()
    site = serializers.IntegerField(source="site_id")
    site_name = serializers.CharField(source="site.name")
    area = serializers.CharField(source="site.area.name")
    state = serializers.ChoiceField(STATES)
    step = serializers.CharField()
    desk = serializers.CharField(source="desk.name", default="", help_text=_("The authority whose turn it is."))
    due_on = serializers.DateField(allow_null=True)
    revision = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    submitted_at = serializers.DateTimeField(allow_null=True)


class LineShape(serializers.Serializer):
    """What happened or is to come, as far as it is the reader's to know."""

    title = serializers.CharField()
    state = serializers.ChoiceField(LINES)
    at = serializers.DateTimeField(allow_null=True)
    who = serializers.CharField()
    where = serializers.CharField()
    opinion = serializers.CharField()
    due = serializers.CharField()


class CorrectionShape(serializers.Serializer):
    """What an authority wants corrected."""

    fields_ = serializers.SerializerMethodField(
        method_name="open_paths", help_text=_("Paths section.field that are open.")
    )
    due_on = serializers.DateField(allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        declared = super().get_fields()
        declared["fields"] = declared.pop("fields_")
        return declared

    def open_paths(self, correction: Any) -> list[str]:
        return [".".join(pair) for pair in correction.fields]


class CaseFullShape(CaseShape):
    step_title = serializers.SerializerMethodField()
    is_late = serializers.SerializerMethodField()
    badges = serializers.SerializerMethodField()
    correction = serializers.SerializerMethodField()
    timeline = serializers.SerializerMethodField()

    def get_step_title(self, case: Application) -> str:
        return str(self.context["page"].step_title)

    def get_is_late(self, case: Application) -> bool:
        return bool(self.context["page"].is_late)

    def get_badges(self, case: Application) -> list[str]:
        return [str(one.get("rule", "")) for one in case.badges]

    @extend_schema_field(CorrectionShape(allow_null=True))
    def get_correction(self, case: Application) -> Any:
        correction = self.context["page"].correction
        return CorrectionShape(correction).data if correction else None

    @extend_schema_field(LineShape(many=True))
    def get_timeline(self, case: Application) -> Any:
        return LineShape(self.context["page"].timeline, many=True).data


class Cases(ApiView):
    scopes = {"GET": Scope.READ, "POST": Scope.DRAFT}

    @operation("cases", _("The cases one sees, newest first"), tag="cases", ok=listed(CaseShape), query=CaseQuery)
    def get(self, request: Request) -> Response:
        given = self.given(CaseQuery)
        rows = outside.cases_of(
            self.actor, state=given.get("state", ""), call=given.get("call"), words=given.get("q", "").strip()
        )
        found = page_of(rows, given, size=given["size"])
        return page(CaseShape, (told.as_told(case, self.actor) for case in found), found.older)

    @operation(
        "case_start",
        _("Start an application"),
        tag="cases",
        description=_("A site has one live application in a call: a second start gives the one that is there."),
        ok=CaseShape,
        body=CaseStart,
        refused=[404, 409],
    )
    def post(self, request: Request) -> Response:
        sent = self.sent(CaseStart)
        case = drafts.start(actor=self.actor, at=self.at, call_id=sent["call"], site_id=sent["site"])
        return Response(CaseShape(told.as_told(case, self.actor)).data)


class CaseOne(ApiView):
    scopes = {"GET": Scope.READ}

    @operation("case", _("One case and what happened"), tag="cases", ok=CaseFullShape, refused=[404], headers=[ETAG])
    def get(self, request: Request, reference: str) -> Response:
        if self.actor.capacity == Capacity.APPLICANT:
            screening.seen(actor=self.actor, at=self.at, reference=reference)
        batches.seen_case(actor=self.actor, at=self.at, reference=reference)
        found = outside.case_page(self.actor, reference, self.at)
        return Response(CaseFullShape(found.case, context={"page": found}).data, headers=etag(found.case.revision))


class Withdrawal(ApiView):
    scopes = {"POST": Scope.SUBMIT}

    @operation(
        "case_withdraw",
        _("Withdraw an application"),
        tag="cases",
        ok=CaseShape,
        body=Reason,
        headers=[IF_MATCH],
        refused=[404, 409, 428],
    )
    def post(self, request: Request, reference: str) -> Response:
        reason = self.sent(Reason)["reason"]
        case = submission.withdraw(
            actor=self.actor, at=self.at, reference=reference, reason=reason, revision=self.revision()
        )
        return Response(CaseShape(case).data, headers=etag(case.revision))


urlpatterns: list[URLPattern] = [
    path("cases/", Cases.as_view(), name="cases"),
    path("cases/<str:reference>/", CaseOne.as_view(), name="case"),
    path("cases/<str:reference>/withdraw/", Withdrawal.as_view(), name="case_withdraw"),
]
