"""Reports: what was declared, the draft and its sections, evidence, the check before submission, and submitting."""

from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from applications import selectors
from applications.api.calls import FormShape, form_row
from applications.forms import answers as shapes
from applications.models import Evidence
from applications.selectors import drafts as reads
from applications.selectors import outside
from applications.services import checks, drafts, submission
from greenlist.accounts import services as accounts
from greenlist.accounts.states import Scope
from greenlist.core import attachments
from greenlist.core.api import ApiView, Listed, etag
from greenlist.core.api_schema import ETAG, IDEMPOTENCY_KEY, IF_MATCH, operation
from greenlist.core.models import Blob
from greenlist.policy.engine.types import Outcome, StepKind

FILE = "application/octet-stream"


# ---- what is sent ---------------------------------------------------------------------------------------------------
class Answers(Listed):
    """Any part of a section; fields that are not named stay as they are."""

    answers = serializers.DictField(help_text=_("field → value, as the form's JSON Schema says."))


class Upload(Listed):
    file = serializers.FileField(allow_empty_file=True)


class Declaration(Listed):
    digest = serializers.RegexField(r"^[0-9a-f]{64}$", help_text=_("Of the check: what was read is what is declared."))
    declared_name = serializers.CharField(max_length=60, help_text=_("Who declares that everything is true."))
    agreed = serializers.BooleanField(help_text=_("To the text of the declaration."))


# ---- what is answered -----------------------------------------------------------------------------------------------
class SectionShape(serializers.Serializer):
    key = serializers.CharField()
    title = serializers.CharField()
    revision = serializers.IntegerField(allow_null=True, help_text=_("Null once it is declared."))
    is_open = serializers.BooleanField(help_text=_("Whether it can be changed now."))
    answers = serializers.DictField()
    problems = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    updated_at = serializers.DateTimeField(allow_null=True)


class SavedShape(SectionShape):
    computed = serializers.DictField(child=serializers.CharField(allow_null=True))


class EvidenceShape(serializers.Serializer):
    reference = serializers.CharField()
    section = serializers.CharField()
    field = serializers.CharField()
    name = serializers.CharField(source="blob.name")
    size = serializers.IntegerField(source="blob.size")
    sha256 = serializers.CharField(source="blob.sha256")
    content_type = serializers.CharField(source="blob.content_type")
    scan = serializers.ChoiceField([(one.value, one.label) for one in Blob.Scan], source="blob.scan")
    added_at = serializers.DateTimeField()


class DeclaredShape(serializers.Serializer):
    """回执"""

    version = serializers.IntegerField(source="number")
    digest = serializers.CharField()
    declared_at = serializers.DateTimeField()
    declared_name = serializers.CharField()


class StandardShape(serializers.Serializer):
    """The criteria set a report is judged by."""

    title = serializers.CharField()
    edition = serializers.CharField()
    number = serializers.IntegerField(allow_null=True)
    why = serializers.CharField(help_text=_("Why this set applies."))
    clause = serializers.CharField()
    unverified = serializers.CharField(help_text=_("What nobody has verified of it; empty where all is."))
    is_whole = serializers.BooleanField(help_text=_("Whether the report has its indicators."))


class RowShape(serializers.Serializer):
    """One indicator row. What the criteria set hides from the reader is an empty text."""

    path = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the word for it everywhere else
    kind = serializers.CharField()
    state = serializers.CharField()
    state_label = serializers.CharField()
    value = serializers.CharField()
    declared = serializers.CharField(help_text=_("What the applicant gave, where a reviewer corrected it."))
    unit = serializers.CharField()
    base = serializers.CharField()
    lead = serializers.CharField()
    points = serializers.CharField()
    full = serializers.CharField()
    note = serializers.CharField(help_text=_("The reviewer's reason."))
    unverified = serializers.CharField()


class GroupShape(serializers.Serializer):
    key = serializers.CharField()
    title = serializers.CharField()
    score = serializers.CharField()
    weight = serializers.CharField()
    rows = RowShape(many=True)


# of a score: as the selector has it
PLAIN = ("total", "most", "bonus", "is_met", "is_provisional", "failed", "shows_points", "shows_reference")


