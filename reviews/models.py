"""Panels, seats, score sheets; the overall review and its proposed list; departments asked for their opinion."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from applications.models import Application, Call, Evidence, new_reference
from greenlist.accounts.models import Area, Authority
from greenlist.core.models import Blob
from greenlist.organisations.models import Organisation
from reviews.querysets import (
    ConsultationQuerySet,
    ConsultedOfficeQuerySet,
    DecisionQuerySet,
    PanelQuerySet,
    SeatQuerySet,
)
from reviews.states import Adjustment, ConflictKind, DecisionState, DrawKind, Outcome, PanelKind, Verdict
from reviews.transitions import ConsultationWorkflow, DecisionWorkflow, PanelWorkflow

PERSON = settings.AUTH_USER_MODEL


class Panel(PanelWorkflow):
    """专家评审组: experts (or a body) whom the authority asks about some applications of a call."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="panels")
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    step = models.CharField(max_length=30)
    title = models.CharField(max_length=160)
    kind = models.CharField(max_length=10, choices=PanelKind, default=PanelKind.EXPERTS)
    body = models.CharField(max_length=120, blank=True)  # name of the commissioned body (QHD-9)
    commissioned = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+")
    drawn = models.BooleanField(default=False)  # the members are drawn at random, not chosen (HLJ-16b)
    blind = models.BooleanField(default=False)  # experts see no names of units
    per_case = models.PositiveSmallIntegerField(null=True)  # experts for each unit; None: everybody judges everything
    plan = models.TextField(blank=True)
    risks = models.TextField(blank=True)  # integrity risk points, and the reminder talk about them (HLJ-17)
    talk_on = models.DateField(null=True, blank=True)
    talk = models.CharField(max_length=300, blank=True)  # who spoke to whom, where
    pledge = models.TextField(blank=True)  # the text that each expert signs before any material opens
    scored = models.BooleanField(default=True)  # the step names a score rule: each unit gets a score
    closes_on = models.DateField(null=True, blank=True)
    fewer = models.CharField(max_length=300, blank=True)  # why a unit was concluded with fewer experts than laid down
    opinion = models.TextField(blank=True)  # written review opinion (QHD-9)
    opinion_file = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")  # as signed on paper
    version = models.PositiveIntegerField(default=0)  # counts edits; a page sends it back to prove what it saw
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    concluded_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")

    objects = PanelQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["authority", "-id"], name="panels_order"),
            models.Index(fields=["commissioned", "-id"], name="commissions_order"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def has_seats(self) -> bool:
        """Its members give their sheets here: experts, or the people of a registered body. Others write on paper."""
        return self.kind == PanelKind.EXPERTS or self.commissioned_id is not None


class PanelItem(models.Model):
    """One application before a panel, and what the panel concluded."""

    panel = models.ForeignKey(Panel, on_delete=models.PROTECT, related_name="items")
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="panel_items")
    suggested = models.BooleanField(null=True)  # on the suggested list?
    conclusion = models.TextField(blank=True)
    score = models.DecimalField(max_digits=6, decimal_places=2, null=True)
    spread = models.DecimalField(max_digits=6, decimal_places=2, null=True)
    alias = models.CharField(max_length=24, default=new_reference)  # what a blind panel calls it in addresses

    class Meta:
        constraints = [models.UniqueConstraint(fields=["panel", "application"], name="once_before_a_panel")]

    def __str__(self) -> str:
        return f"{self.panel}: {self.application}"


class Seat(models.Model):
    """An expert's place; materials open with the signed pledge and close with the panel or a recusal."""

    panel = models.ForeignKey(Panel, on_delete=models.PROTECT, related_name="seats")
    user = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="seats")
    employer = models.CharField(max_length=100, blank=True)  # this and the field as on the day of invitation
    field = models.CharField(max_length=60, blank=True)
    is_chair = models.BooleanField(default=False)
    draw = models.ForeignKey(
        "Draw", null=True, on_delete=models.SET_NULL, related_name="seats"
    )  # that chose the expert
    stands_for = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")  # a substitute
    invited_at = models.DateTimeField()
    pledged_at = models.DateTimeField(null=True)
    pledge_digest = models.CharField(max_length=64, blank=True)
    declared_at = models.DateTimeField(null=True)  # said with which units there is a conflict: now the others open
    locked_at = models.DateTimeField(null=True)  # all own sheets, once
    recused_at = models.DateTimeField(null=True)
    recused_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    recusal_reason = models.CharField(max_length=300, blank=True)

    objects = SeatQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["panel", "user"], name="one_seat_per_expert")]

    def __str__(self) -> str:
        return f"{self.user} · {self.panel}"


