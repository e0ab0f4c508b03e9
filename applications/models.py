"""Calls, applications, evaluation reports, screening, corrections, recommendation batches."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from applications.querysets import (
    ApplicationQuerySet,
    BatchQuerySet,
    BodyNoteQuerySet,
    CallQuerySet,
    GrantQuerySet,
    HitQuerySet,
    ProjectQuerySet,
    RegistrationQuerySet,
    ReleaseQuerySet,
    WorkReportQuerySet,
)
from applications.states import FINAL, LIVE_PROJECT, Advice, Answer, HitState, Mode, RegistrationState, State, Word
from applications.transitions import (
    ApplicationWorkflow,
    BatchWorkflow,
    CallWorkflow,
    ProjectWorkflow,
    RegistrationWorkflow,
)
from greenlist.accounts.models import Area, Authority
from greenlist.core.models import Blob
from greenlist.organisations.models import Category, Organisation, Site, Title
from greenlist.policy.models import CriteriaSetVersion

PERSON = settings.AUTH_USER_MODEL


def new_reference() -> str:
    """The unguessable part of a case's address."""
    return secrets.token_urlsafe(9)


class Call(CallWorkflow):
    """申报通知: one round of one list. Pins a rule-set version and holds the call's own layer of values."""

    owner = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="calls")
    rules = models.ForeignKey("policy.RuleSetVersion", on_delete=models.PROTECT, related_name="+")
    category = models.CharField(max_length=15, choices=Category)
    year = models.PositiveSmallIntegerField()
    round = models.PositiveSmallIntegerField(default=1)
    second_round_reason = models.CharField(
        max_length=300, blank=True
    )  # QHD-3: one round a year unless a reason is given
    title = models.CharField(max_length=160)
    number = models.CharField(max_length=60, blank=True)  # official 文号, typed
    issued_on = models.DateField(null=True, blank=True)
    text = models.TextField(blank=True)
    contact_name = models.CharField(max_length=40, blank=True)  # the office's own contact, public (QHD-N5)
    contact_phone = models.CharField(max_length=40, blank=True)
    values = models.JSONField(default=dict)  # what the rule set's `call.asks` wants
    layer = models.JSONField(default=dict)  # N-rule id → "keep" | "drop"; an edit is a changed value (QHD-N0)
    digest = models.CharField(max_length=64, blank=True)  # of values and layer as opened
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    objects = CallQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "category", "year", "round"], name="one_call_per_round")
        ]

    def __str__(self) -> str:
        return self.title


class Extension(models.Model):
    """The last day of one step of a call, moved with a reason: for everybody or for one area. Append-only."""

    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="extensions")
    step = models.CharField(max_length=30)  # key of the route's step
    area = models.ForeignKey(Area, null=True, blank=True, on_delete=models.PROTECT)
    old_day = models.DateField(null=True)
    new_day = models.DateField()
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.step} → {self.new_day}"


class Report(models.Model):
    """绿色工厂自评价报告 in the making: belongs to a site and a year; an application (later a duty) points to it."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="reports")
    category = models.CharField(max_length=15, choices=Category)
    year = models.PositiveSmallIntegerField()
    mode = models.CharField(max_length=10, default="self")
    form = models.CharField(max_length=60)  # key of the form
    form_digest = models.CharField(max_length=64)
    criteria = models.ForeignKey(CriteriaSetVersion, null=True, on_delete=models.PROTECT, related_name="+")
    criteria_why = models.JSONField(default=dict)  # {"digest", "code", "clause", "part", "params"}: told on every page
    # {"tables": {slug: digest}, "home": province}: what its calculators count with; empty where it has none
    factors = models.JSONField(default=dict)
    # {"section.field": {"value", "kind", "label", "case", "year"}}: what the applicant took over, and from where
    origins = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))

    def __str__(self) -> str:
        return f"{self.site} {self.year}"


class Section(models.Model):
    """One section of a draft as one JSON document with a version: the unit of autosave and of conflict."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="sections")
    key = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=0)
    updated_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    updated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["report", "key"], name="one_document_per_section")]

    def __str__(self) -> str:
        return self.key


