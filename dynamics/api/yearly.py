"""Yearly tables and the boards of their cycles, for reading: filling in, reviewing and deciding are for people."""

from typing import Any

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dynamics.selectors import boards, cycles, outside, yearly
from dynamics.states import CycleState, Word, YearlyState
from greenlist.accounts.states import Scope
from greenlist.core.api import ApiView, PageQuery, page
from greenlist.core.api_schema import listed, operation
from greenlist.core.clock import china_date
from greenlist.organisations.models import Category

FOUND = [(key, key) for key in boards.STATES]


# ---- what may be asked ----------------------------------------------------------------------------------------------
class TableQuery(PageQuery):
    cycle = serializers.RegexField(r"^[A-Za-z0-9_-]{1,24}$", required=False, help_text=_("`reference` of a cycle."))
    year = serializers.IntegerField(
        min_value=1900, max_value=2199, required=False, help_text=_("In which it is filed.")
    )
    state = serializers.ChoiceField(
        FOUND, required=False, help_text=_("What is past its last day is `overdue` and nothing else.")
    )
    place = serializers.RegexField(
        r"^[A-Za-z0-9_-]{1,30}$", required=False, help_text=_("The short code of an area, such as in /p/<place>/.")
    )
    category = serializers.ChoiceField(Category.choices, required=False)
    q = serializers.CharField(max_length=60, required=False, help_text=_("A part of the name, or a code."))


# ---- what is told ---------------------------------------------------------------------------------------------------
class TableShape(serializers.Serializer):
    """What one site owes or has handed in in one cycle."""

    reference = serializers.CharField(source="table.reference")
    cycle = serializers.CharField(source="table.cycle.reference")
    year = serializers.IntegerField(source="table.cycle.year")
    title = serializers.CharField()
    list_owner = serializers.CharField(source="table.cycle.owner.name")
    category = serializers.ChoiceField(Category.choices, source="table.category")
    tiers = serializers.ListField(child=serializers.CharField(), source="table.tiers")
    name = serializers.CharField(source="table.name")
    code = serializers.CharField(source="table.code")
    industry_code = serializers.CharField(source="table.industry_code")
    area = serializers.CharField(source="table.site.area.name")
    state = serializers.ChoiceField(YearlyState.choices)
    is_overdue = serializers.BooleanField()
    last_day = serializers.DateField()
    filed_at = serializers.DateTimeField(source="table.filed_at", allow_null=True)
    desk = serializers.CharField(source="table.desk.name", default="", help_text=_("The authority whose turn it is."))
    exempt = serializers.CharField(help_text=_("Why it need not be filed."))


class TableVersionShape(serializers.Serializer):
    """What the unit vouched for."""

    number = serializers.IntegerField()
    declared_at = serializers.DateTimeField()
    declared_name = serializers.CharField()
    digest = serializers.CharField()


class TableFigureShape(serializers.Serializer):
    """One number in its base unit, as text, which loses no digit."""

    key = serializers.CharField()
    year = serializers.IntegerField()
    value = serializers.SerializerMethodField()
    unit = serializers.CharField()

    def get_value(self, figure: Any) -> str:
        return f"{figure.value.normalize():f}"


class OpinionShape(serializers.Serializer):
    """What an authority said of a declared table; officials are not named."""

    authority = serializers.CharField(source="row.authority.name")
    tier = serializers.CharField(source="row.tier")
    version = serializers.IntegerField(source="row.version.number")
    word = serializers.ChoiceField(Word.choices, source="row.word")
    text = serializers.CharField(source="row.text")
    meets = serializers.BooleanField(
        source="row.meets", allow_null=True, help_text=_("Still within the standard, where something changed.")
    )
    to_correct = serializers.DictField(
        child=serializers.CharField(), source="row.fields", help_text=_("section.field → what is to be corrected")
    )
    at = serializers.DateTimeField(source="row.at")


