"""Django admin: rules, criteria and factor tables come in by upload and are never edited; calendar days are kept by hand."""

from datetime import datetime
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from greenlist.core import clock
from greenlist.core.actors import Actor
from greenlist.core.admin import ReadOnlyModelAdmin, ServiceModelAdmin
from greenlist.core.errors import DomainError
from greenlist.core.http import Request
from greenlist.policy import selectors, services, workbooks
from greenlist.policy.forms import CriteriaUpload, FactorsUpload, RulesUpload
from greenlist.policy.models import (
    CalendarDay,
    CalendarYear,
    CriteriaSet,
    CriteriaSetVersion,
    FactorTableVersion,
    RuleSet,
    RuleSetVersion,
)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ByUpload(ReadOnlyModelAdmin):
    """Adding means uploading: the form's files go to a service, every mistake is shown."""

    upload_form: type[Form]
    upload_title: Any = ""
    upload_link: tuple[Any, str] | None = None  # words and address name of a template to fill in

    def store(self, *, form: Form, actor: Actor, at: datetime) -> services.Loaded:
        raise NotImplementedError

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.keeps(request)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = self.upload_form(request.POST or None, request.FILES or None)
        mistakes: list[str] = []
        if request.method == "POST" and form.is_valid():
            try:
                loaded = self.store(form=form, actor=cast(Request, request).actor, at=clock.now())
            except services.BrokenFiles as wrong:
                mistakes = [str(line) for lines in wrong.problems.values() for line in lines]
            except DomainError as wrong:
                mistakes = [str(wrong.message)]
            else:
                return self._stored(request, loaded)
        context = {
            **self.admin_site.each_context(request),
            "title": self.upload_title,
            "form": form,
            "mistakes": mistakes,
            "link": self.upload_link and {"text": self.upload_link[0], "url": reverse(self.upload_link[1])},
            "opts": self.opts,
        }
        return render(request, "policy/upload.html", context, status=422 if mistakes else 200)

    def _stored(self, request: HttpRequest, loaded: services.Loaded) -> HttpResponse:
        said = (
            _("Stored as version %(number)s of %(slug)s.")
            if loaded.new
            else _("Nothing changed: this is version %(number)s of %(slug)s.")
        )
        messages.success(request, said % {"number": loaded.number, "slug": loaded.slug})
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))


@admin.register(RuleSet)
class RuleSetAdmin(ReadOnlyModelAdmin):
    list_display = ("slug", "title", "owner", "tier")


@admin.register(RuleSetVersion)
class RuleSetVersionAdmin(ByUpload):
    list_display = ("rule_set", "number", "short", "loaded_at", "loaded_by")
    list_filter = ("rule_set",)
    list_select_related = ("rule_set",)
    fields = ("rule_set", "number", "digest", "loaded_at", "loaded_by", "files")
    readonly_fields = ("files",)
    upload_form = RulesUpload
    upload_title = _("Upload rules")

    @admin.display(description=_("digest"))
    def short(self, version: RuleSetVersion) -> str:
        return version.digest[:12]

    @admin.display(description=_("files"))
    def files(self, version: RuleSetVersion) -> str:
        return format_html_join("", "<h3>{}</h3><pre>{}</pre>", sorted(version.sources.items()))

    def store(self, *, form: Form, actor: Actor, at: datetime) -> services.Loaded:
        chosen = form.cleaned_data["rule_set"]
        slug = chosen.slug if chosen else ""
        return services.store_uploaded(files=form.cleaned_data["files"], slug=slug, actor=actor, at=at)


@admin.register(CriteriaSet)
class CriteriaSetAdmin(ReadOnlyModelAdmin):
    list_display = ("slug", "title", "category", "standard", "edition")