class Evidence(models.Model):
    """A file beside one field of a report; removed is dated, never deleted."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="evidence")
    section = models.CharField(max_length=40)
    field = models.CharField(max_length=60)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    added_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.blob.name


class ReportVersion(models.Model):
    """What was declared: immutable, with the digest that the declaration names."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField()
    data = (
        models.JSONField()
    )  # {"sections": {key: data}, "computed": {...}, "evidence": [{field, name, sha256}], "form": digest}
    digest = models.CharField(max_length=64)
    score = models.JSONField(
        default=dict
    )  # as worked out when declared: with the criteria's digest and the arithmetic's version
    declaration = models.TextField()
    declared_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    declared_name = models.CharField(max_length=60)
    declared_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["report", "number"], name="report_versions_in_order")]

    def __str__(self) -> str:
        return f"{self.report} v{self.number}"


class Calculation(models.Model):
    """What a calculator of a declared report gave, with everything needed to work it out again years later."""

    version = models.ForeignKey(ReportVersion, on_delete=models.CASCADE, related_name="calculations")
    path = models.CharField(max_length=101)  # section.field
    kind = models.CharField(max_length=15)
    inputs = models.JSONField()  # {"rows": […], "year": 2025, "home": "130000"}
    factors = models.JSONField()  # {slug: digest} of the tables
    formulas = models.PositiveSmallIntegerField()  # version of the way calculators count
    result = models.JSONField()  # {name: number as text}
    digest = models.CharField(max_length=64)  # of all of this

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "path"], name="one_calculation_per_field")]

    def __str__(self) -> str:
        return f"{self.version}: {self.path}"


class Figure(models.Model):
    """One number of a declared report in its base unit: statistics and checks query these, never JSON."""

    version = models.ForeignKey(ReportVersion, on_delete=models.CASCADE, related_name="figures")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="figures")
    key = models.CharField(max_length=80)
    year = models.PositiveSmallIntegerField()
    product = models.CharField(max_length=80, blank=True)
    value = models.DecimalField(max_digits=30, decimal_places=12)  # in base units a share of output is tiny
    unit = models.CharField(max_length=30)

    class Meta:
        indexes = [models.Index(fields=["key", "year"], name="figures_by_key")]

    def __str__(self) -> str:
        return f"{self.key} = {self.value} {self.unit}"


class Application(ApplicationWorkflow):
    """A case: one site's way through one call."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)  # its address
    number = models.CharField(max_length=40, blank=True, db_index=True)  # given at submission
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="applications")
    category = models.CharField(max_length=15, choices=Category)
    mode = models.CharField(_("evaluation"), max_length=10, choices=Mode, default=Mode.SELF, db_default="self")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="applications")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="applications")
    report = models.OneToOneField(Report, on_delete=models.PROTECT, related_name="application")
    name = models.CharField(max_length=120)  # of the organisation on its day; lists and search read it here
    code = models.CharField(max_length=18, blank=True)
    industry_code = models.CharField(max_length=4, blank=True)
    desk = models.ForeignKey(Authority, null=True, blank=True, on_delete=models.PROTECT, related_name="desk_cases")
    # who of the desk works on it; nobody's while it is None, and again at the next desk
    handler = models.ForeignKey(PERSON, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    area_path = models.CharField(max_length=200, blank=True, db_index=True)  # frozen at submission
    reached = models.PositiveSmallIntegerField(default=0)  # rank of the highest tier it was sent to; 0: nobody's yet
    rules_digest = models.CharField(max_length=64, blank=True)  # both frozen at submission
    call_digest = models.CharField(max_length=64, blank=True)
    due_on = models.DateField(null=True, blank=True, db_index=True)  # of the present step
    priority = models.PositiveSmallIntegerField(default=9)  # 1: priority industry (QHD-N2b)
    badges = models.JSONField(default=list)
    panel_score = models.DecimalField(max_digits=6, decimal_places=2, null=True, blank=True)
    # Decided at this step of the route, and the applicant is told later: until then it reads as being decided there.
    untold_step = models.CharField(max_length=30, blank=True, default="", db_default="")
    revision = models.PositiveIntegerField(default=0)  # counts transitions; a page sends it back to prove what it saw
    # the case of a lower list that this one started from
    grown_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="grown_into")
    started_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True, blank=True)

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["call", "category", "site"],
                condition=~Q(state__in=[str(state) for state in FINAL]),
                name="one_live_application_per_call_and_site",
            )
        ]
        indexes = [
            models.Index(fields=["desk", "state", "due_on", "id"], name="desk_order"),
            models.Index(fields=["organisation", "-id"], name="own_cases_order"),
            models.Index(fields=["-id"], name="newest_cases"),
            models.Index(fields=["reached", "-id"], name="reached_order"),
            models.Index(fields=["due_on", "id"], condition=Q(state=State.RETURNED), name="returned_order"),
        ]

    def __str__(self) -> str:
        return f"{self.number or self.reference} {self.name}"


class TimelineEntry(models.Model):
    """One line of the timeline: every transition, with who, in which capacity, and the opinion."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="timeline")
    at = models.DateTimeField()
    verb = models.CharField(max_length=40)
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20)
    step = models.CharField(max_length=30)
    user = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    person = models.CharField(max_length=60)
    capacity = models.CharField(max_length=20)
    authority = models.CharField(max_length=100, blank=True)
    opinion = models.TextField(blank=True)
    applicant_sees = models.BooleanField(default=True)  # person names of officials are never shown to applicants
    data = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["application", "at"], name="timeline_order")]

    def __str__(self) -> str:
        return f"{self.verb} {self.at:%Y-%m-%d}"