class Sheet(models.Model):
    """One expert's score and comment on one application; locked once."""

    seat = models.ForeignKey(Seat, on_delete=models.PROTECT, related_name="sheets")
    item = models.ForeignKey(PanelItem, on_delete=models.PROTECT, related_name="sheets")
    score = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    suggests = models.BooleanField(null=True)
    comment = models.TextField(blank=True)
    rows = models.JSONField(default=dict)  # by the criteria's rows: {path: {"points": "3.5", "comment": ""}}
    conflict = models.CharField(max_length=10, choices=ConflictKind, blank=True)  # set: not this expert's to judge
    conflict_reason = models.CharField(max_length=300, blank=True)  # in the expert's own words
    version = models.PositiveIntegerField(default=0)
    saved_at = models.DateTimeField(null=True)
    locked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["seat", "item"], name="one_sheet_per_seat_and_item"),
            models.CheckConstraint(
                condition=Q(score=None) | Q(score__gte=0, score__lte=100), name="score_between_0_and_100"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.seat} · {self.item_id}"


class Expert(models.Model):
    """What the pool knows of somebody beside the mandate: kept by the pool's authority and by the expert."""

    user = models.OneToOneField(PERSON, on_delete=models.PROTECT, related_name="expertise")
    fields = models.JSONField(default=list)  # of work; empty: the mandate's
    area = models.ForeignKey(Area, null=True, on_delete=models.PROTECT, related_name="+")  # where the expert is from
    cap_per_panel = models.PositiveSmallIntegerField(null=True)
    cap_per_year = models.PositiveSmallIntegerField(null=True)
    suspended_at = models.DateTimeField(null=True)
    suspended_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    suspension_reason = models.CharField(max_length=300, blank=True)
    version = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.user)


class Employment(models.Model):
    """Where an expert works or worked, and from when until when as far as known. Kept, never rewritten: ended or added."""

    expert = models.ForeignKey(Expert, on_delete=models.CASCADE, related_name="employments")
    employer = models.CharField(max_length=100)
    since = models.DateField(null=True)
    until = models.DateField(null=True)  # empty: works there now
    added_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(until=None) | Q(since=None) | Q(until__gte=F("since")), name="employment_ends_after_start"
            )
        ]

    def __str__(self) -> str:
        return f"{self.expert}: {self.employer}"


class Absence(models.Model):
    """Days on which an expert cannot review, both included."""

    expert = models.ForeignKey(Expert, on_delete=models.CASCADE, related_name="absences")
    since = models.DateField()
    until = models.DateField()
    reason = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(until__gte=F("since")), name="absence_ends_after_start")]

    def __str__(self) -> str:
        return f"{self.expert}: {self.since}–{self.until}"


class Draw(models.Model):
    """抽取: one draw with its seed, everything it depended on and what came out; never changed (HLJ-16b)."""

    panel = models.ForeignKey(Panel, on_delete=models.PROTECT, related_name="draws")
    number = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=12, choices=DrawKind)
    reason = models.CharField(max_length=300, blank=True)  # of a second draw, a substitute, another opinion
    seed = models.CharField(max_length=64)
    inputs = models.JSONField()  # as policy.engine.drawing.record_of writes it; people by id, units by reference
    names = models.JSONField()  # of those people and units as on that day
    result = models.JSONField()
    digest = models.CharField(max_length=64)
    drawn_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    drawn_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["panel", "number"], name="draws_of_a_panel_are_numbered")]

    def __str__(self) -> str:
        return f"{self.panel_id}/{self.number}"


