"""年度动态管理表: the cycle of a year, one table per site and category, what reviewers said, scores kept by year."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from applications.models import Report, ReportVersion, new_reference
from dynamics.querysets import CycleQuerySet, YearlyReportQuerySet, YearlyScoreQuerySet
from dynamics.states import ScoreSource, Word
from dynamics.transitions import CycleWorkflow, YearlyWorkflow
from greenlist.accounts.models import Authority
from greenlist.organisations.models import Category, Organisation, Site
from greenlist.policy.models import RuleSet, RuleSetVersion

PERSON = settings.AUTH_USER_MODEL


class Cycle(CycleWorkflow):
    """One duty of one rule set in one year. Pins the version in force when it was opened."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    owner = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="cycles")
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, related_name="+")
    rules = models.ForeignKey(RuleSetVersion, on_delete=models.PROTECT, related_name="+")
    duty = models.CharField(max_length=30)  # key of the `[[duty]]` table
    year = models.PositiveSmallIntegerField()  # in which it is filed; the figures are of the year before
    opens_on = models.DateField()
    due_on = models.DateField(db_index=True)  # the last day, that day included (QHD-12a: no cycle without)
    review_due_on = models.DateField(null=True)  # by which the reviewers are done (JY-19)
    opened_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")  # None: the scheduler
    opened_at = models.DateTimeField()

    objects = CycleQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule_set", "duty", "year"], name="one_cycle_a_year")]
        indexes = [models.Index(fields=["owner", "-year", "-id"], name="cycles_newest_first")]

    def __str__(self) -> str:
        return f"{self.owner} {self.year} {self.duty}"


class YearlyReport(YearlyWorkflow):
    """动态管理表 of one site: what it owes in a cycle, what it handed in, who has it."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    cycle = models.ForeignKey(Cycle, on_delete=models.PROTECT, related_name="reports")
    category = models.CharField(max_length=15, choices=Category)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="yearly_reports")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="yearly_reports")
    report = models.OneToOneField(Report, null=True, on_delete=models.PROTECT, related_name="yearly")
    name = models.CharField(max_length=120)  # of its day; lists read it here
    code = models.CharField(max_length=18, blank=True)
    industry_code = models.CharField(max_length=4, blank=True)
    area_path = models.CharField(max_length=200, db_index=True)
    tiers = models.JSONField(default=list)  # of the titles that bring it: once, for every tier it holds (JY-18)
    form = models.CharField(max_length=60)
    aspires = models.BooleanField(default=False)  # the unit said that it means to apply higher (JY-19)
    due_on = models.DateField(db_index=True)  # of its cycle, or its own where it was extended
    told_on = models.DateField(null=True)  # of the message that opened it; its reminders begin the day after
    answer_by = models.DateField(null=True)  # of a return
    desk = models.ForeignKey(Authority, null=True, on_delete=models.PROTECT, related_name="yearly_reports")
    tier = models.CharField(max_length=10, blank=True)  # of the review it is in
    exempt_clause = models.CharField(max_length=20, blank=True)
    exempt_reason = models.CharField(max_length=20, blank=True)  # higher_title | applied | not_listed
    exempt_tier = models.CharField(max_length=10, blank=True)  # with which tier it files instead (QHD-12b)
    reasons = models.JSONField(default=dict)  # path → why a doubtful figure is right; declared with the figures
    revision = models.PositiveIntegerField(default=0)

    objects = YearlyReportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cycle", "site", "category"], name="one_table_per_cycle_and_site")
        ]
        indexes = [
            models.Index(fields=["cycle", "state", "id"], name="board_order"),
            models.Index(fields=["cycle", "area_path", "id"], name="board_by_area"),
            models.Index(fields=["desk", "state", "id"], name="yearly_desk_order"),
            models.Index(fields=["organisation", "-id"], name="own_tables_order"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.cycle_id}"


class YearlyOpinion(models.Model):
    """What a reviewer said of a declared table: passed on, returned with reasons per field, accepted. Append-only."""

    report = models.ForeignKey(YearlyReport, on_delete=models.PROTECT, related_name="opinions")
    version = models.ForeignKey(ReportVersion, on_delete=models.PROTECT, related_name="+")
    tier = models.CharField(max_length=10)
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    word = models.CharField(max_length=10, choices=Word)
    text = models.TextField()
    meets = models.BooleanField(null=True)  # still within the standard, where something changed (HLJ-31)
    fields = models.JSONField(default=dict)  # path → what is to be corrected
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    person = models.CharField(max_length=60)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["report", "-id"], name="opinions_newest_first")]

    def __str__(self) -> str:
        return f"{self.report_id} {self.word}"


class OpinionReport(models.Model):
    """审核意见报告 of a tier over one declared table (HLJ-28): without it the table is not accepted where the rules want one.

    Written anew it replaces the one before; what was printed is known by its digest.
    """

    report = models.ForeignKey(YearlyReport, on_delete=models.PROTECT, related_name="opinion_reports")
    version = models.ForeignKey(ReportVersion, on_delete=models.PROTECT, related_name="+")
    tier = models.CharField(max_length=10)
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    points = models.JSONField(default=list)  # [{"key", "zh", "en", "fine", "note"}]
    meets = models.BooleanField(null=True)
    data = models.JSONField(default=dict)  # what the paper is printed from, frozen
    digest = models.CharField(max_length=64)
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    person = models.CharField(max_length=60)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["report", "-id"], name="opinion_reports_newest_first")]

    def __str__(self) -> str:
        return f"{self.report_id} {self.tier}"


class DeadlineMove(models.Model):
    """The last day of a cycle moved, for all or for one table, with a reason. Append-only."""

    cycle = models.ForeignKey(Cycle, on_delete=models.PROTECT, related_name="moves")
    report = models.ForeignKey(YearlyReport, null=True, on_delete=models.PROTECT, related_name="moves")
    old_day = models.DateField()
    new_day = models.DateField()
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.cycle_id} → {self.new_day}"


class YearlyScore(models.Model):
    """Score and rank of a site in a year, kept: the lowest share several years running may be a ground for removal."""

    cycle = models.ForeignKey(Cycle, on_delete=models.PROTECT, related_name="scores")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="yearly_scores")
    category = models.CharField(max_length=15, choices=Category)
    year = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=120)
    area_path = models.CharField(max_length=200, db_index=True)
    score = models.DecimalField(max_digits=7, decimal_places=2)
    rank = models.PositiveIntegerField(null=True)  # from 1, the best; the same for equals
    among = models.PositiveIntegerField(null=True)
    source = models.CharField(max_length=10, choices=ScoreSource)
    by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    objects = YearlyScoreQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cycle", "site", "category"], name="one_score_per_cycle_and_site"),
            models.CheckConstraint(condition=Q(score__gte=0), name="scores_from_zero"),
        ]
        indexes = [models.Index(fields=["cycle", "category", "rank"], name="scores_by_rank")]

    def __str__(self) -> str:
        return f"{self.name} {self.year}: {self.score}"