class Grant(models.Model):
    """A person may read one case for a while; written by `reviews` when the pledge is signed."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="grants")
    user = models.ForeignKey(PERSON, on_delete=models.CASCADE, related_name="+")
    granted_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "user"], condition=Q(ended_at=None), name="one_live_grant")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} reads {self.application_id}"


class CheckRun(models.Model):
    """What the engine found at one point (submit, screen, recommend, notice, list, night), as it was."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="checks")
    point = models.CharField(max_length=20)
    on = models.DateField()
    at = models.DateTimeField()
    findings = models.JSONField()
    outcome = models.CharField(max_length=10)  # the gravest: clear, warn, confirm, block
    by = models.CharField(max_length=60)

    def __str__(self) -> str:
        return f"{self.point}: {self.outcome}"


class Judgement(models.Model):
    """A reviewer's word on one indicator row: not applicable, a corrected value, points by hand. Append-only: the newest
    row counts, as long as the applicant has not changed what it was about (`basis`).
    """

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="judgements")
    step = models.CharField(max_length=30)
    row = models.CharField(max_length=75)  # group.row of the criteria set
    basis = models.CharField(max_length=64)  # digest of the answers that were judged
    applies = models.BooleanField(null=True)
    points = models.DecimalField(null=True, max_digits=8, decimal_places=2)
    values = models.JSONField(default=dict)  # cell → corrected value
    declared = models.JSONField(default=dict)  # cell → what the applicant had given
    note = models.CharField(max_length=500)
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["report", "row"])]

    def __str__(self) -> str:
        return self.row