class Watch(models.Model):
    """A supervisor's place: reads how the panel goes, judges nothing (HLJ-16b, 一评审四监督)."""

    panel = models.ForeignKey(Panel, on_delete=models.PROTECT, related_name="watches")
    user = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="watches")
    named_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    named_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["panel", "user"], condition=Q(ended_at=None), name="watches_a_panel_once")
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.panel}"


class Remark(models.Model):
    """A supervisor's note on a panel; once written it stands."""

    watch = models.ForeignKey(Watch, on_delete=models.PROTECT, related_name="remarks")
    text = models.TextField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.watch}: {self.text[:20]}"


class ShownFile(models.Model):
    """A piece of evidence that an official found to name nobody: a blind panel may see it."""

    panel = models.ForeignKey(Panel, on_delete=models.CASCADE, related_name="shown_files")
    evidence = models.ForeignKey(Evidence, on_delete=models.CASCADE, related_name="+")
    alias = models.CharField(max_length=24, default=new_reference, unique=True)
    bare = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")  # as experts get it
    shown_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    shown_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["panel", "evidence"], name="shown_to_a_panel_once")]

    def __str__(self) -> str:
        return f"{self.panel_id}: {self.evidence_id}"


class Decision(DecisionWorkflow):
    """综合审查: the authority's overall review of one call's cases and the proposed list, by two people."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="decisions")
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    step = models.CharField(max_length=30)
    title = models.CharField(max_length=160)
    text = models.TextField(blank=True)
    met_on = models.DateField(null=True, blank=True)  # of the meeting that decided (HLJ-18b, HLJ-20b)
    participants = models.CharField(max_length=500, blank=True)
    record_number = models.CharField(max_length=60, blank=True)
    record_file = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")  # the signed record
    announce_later = models.BooleanField(default=False, db_default=False)  # no applicant is told before `released_at`
    released_at = models.DateTimeField(null=True)
    four_eyes = models.BooleanField(default=True)  # as the rule set says: proposed and approved by two people
    version = models.PositiveIntegerField(default=0)  # counts edits; a page sends it back to prove what it saw
    note = models.CharField(max_length=500, blank=True)  # why the approver handed it back
    handed_back_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    handed_back_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    proposed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    frozen = models.JSONField(null=True)
    digest = models.CharField(max_length=64, blank=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(four_eyes=False)
                | Q(approved_by=None)
                | Q(proposed_by=None)
                | ~Q(approved_by=F("proposed_by")),
                name="decision_approved_by_another_person",
            )
        ]
        indexes = [models.Index(fields=["authority", "-id"], name="decisions_order")]

    def __str__(self) -> str:
        return self.title

    @property
    def is_untold(self) -> bool:
        """Approved, and the applicants are to hear of it later."""
        return self.state == DecisionState.APPROVED and self.announce_later and self.released_at is None


class DecisionItem(models.Model):
    """What is decided on one application at one step; empty outcome: not yet."""

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="items")
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="decision_items")
    step = models.CharField(max_length=30)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    reason = models.CharField(max_length=500, blank=True)  # required when it deviates from the panel, or declines

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "step"], name="one_decision_per_application_and_step")
        ]

    def __str__(self) -> str:
        return f"{self.application}: {self.outcome}"


class Consultation(ConsultationWorkflow):
    """征求意见: other departments are asked about some cases of a call by letter (HEB-3b, JY-16, HLJ-19, HLJ-21a)."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="consultations")
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    step = models.CharField(max_length=30)
    title = models.CharField(max_length=160)
    number = models.CharField(max_length=60, blank=True)  # 文号: typed, never generated
    text = models.TextField(blank=True)
    four_eyes = models.BooleanField(default=True)  # as the rule set says: letter and conclusion by two people
    version = models.PositiveIntegerField(default=0)  # counts edits; a page sends it back to prove what it saw
    note = models.CharField(max_length=500, blank=True)  # why the approver handed it back
    handed_back_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    handed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    sent_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    concluded_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    closed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    letter = models.JSONField(null=True)  # letter and list as sent
    frozen = models.JSONField(null=True)  # opinions and conclusion as closed
    digest = models.CharField(max_length=64, blank=True)

    objects = ConsultationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(four_eyes=False) | Q(sent_by=None) | Q(handed_by=None) | ~Q(sent_by=F("handed_by")),
                name="consultation_sent_by_another_person",
            ),
            models.CheckConstraint(
                condition=Q(four_eyes=False)
                | Q(closed_by=None)
                | Q(concluded_by=None)
                | ~Q(closed_by=F("concluded_by")),
                name="consultation_closed_by_another_person",
            ),
        ]
        indexes = [models.Index(fields=["authority", "-id"], name="consultations_order")]

    def __str__(self) -> str:
        return self.title