@admin.register(CriteriaSetVersion)
class CriteriaSetVersionAdmin(ByUpload):
    list_display = ("criteria_set", "number", "loaded_at", "loaded_by", "as_workbook")
    list_select_related = ("criteria_set",)
    fields = ("criteria_set", "number", "digest", "loaded_at", "loaded_by", "text")
    readonly_fields = ("text",)
    upload_form = CriteriaUpload
    upload_title = _("Upload a criteria set")

    upload_link = (_("Excel template"), "admin:policy_criteria_template")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.template)
        return [path("template.xlsx", view, name="policy_criteria_template"), *super().get_urls()]

    def template(self, request: HttpRequest) -> HttpResponse:
        """The newest version of a set as a workbook (?set=slug), or an empty one, to be filled in and uploaded here."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        slug = request.GET.get("set", "")
        raw = selectors.criteria(slug).raw if slug else None
        answer = HttpResponse(workbooks.workbook(raw), content_type=XLSX)
        answer["Content-Disposition"] = f'attachment; filename="criteria-{slug or "template"}.xlsx"'
        return answer

    @admin.display(description=_("Excel"))
    def as_workbook(self, version: CriteriaSetVersion) -> str:
        address = reverse("admin:policy_criteria_template")
        return format_html('<a href="{}?set={}">XLSX</a>', address, version.criteria_set.slug)

    @admin.display(description=_("file"))
    def text(self, version: CriteriaSetVersion) -> str:
        return format_html("<pre>{}</pre>", version.source)

    def store(self, *, form: Form, actor: Actor, at: datetime) -> services.Loaded:
        upload = form.cleaned_data["file"]
        if str(upload.name).endswith(".xlsx"):
            return workbooks.store(name=str(upload.name), content=upload.read(), actor=actor, at=at)
        return services.store_criteria(name=str(upload.name), content=upload.read(), actor=actor, at=at)


@admin.register(FactorTableVersion)
class FactorTableVersionAdmin(ByUpload):
    list_display = ("slug", "title", "number", "kind", "verified", "loaded_at", "loaded_by")
    list_filter = ("kind",)
    fields = ("slug", "title", "number", "kind", "verified", "digest", "loaded_at", "loaded_by", "text")
    readonly_fields = ("text",)
    upload_form = FactorsUpload
    upload_title = _("Upload a factor table")

    @admin.display(description=_("file"))
    def text(self, version: FactorTableVersion) -> str:
        return format_html("<pre>{}</pre>", version.source)

    def store(self, *, form: Form, actor: Actor, at: datetime) -> services.Loaded:
        upload = form.cleaned_data["file"]
        return services.store_factors(name=str(upload.name), content=upload.read(), actor=actor, at=at)


class YearFilter(admin.SimpleListFilter):
    title = _("year")
    parameter_name = "year"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(day.year), str(day.year)) for day in CalendarDay.objects.dates("day", "year", order="DESC")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[CalendarDay]) -> QuerySet[CalendarDay]:
        known = {value for value, _label in self.lookup_choices}
        year = self.value()
        return queryset.filter(day__year=int(year)) if year and year in known else queryset


@admin.register(CalendarDay)
class CalendarDayAdmin(ServiceModelAdmin):
    """Only days that differ from the plain week; deleting one makes it a plain day again."""

    list_display = ("day", "working", "name")
    list_filter = (YearFilter, "working")

    def get_readonly_fields(self, request: HttpRequest, obj: CalendarDay | None = None) -> tuple[str, ...]:
        return ("day",) if obj else ()

    def write(self, *, row: CalendarDay, form: Any, change: bool, actor: Actor, at: datetime) -> None:
        services.set_day(day=row.day, working=row.working, name=row.name, actor=actor, at=at)
        row.pk = CalendarDay.objects.get(day=row.day).pk

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.keeps(request)

    def delete_model(self, request: HttpRequest, obj: CalendarDay) -> None:
        services.set_day(day=obj.day, working=None, name="", actor=cast(Request, request).actor, at=clock.now())


@admin.register(CalendarYear)
class CalendarYearAdmin(ServiceModelAdmin):
    list_display = ("year", "confirmed", "source")

    def get_readonly_fields(self, request: HttpRequest, obj: CalendarYear | None = None) -> tuple[str, ...]:
        return ("year",) if obj else ()

    def write(self, *, row: CalendarYear, form: Any, change: bool, actor: Actor, at: datetime) -> None:
        services.confirm_year(year=row.year, confirmed=row.confirmed, source=row.source, actor=actor, at=at)