class Hit(models.Model):
    """One thing that stands against a case or a listed unit: an adverse event under a clause, or a condition not met.

    Found by a check or by the nightly sweep, told to its authority once, answered by an official, cleared when it is gone.
    """

    key = models.CharField(
        max_length=100, unique=True
    )  # "c12|JY-17.2|r7": unit, clause, place of the event; two sweeps make one row
    application = models.ForeignKey(Application, null=True, on_delete=models.CASCADE, related_name="hits")
    title = models.ForeignKey(Title, null=True, on_delete=models.CASCADE, related_name="hits")
    rules = models.ForeignKey("policy.RuleSetVersion", on_delete=models.PROTECT, related_name="+")
    rule = models.CharField(max_length=80)  # "veto.accident"
    clause = models.CharField(max_length=20, blank=True)
    outcome = models.CharField(max_length=10)  # block, confirm, warn: what it meant when it was found
    ref = models.CharField(max_length=24, blank=True)  # of the event: "r7" an adverse record, "t3" a title taken away
    event = models.JSONField(default=dict)  # as the engine describes it
    shape = models.CharField(
        max_length=300, blank=True
    )  # the same in a line: when it changes, the finding is a new one
    rests_on = models.CharField(
        max_length=400, blank=True
    )  # what the sweep decided it from, in a line that SQL makes too: while both are the same, nothing is decided anew
    basis = models.CharField(max_length=16, blank=True)  # the vetoes it was decided by
    holds_until = models.DateField(null=True)  # from this day time alone may say otherwise
    evidence = models.TextField(blank=True)
    name = models.CharField(max_length=120)  # of the unit
    category = models.CharField(max_length=15, choices=Category)
    area_path = models.CharField(max_length=200, db_index=True)
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="hits")  # who is told
    state = models.CharField(max_length=10, choices=HitState, default=HitState.OPEN)
    word = models.CharField(max_length=400, blank=True)  # what settled it, as a finding shows it
    found_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    objects = HitQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(application=None, title__isnull=False) | Q(application__isnull=False, title=None),
                name="hit_of_one_unit",
            )
        ]
        indexes = [
            models.Index(fields=["authority", "state", "-id"], name="hits_of_authority"),
            models.Index(
                fields=["authority", "category"], condition=Q(told_at=None, state="open"), name="hits_to_tell"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.clause}"


class HitAnswer(models.Model):
    """What an official said to a finding, from what, and who agreed. Append-only."""

    hit = models.ForeignKey(Hit, on_delete=models.CASCADE, related_name="answers")
    word = models.CharField(max_length=10, choices=Word)
    reason = models.TextField()
    document = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    event = models.JSONField(default=dict)  # what it was said about
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    person = models.CharField(max_length=60)
    authority = models.CharField(max_length=100)
    at = models.DateTimeField()
    four_eyes = models.BooleanField(default=False)  # counts only once another person has agreed
    agreed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    agreed_person = models.CharField(max_length=60, blank=True)
    agreed_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)  # of the second person

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(four_eyes=False) | Q(agreed_by=None) | ~Q(agreed_by=F("by")),
                name="waiver_agreed_by_another_person",
            ),
            models.UniqueConstraint(
                fields=["hit"],
                condition=Q(four_eyes=True, agreed_at=None, refused_at=None),
                name="one_waiver_to_agree_on",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hit}: {self.word}"


class Verdict(models.Model):
    """An official's finding on one point of the step's checklist; the row that stands, its history is in the audit trail."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="verdicts")
    step = models.CharField(max_length=30)
    key = models.CharField(max_length=60)
    clause = models.CharField(max_length=20)
    answer = models.CharField(max_length=5, choices=Answer)
    remark = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["application", "step", "key"], name="one_verdict_per_point")]

    def __str__(self) -> str:
        return f"{self.key}: {self.answer}"


class Override(models.Model):
    """Why whoever recommends goes on although a prerequisite warns (QHD-11, HEB-2.3b, HLJ-14c). Append-only: the newest of a
    rule counts, as long as the rule warns of the same.
    """

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="overrides")
    step = models.CharField(max_length=30)
    rule = models.CharField(max_length=80)  # "upward.city_first"
    clause = models.CharField(max_length=20, blank=True)
    finding = models.JSONField()  # as it was found
    reason = models.CharField(max_length=500)
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    person = models.CharField(max_length=60)
    authority = models.CharField(max_length=100)
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}"


class Transmission(models.Model):
    """A unit's filing on the national platform: its number and time there (HEB-1a, JY-6, HLJ-5)."""

    application = models.OneToOneField(Application, on_delete=models.CASCADE, related_name="transmission")
    number = models.CharField(_("platform number"), max_length=60)
    at = models.DateTimeField(_("filed at"))  # as the platform says
    recorded_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    # What stood there before, oldest first: number, at, person, recorded_at, and the reason why it gave way
    former = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))

    def __str__(self) -> str:
        return self.number