class ConsultedOffice(models.Model):
    """One department that is asked; without an account of the portal its answer comes on paper."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    consultation = models.ForeignKey(Consultation, on_delete=models.CASCADE, related_name="offices")
    department = models.CharField(max_length=30, blank=True)  # key of the rule set; empty: added by the authority
    authority = models.ForeignKey(Authority, null=True, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    asked_at = models.DateTimeField(null=True)
    due_on = models.DateField(null=True)  # last day to answer, that day included
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    on_paper = models.BooleanField(default=False)  # entered by the asking authority from a paper
    number = models.CharField(max_length=60, blank=True)  # of the department's letter
    note = models.TextField(blank=True)
    file = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    overdue_at = models.DateTimeField(
        null=True
    )  # when the portal marked that the last day had passed without an answer

    objects = ConsultedOfficeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["consultation", "name"], name="each_office_is_asked_once"),
        ]

    def __str__(self) -> str:
        return self.name


class ConsultedUnit(models.Model):
    """One case that departments are asked about, and what becomes of it."""

    consultation = models.ForeignKey(Consultation, on_delete=models.CASCADE, related_name="units")
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="consulted")
    position = models.PositiveIntegerField()
    adjustment = models.CharField(max_length=10, choices=Adjustment, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application"], condition=Q(settled_at=None), name="one_open_consultation_of_a_case"
            )
        ]
        indexes = [models.Index(fields=["consultation", "position"], name="consulted_units_order")]

    def __str__(self) -> str:
        return f"{self.consultation_id}: {self.application_id}"


class Reply(models.Model):
    """What one department says of one unit; `checks` are the named questions of the rule set (HLJ-19)."""

    office = models.ForeignKey(ConsultedOffice, on_delete=models.CASCADE, related_name="replies")
    unit = models.ForeignKey(ConsultedUnit, on_delete=models.CASCADE, related_name="replies")
    verdict = models.CharField(max_length=10, choices=Verdict, blank=True)
    reason = models.CharField(max_length=1000, blank=True)
    checks = models.JSONField(default=dict)
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["office", "unit"], name="one_reply_of_an_office_to_a_unit")]

    def __str__(self) -> str:
        return f"{self.office_id}: {self.unit_id}"


class GuidanceVisit(models.Model):
    """现场指导: a visit to a cultivation object, planned and then recorded; the unit reads who came and what was advised."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="guidance_visits")
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    planned_on = models.DateField()
    purpose = models.CharField(max_length=200, blank=True)
    visited_on = models.DateField(null=True, blank=True)  # empty: planned only
    persons = models.CharField(max_length=300, blank=True)
    advice = models.TextField(blank=True)
    planned_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    recorded_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-planned_on", "-pk"]

    def __str__(self) -> str:
        return f"{self.application} · {self.planned_on}"


class Document(models.Model):
    """A rendered file of a panel, a decision or a consultation (minutes, score sheets, proposed list, letter)."""

    panel = models.ForeignKey(Panel, null=True, on_delete=models.CASCADE, related_name="documents")
    decision = models.ForeignKey(Decision, null=True, on_delete=models.CASCADE, related_name="documents")
    consultation = models.ForeignKey(Consultation, null=True, on_delete=models.CASCADE, related_name="documents")
    office = models.ForeignKey(ConsultedOffice, null=True, on_delete=models.CASCADE, related_name="+")  # of a letter
    kind = models.CharField(max_length=30)
    format = models.CharField(max_length=5)
    seat = models.ForeignKey(Seat, null=True, on_delete=models.CASCADE, related_name="+")  # of a score sheet
    data_digest = models.CharField(max_length=64)  # of the frozen data it was made from
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind}.{self.format}"