class ScoreShape(serializers.Serializer):
    """Score and verdict of each indicator row, as far as the reader may see them."""

    total = serializers.CharField()
    most = serializers.CharField()
    bonus = serializers.CharField()
    years = serializers.DictField(child=serializers.CharField())
    is_met = serializers.BooleanField(help_text=_("Whether every basic and binding requirement is met."))
    is_provisional = serializers.BooleanField(help_text=_("Whether rows are still open."))
    failed = serializers.ListField(child=serializers.CharField())
    shows_points = serializers.BooleanField()
    shows_reference = serializers.BooleanField()
    groups = GroupShape(many=True)


class ReportShape(serializers.Serializer):
    """The draft for the applicant who fills it in, otherwise what was declared last."""

    case = serializers.CharField(source="case.reference")
    is_draft = serializers.BooleanField()
    form = serializers.SerializerMethodField()
    digest = serializers.CharField(help_text=_("Of this content: what a declaration names."))
    declared = DeclaredShape(source="version", allow_null=True)
    sections = SectionShape(many=True)
    computed = serializers.DictField(child=serializers.CharField(allow_null=True))
    evidence = EvidenceShape(many=True)
    standard = StandardShape(allow_null=True)
    score = serializers.SerializerMethodField()

    @extend_schema_field(ScoreShape(allow_null=True))
    def get_score(self, read: outside.ReportRead) -> Any:
        """Null where the report has no indicators."""
        found = read.scores
        if found is None:
            return None
        groups = GroupShape(found.groups, many=True).data
        return {**{name: getattr(found, name) for name in PLAIN}, "years": dict(found.years), "groups": groups}

    @extend_schema_field(FormShape)
    def get_form(self, read: outside.ReportRead) -> Any:
        return form_row(read.form.key, read.case.report.form_digest)


class MissingShape(serializers.Serializer):
    section = serializers.CharField()
    path = serializers.CharField()
    text = serializers.CharField()
    clause = serializers.CharField()


class FoundShape(serializers.Serializer):
    rule = serializers.CharField()
    clause = serializers.CharField()
    outcome = serializers.ChoiceField([(one.value, one.value) for one in Outcome])
    code = serializers.CharField()
    text = serializers.CharField()


class CheckShape(serializers.Serializer):
    """What stands between a draft and its submission."""

    digest = serializers.CharField()
    declaration = serializers.CharField()
    last_day = serializers.DateField(allow_null=True)
    may_submit = serializers.BooleanField()
    missing = MissingShape(many=True)
    unscanned = serializers.ListField(child=serializers.CharField())
    findings = serializers.SerializerMethodField()

    @extend_schema_field(FoundShape(many=True))
    def get_findings(self, read: outside.CheckRead) -> Any:
        return [
            {"rule": one.rule, "clause": one.clause, "outcome": one.outcome.value, "code": one.code, "text": text}
            for one, text in read.findings
        ]


class ReceiptShape(serializers.Serializer):
    """回执: the same declaration always gives the same receipt."""

    case = serializers.CharField(source="reference")
    number = serializers.CharField()
    name = serializers.CharField()
    version = serializers.IntegerField()
    digest = serializers.CharField()
    declared_at = serializers.DateTimeField()
    declared_name = serializers.CharField()
    desk = serializers.CharField()
    step = serializers.CharField()
    due_on = serializers.DateField(allow_null=True)


# ---- the report -----------------------------------------------------------------------------------------------------
class Report(ApiView):
    scopes = {"GET": Scope.READ}

    @operation("report", _("The report of a case"), tag="reports", ok=ReportShape, refused=[404])
    def get(self, request: Request, reference: str) -> Response:
        return Response(ReportShape(outside.report_of(self.actor, reference)).data)


class Section(ApiView):
    scopes = {"GET": Scope.READ, "PATCH": Scope.DRAFT}

    @operation("section", _("A section of a draft"), tag="reports", ok=SectionShape, refused=[404], headers=[ETAG])
    def get(self, request: Request, reference: str, section: str) -> Response:
        found = outside.section_of(self.actor, reference, section)
        return Response(SectionShape(found).data, headers=etag(found.revision or 0))

    @operation(
        "section_save",
        _("Change a section of a draft"),
        tag="reports",
        description=_(
            "If-Match names the revision you have read. When somebody else was faster nothing is written: 409 with `theirs` "
            "and `version`. What is wrong with the values is told in `problems` and does not keep them from being saved."
        ),
        ok=SavedShape,
        body=Answers,
        headers=[IF_MATCH, ETAG],
        refused=[404, 409, 428],
    )
    def patch(self, request: Request, reference: str, section: str) -> Response:
        version, sent = self.revision(), self.sent(Answers)["answers"]
        case = reads.own_case(self.actor, reference)
        given = shapes.read(reads.spec_of(reads.form_of(case), section), sent)
        drafts.save_section(
            actor=self.actor, at=self.at, reference=reference, section=section, answers=given, version=version
        )
        found = outside.section_of(self.actor, reference, section)
        body = {**SectionShape(found).data, "computed": outside.computed_of(case)}
        return Response(body, headers=etag(found.revision or 0))