class Remark(models.Model):
    """An official's remark beside one field of the report, in one screening round."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="remarks")
    step = models.CharField(max_length=30)
    section = models.CharField(max_length=40)
    field = models.CharField(max_length=60)
    text = models.CharField(max_length=500)
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    correction = models.ForeignKey("Correction", null=True, on_delete=models.PROTECT, related_name="remarks")

    def __str__(self) -> str:
        return f"{self.section}.{self.field}"


class Screening(models.Model):
    """A handler's proposal on a case at one step, and the approver's signature: two people."""

    class Outcome(models.TextChoices):
        PASS = "pass", _("pass")
        REJECT = "reject", _("do not recommend")

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="screenings")
    step = models.CharField(max_length=30)
    outcome = models.CharField(max_length=10, choices=Outcome)
    opinion = models.TextField()
    proposed_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    signed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(null=True)
    sent_back_at = models.DateTimeField(null=True)  # the approver did not sign
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application", "step"],
                condition=Q(signed_at=None, sent_back_at=None),
                name="one_open_proposal_per_step",
            )
        ]

    def __str__(self) -> str:
        return f"{self.step}: {self.outcome}"


class Correction(models.Model):
    """退回补正: only the named fields open; the second look shows old and new."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="corrections")
    step = models.CharField(max_length=30)  # where the case goes back to
    reason = models.TextField()
    fields = models.JSONField()  # [[section, field], …]
    before = models.ForeignKey(ReportVersion, on_delete=models.PROTECT, related_name="+")
    asked_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    due_on = models.DateField(null=True)
    seen_at = models.DateTimeField(null=True)  # by the applicant: from then on the authority cannot take it back
    reminded_at = models.DateTimeField(null=True)  # by hand, at most once a day
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application"], condition=Q(answered_at=None), name="one_open_correction_per_case"
            )
        ]

    def __str__(self) -> str:
        return f"{self.application} {self.asked_at:%Y-%m-%d}"


class Batch(BatchWorkflow):
    """推荐批次: what one authority sends to the next. Signed = frozen JSON with its digest, never edited after."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="batches")
    step = models.CharField(max_length=30)
    sender = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="batches_sent")
    # None: it leaves the portal, to whoever `outside` names (the ministry)
    receiver = models.ForeignKey(Authority, null=True, on_delete=models.PROTECT, related_name="batches_received")
    outside = models.CharField(max_length=60, blank=True)
    title = models.CharField(max_length=160)
    letter_number = models.CharField(max_length=60, blank=True)  # official 文号, typed
    letter_text = models.TextField(blank=True)
    frozen = models.JSONField(null=True)
    digest = models.CharField(max_length=64, blank=True)
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    handed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    signed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    # as the rule set says: handed over and signed by two people
    four_eyes = models.BooleanField(default=True, db_default=True)
    sealed = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")  # scan of the sealed letter
    sealed_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)  # by the receiver: from then on the sender cannot take it back

    objects = BatchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(four_eyes=False) | Q(signed_by=None) | Q(handed_by=None) | ~Q(signed_by=F("handed_by")),
                name="batch_signed_by_another_person",
            )
        ]
        indexes = [models.Index(fields=["sender", "-id"], name="sent_batches_order")]

    def __str__(self) -> str:
        return self.title

    @property
    def receiver_name(self) -> str:
        return self.receiver.name if self.receiver else self.outside


class BatchItem(models.Model):
    """One unit in a batch; a returned unit keeps its row, and its application may come again in another batch."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="items")
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="batch_items")
    step = models.CharField(max_length=30, default="", db_default="")  # of the batch
    position = models.PositiveSmallIntegerField()
    paper_received_at = models.DateTimeField(null=True)
    paper_copies = models.PositiveSmallIntegerField(null=True)
    paper_noted_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    returned_at = models.DateTimeField(null=True)
    returned_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    return_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "step"],
                condition=Q(returned_at=None),
                name="one_live_batch_item_per_step",  # a route may recommend twice: county to city, city to province
            )
        ]

    def __str__(self) -> str:
        return f"{self.batch} #{self.position}"