class TableFullShape(TableShape):
    form = serializers.CharField(source="table.form")
    declared = serializers.SerializerMethodField(help_text=_("None while nothing was handed in."))
    answers = serializers.SerializerMethodField(help_text=_("section → field → value, as they were declared."))
    computed = serializers.SerializerMethodField(help_text=_("section.field → what was worked out."))
    reasons = serializers.SerializerMethodField(help_text=_("section.field → why a doubtful figure is right."))
    figures = serializers.SerializerMethodField()
    opinions = serializers.SerializerMethodField()

    @property
    def shown(self) -> yearly.TablePage:
        found: yearly.TablePage = self.context["page"]
        return found

    def _said(self, key: str) -> dict[str, Any]:
        return dict(self.shown.version.data.get(key) or {}) if self.shown.version else {}

    @extend_schema_field(TableVersionShape(allow_null=True))
    def get_declared(self, row: Any) -> Any:
        return TableVersionShape(self.shown.version).data if self.shown.version else None

    @extend_schema_field(serializers.DictField(child=serializers.DictField()))
    def get_answers(self, row: Any) -> dict[str, Any]:
        return self._said("sections")

    @extend_schema_field(serializers.DictField(child=serializers.CharField(allow_null=True)))
    def get_computed(self, row: Any) -> dict[str, Any]:
        return self._said("computed")

    @extend_schema_field(serializers.DictField(child=serializers.CharField()))
    def get_reasons(self, row: Any) -> dict[str, Any]:
        return self._said("reasons")

    @extend_schema_field(TableFigureShape(many=True))
    def get_figures(self, row: Any) -> Any:
        return TableFigureShape(outside.figures(self.shown), many=True).data

    @extend_schema_field(OpinionShape(many=True))
    def get_opinions(self, row: Any) -> Any:
        return OpinionShape(self.shown.opinions, many=True).data


class CountShape(serializers.Serializer):
    state = serializers.SerializerMethodField()
    count = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(FOUND))
    def get_state(self, pair: Any) -> str:
        return str(pair[0])

    def get_count(self, pair: Any) -> int:
        return int(pair[-1])


class CycleShape(serializers.Serializer):
    """One duty of a list in one year, with how many tables of one's place are in which state."""

    reference = serializers.CharField(source="cycle.reference")
    title = serializers.CharField()
    year = serializers.IntegerField(source="cycle.year")
    list_owner = serializers.CharField(source="cycle.owner.name")
    state = serializers.ChoiceField(CycleState.choices, source="cycle.state")
    opens_on = serializers.DateField(source="cycle.opens_on")
    due_on = serializers.DateField(source="cycle.due_on")
    review_due_on = serializers.DateField(source="cycle.review_due_on", allow_null=True)
    counts = CountShape(many=True)


class PlaceCountShape(serializers.Serializer):
    place = serializers.CharField(source="name")
    total = serializers.IntegerField()
    counts = CountShape(many=True)


class CycleFullShape(CycleShape):
    total = serializers.IntegerField()
    places = PlaceCountShape(many=True, source="areas")


# ---- addresses ------------------------------------------------------------------------------------------------------
class Tables(ApiView):
    scopes = {"GET": Scope.READ}

    @operation(
        "yearly_tables", _("Yearly tables one sees, newest first"), tag="after", ok=listed(TableShape), query=TableQuery
    )
    def get(self, request: Request) -> Response:
        found = outside.tables(self.actor, self.given(TableQuery), china_date(self.at))
        return page(TableShape, found.rows, found.older)


class TableOne(ApiView):
    scopes = {"GET": Scope.READ}

    @operation(
        "yearly_table",
        _("One yearly table with what was declared and said of it"),
        tag="after",
        ok=TableFullShape,
        refused=[404],
    )
    def get(self, request: Request, reference: str) -> Response:
        today = china_date(self.at)
        shown = yearly.table_page(self.actor, reference, today)
        return Response(TableFullShape(yearly.own_row(shown.table, today), context={"page": shown}).data)


class Cycles(ApiView):
    scopes = {"GET": Scope.READ}

    @operation("cycles", _("Cycles of one's place, newest first"), tag="after", ok=listed(CycleShape), query=PageQuery)
    def get(self, request: Request) -> Response:
        given = self.given(PageQuery)
        found = boards.cycles_page(self.actor, given, china_date(self.at), size=given["size"]).rows
        return page(CycleShape, found.rows, found.older)


class CycleOne(ApiView):
    scopes = {"GET": Scope.READ}

    @operation(
        "cycle",
        _("The board of one cycle: how many tables are in which state, by place"),
        tag="after",
        ok=CycleFullShape,
        refused=[404],
    )
    def get(self, request: Request, reference: str) -> Response:
        row = cycles.cycle_of(self.actor, reference)
        board = boards.board(self.actor, row, boards.Filters(), {}, china_date(self.at))
        return Response(CycleFullShape(board).data)


urlpatterns: list[URLPattern] = [
    path("yearly/", Tables.as_view(), name="yearly_tables"),
    path("yearly/<str:reference>/", TableOne.as_view(), name="yearly_table"),
    path("cycles/", Cycles.as_view(), name="cycles"),
    path("cycles/<str:reference>/", CycleOne.as_view(), name="cycle"),
]