# ---- evidence -------------------------------------------------------------------------------------------------------
class Files(ApiView):
    scopes = {"POST": Scope.DRAFT}
    parser_classes = [MultiPartParser]

    @operation(
        "evidence_add",
        _("Add a file beside a field"),
        tag="reports",
        ok=EvidenceShape,
        status=201,
        body={"multipart/form-data": Upload},
        refused=[404, 409],
    )
    def post(self, request: Request, reference: str, section: str, field: str) -> Response:
        upload: UploadedFile = self.sent(Upload)["file"]
        row = drafts.add_evidence(
            actor=self.actor, at=self.at, reference=reference, section=section, field=field, upload=upload
        )
        return Response(EvidenceShape(row).data, status=201)


class File(ApiView):
    scopes = {"GET": Scope.READ, "DELETE": Scope.DRAFT}

    @operation(
        "evidence",
        _("A file, once the scanner has called it clean"),
        tag="reports",
        also={(200, FILE): OpenApiTypes.BINARY},
        refused=[404, 422],
    )
    def get(self, request: Request, reference: str, evidence: str) -> HttpResponseBase:
        row = reads.find_evidence(self.actor, reads.case_of(self.actor, reference).report, evidence)
        answer = attachments.response(row.blob)
        answer["Content-Type"] = FILE  # one type for every file: what it is says its row
        return answer

    @operation("evidence_remove", _("Remove a file from a draft"), tag="reports", ok=EvidenceShape, refused=[404, 409])
    def delete(self, request: Request, reference: str, evidence: str) -> Response:
        row: Evidence = drafts.remove_evidence(actor=self.actor, at=self.at, reference=reference, evidence=evidence)
        return Response(EvidenceShape(row).data)


# ---- check and submit -----------------------------------------------------------------------------------------------
class Check(ApiView):
    scopes = {"GET": Scope.READ}

    @operation("check", _("What is missing before submission"), tag="reports", ok=CheckShape, refused=[404, 409])
    def get(self, request: Request, reference: str) -> Response:
        case = reads.own_case(self.actor, reference)
        bound = selectors.rules_of(case.call)
        findings = checks.look(case=case, point=bound.first(StepKind.DRAFT).point, at=self.at)
        return Response(CheckShape(outside.check_of(case, bound, findings, self.at)).data)


class Submission(ApiView):
    scopes = {"POST": Scope.SUBMIT}

    @operation(
        "submit",
        _("Declare and submit"),
        tag="reports",
        description=_(
            "Declares what `digest` names. The same declaration again gives the same receipt; with an Idempotency-Key the same "
            "answer, word for word."
        ),
        ok=ReceiptShape,
        body=Declaration,
        headers=[IDEMPOTENCY_KEY],
        refused=[404, 409],
    )
    def post(self, request: Request, reference: str) -> Response:
        sent, key = self.sent(Declaration), self.idempotency_key()

        def work() -> Mapping[str, Any]:
            receipt = submission.submit(actor=self.actor, at=self.at, reference=reference, **sent)
            return ReceiptShape(receipt).data

        if not key:
            return Response(work())
        asked = {"submit": reference, **sent}
        return Response(accounts.once(token_id=self.credential.token_id, key=key, asked=asked, at=self.at, work=work))


urlpatterns: list[URLPattern] = [
    path("cases/<str:reference>/report/", Report.as_view(), name="report"),
    path("cases/<str:reference>/report/<slug:section>/", Section.as_view(), name="section"),
    path("cases/<str:reference>/report/<slug:section>/<slug:field>/files/", Files.as_view(), name="evidence_add"),
    path("cases/<str:reference>/files/<str:evidence>/", File.as_view(), name="evidence"),
    path("cases/<str:reference>/check/", Check.as_view(), name="check"),
    path("cases/<str:reference>/submit/", Submission.as_view(), name="submit"),
]