class BatchReason(models.Model):
    """Why a batch goes on in spite of a warning about the whole of it (a quota). Holds as long as the warning says the same."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="reasons")
    rule = models.CharField(max_length=80)  # "quota.city_factories"
    clause = models.CharField(max_length=40, blank=True)
    basis = models.CharField(max_length=64)  # digest of the warning it answers
    reason = models.CharField(max_length=500)
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    person = models.CharField(max_length=60)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "rule"], name="one_reason_per_batch_and_warning")]

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}"


class Allotment(models.Model):
    """How many places an area has of a quota, as who opened the call gave them (HEB-3a). Append-only: the newest counts."""

    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="allotments")
    quota = models.CharField(max_length=60)
    area = models.ForeignKey(Area, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    reason = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["call", "quota", "area", "-id"], name="newest_allotment")]

    def __str__(self) -> str:
        return f"{self.quota} {self.area}: {self.number}"


class Document(models.Model):
    """A rendered file of a case or a batch: the digest is that of the frozen data, the blob knows the file's own."""

    application = models.ForeignKey(Application, null=True, on_delete=models.CASCADE, related_name="documents")
    batch = models.ForeignKey(Batch, null=True, on_delete=models.CASCADE, related_name="documents")
    kind = models.CharField(max_length=30)  # report, letter, summary, check, package …
    format = models.CharField(max_length=5)  # pdf, xlsx, zip
    data_digest = models.CharField(max_length=64)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application", "kind", "format", "data_digest"],
                condition=Q(batch=None),
                name="case_document_rendered_once",
            ),
            models.UniqueConstraint(
                fields=["batch", "kind", "format", "data_digest"],
                condition=Q(application=None),
                name="batch_document_rendered_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}.{self.format}"


# ---- the desk -------------------------------------------------------------------------------------------------------
class SavedFilter(models.Model):
    """A way to look at the desk that a person keeps, in one capacity; the query holds known filters only."""

    user = models.ForeignKey(PERSON, on_delete=models.CASCADE, related_name="+")
    capacity = models.CharField(max_length=60)  # Actor.key
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=300)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["user", "capacity", "name"], name="one_saved_filter_of_a_name")]

    def __str__(self) -> str:
        return self.name


class BulkAction(models.Model):
    """One thing done to several cases at once: what each was before and after, so that it can be undone."""

    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=20)
    target = models.CharField(max_length=40, blank=True)  # a person's key, a batch's reference
    rows = models.JSONField()  # [{"case": reference, "before": …, "after": …}]
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["by", "-id"], name="own_bulk_actions")]

    def __str__(self) -> str:
        return f"{self.action} ({len(self.rows)})"


# ---- third-party bodies ---------------------------------------------------------------------------------------------
class Registration(RegistrationWorkflow):
    """A body asks the authority that approves bodies of an area to be let to work there (HLJ-24a)."""

    body = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="registrations")
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="body_registrations")
    rules = models.ForeignKey("policy.RuleSetVersion", on_delete=models.PROTECT, related_name="+")
    findings = models.JSONField(default=list)  # what the conditions said when it was submitted
    submitted_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    submitted_at = models.DateTimeField()
    decided_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)

    objects = RegistrationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["body", "authority"],
                condition=Q(state__in=[str(RegistrationState.SUBMITTED), str(RegistrationState.APPROVED)]),
                name="one_standing_registration",
            )
        ]

    def __str__(self) -> str:
        return f"{self.body} · {self.authority}"


class Project(ProjectWorkflow):
    """One evaluation: a body works on one application, or declares a unit it evaluated outside the portal.

    The keys are those of the day of acceptance; a cap counts by them and by the present ones, so that no change of
    representative frees a place (HEB-2.4c, HLJ-24b).
    """

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    body = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="projects")
    application = models.ForeignKey(Application, null=True, on_delete=models.PROTECT, related_name="projects")
    unit = models.CharField(_("unit"), max_length=120)
    category = models.CharField(_("list type"), max_length=15, choices=Category)
    tier = models.CharField(max_length=10)  # of the list
    batch = models.CharField(
        max_length=80, blank=True, db_index=True
    )  # rule set, year and round: see projects.batch_of
    year = models.PositiveSmallIntegerField(_("year"))  # calendar year in which it was accepted
    representative_key = models.CharField(max_length=64, blank=True, db_index=True)
    legal_person_code = models.CharField(max_length=18, blank=True, db_index=True)
    offered_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    offered_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)  # declined, retracted, ended
    reason = models.CharField(max_length=300, blank=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application"],
                condition=Q(state__in=[str(state) for state in LIVE_PROJECT]),
                name="one_live_project_per_application",
            )
        ]
        indexes = [models.Index(fields=["body", "-id"], name="projects_of_body")]

    def __str__(self) -> str:
        return f"{self.body} → {self.unit}"


class BodyNote(models.Model):
    """What a matched body suggests to a unit, and how it follows that up; append-only (HLJ-11).

    It hangs on the unit, not on the case alone, so that the cultivation library can carry it on.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="notes")
    body = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="body_notes")
    area_path = models.CharField(max_length=200, db_index=True)  # of the site
    category = models.CharField(_("list type"), max_length=15, choices=Category)
    kind = models.CharField(_("kind"), max_length=10, choices=Advice)
    to = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="follow_ups")  # of a follow-up
    text = models.TextField(_("text"))
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    person = models.CharField(max_length=60)
    at = models.DateTimeField()

    objects = BodyNoteQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["body", "-id"], name="notes_of_body"),
            models.Index(fields=["unit", "-id"], name="notes_of_unit"),
        ]

    def __str__(self) -> str:
        return f"{self.body} → {self.unit}"


class Release(models.Model):
    """The applicant lets the body's people see and edit the report, until a day or until it is submitted or taken back."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="releases")
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="releases")
    body = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    ends_on = models.DateField()  # the last day
    given_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    given_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=20, blank=True)  # submitted | withdrawn | day | taken_back | over | banned

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application"], condition=Q(ended_at=None), name="one_live_release")
        ]
        indexes = [models.Index(fields=["body", "ended_at"], name="releases_of_body")]

    def __str__(self) -> str:
        return f"{self.application_id} → {self.body_id}"


class SignedStatement(models.Model):
    """Words somebody signed, as they were. About a report it names the digest: another report, and it is void (JY-11c)."""

    registration = models.ForeignKey(Registration, null=True, on_delete=models.PROTECT, related_name="statements")
    project = models.ForeignKey(Project, null=True, on_delete=models.PROTECT, related_name="statements")
    by = models.CharField(max_length=10)  # body | applicant
    key = models.CharField(max_length=40)
    clause = models.CharField(max_length=20, blank=True)
    text = models.TextField()
    digest = models.CharField(max_length=64, blank=True)  # of the report
    signed_name = models.CharField(max_length=60)
    signed_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.key} {self.signed_name}"


class WorkReport(models.Model):
    """The annual work report of a body to the authority of an area it worked in (HLJ-25); filed anew until the last day."""

    body = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="work_reports")
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    year = models.PositiveSmallIntegerField()
    text = models.TextField(_("work of the year"))
    problems = models.TextField(_("problems and suggestions"), blank=True)
    counts = models.JSONField(default=dict)  # accepted, reported, listed as the portal knew them that day
    blob = models.ForeignKey(Blob, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    filed_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    filed_at = models.DateTimeField()
    late = models.BooleanField(default=False)

    objects = WorkReportQuerySet.as_manager()

    class Meta:
        ordering = ["-year", "-pk"]
        constraints = [models.UniqueConstraint(fields=["body", "authority", "year"], name="one_work_report_per_year")]

    def __str__(self) -> str:
        return f"{self.body} {self.year}"


class WhiteList(models.Model):
    """Pass rates of bodies and those an authority commends, frozen on the day it chose to publish (HLJ-25)."""

    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="white_lists")
    title = models.CharField(max_length=160)
    clause = models.CharField(max_length=20, blank=True)
    rows = models.JSONField()  # [{body, name, code, accepted, reported, decided, listed, rate, white}]
    published_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.title
