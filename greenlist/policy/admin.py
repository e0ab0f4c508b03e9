"""Django admin: rule sets and criteria sets come in by upload and are never edited; calendar days are kept by hand."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import Form, ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from greenlist.core import clock
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import DomainError
from greenlist.policy import services
from greenlist.policy.forms import CriteriaUpload, RulesUpload
from greenlist.policy.models import CalendarDay, CalendarYear, CriteriaSet, CriteriaSetVersion, RuleSet, RuleSetVersion


def _actor(request: HttpRequest) -> Actor:
    user = request.user
    return Actor(capacity=Capacity.ADMINISTRATOR, key="admin", user_id=user.pk, name=getattr(user, "name", ""))


class ReadOnly(admin.ModelAdmin):
    """Nothing here is edited: it is read, and perhaps added by upload."""

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ByUpload(ReadOnly):
    """Adding means uploading: the form's files go to a service, every mistake is shown."""

    upload_form: type[Form]
    upload_title: Any = ""

    def store(self, request: HttpRequest, form: Form) -> services.Loaded:
        raise NotImplementedError

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = self.upload_form(request.POST or None, request.FILES or None)
        mistakes: list[str] = []
        if request.method == "POST" and form.is_valid():
            try:
                loaded = self.store(request, form)
            except services.BrokenFiles as wrong:
                mistakes = [line for lines in wrong.problems.values() for line in map(str, lines)]
            except DomainError as wrong:
                mistakes = [str(wrong.message)]
            else:
                return self._stored(request, loaded)
        context = {
            **self.admin_site.each_context(request),
            "title": self.upload_title,
            "form": form,
            "mistakes": mistakes,
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
class RuleSetAdmin(ReadOnly):
    list_display = ["slug", "title", "owner", "tier"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(RuleSetVersion)
class RuleSetVersionAdmin(ByUpload):
    list_display = ["rule_set", "number", "short", "loaded_at", "loaded_by"]
    list_filter = ["rule_set"]
    list_select_related = ["rule_set"]
    fields = ["rule_set", "number", "digest", "loaded_at", "loaded_by", "files"]
    readonly_fields = ["files"]
    upload_form = RulesUpload
    upload_title = _("Upload rules")

    @admin.display(description=_("digest"))
    def short(self, version: RuleSetVersion) -> str:
        return version.digest[:12]

    @admin.display(description=_("files"))
    def files(self, version: RuleSetVersion) -> str:
        return format_html_join("", "<h3>{}</h3><pre>{}</pre>", sorted(version.sources.items()))

    def store(self, request: HttpRequest, form: Form) -> services.Loaded:
        chosen = form.cleaned_data["rule_set"]
        return services.store_uploaded(
            files=form.cleaned_data["files"],
            slug=chosen.slug if chosen else "",
            actor=_actor(request),
            at=clock.now(),
        )


@admin.register(CriteriaSet)
class CriteriaSetAdmin(ReadOnly):
    list_display = ["slug", "title", "category", "standard", "edition"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(CriteriaSetVersion)
class CriteriaSetVersionAdmin(ByUpload):
    list_display = ["criteria_set", "number", "loaded_at", "loaded_by"]
    list_select_related = ["criteria_set"]
    fields = ["criteria_set", "number", "digest", "loaded_at", "loaded_by", "text"]
    readonly_fields = ["text"]
    upload_form = CriteriaUpload
    upload_title = _("Upload a criteria set")

    @admin.display(description=_("file"))
    def text(self, version: CriteriaSetVersion) -> str:
        return format_html("<pre>{}</pre>", version.source)

    def store(self, request: HttpRequest, form: Form) -> services.Loaded:
        upload = form.cleaned_data["file"]
        return services.store_criteria(
            name=str(upload.name), content=upload.read(), actor=_actor(request), at=clock.now()
        )


class YearFilter(admin.SimpleListFilter):
    title = _("year")
    parameter_name = "year"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(day.year), str(day.year)) for day in CalendarDay.objects.dates("day", "year", order="DESC")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[CalendarDay]) -> QuerySet[CalendarDay]:
        year = self.value()
        return queryset.filter(day__year=int(year)) if year and year.isdigit() else queryset


@admin.register(CalendarDay)
class CalendarDayAdmin(admin.ModelAdmin):
    list_display = ["day", "working", "name"]
    list_filter = [YearFilter, "working"]
    actions: list[Callable[..., Any]] = []

    def get_readonly_fields(self, request: HttpRequest, obj: CalendarDay | None = None) -> list[str]:
        return ["day"] if obj else []

    def save_model(self, request: HttpRequest, obj: CalendarDay, form: ModelForm, change: bool) -> None:
        services.set_day(day=obj.day, working=obj.working, name=obj.name, actor=_actor(request), at=clock.now())
        obj.pk = CalendarDay.objects.get(day=obj.day).pk

    def delete_model(self, request: HttpRequest, obj: CalendarDay) -> None:
        services.set_day(day=obj.day, working=None, name="", actor=_actor(request), at=clock.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[CalendarDay]) -> None:
        for obj in queryset:
            self.delete_model(request, obj)


@admin.register(CalendarYear)
class CalendarYearAdmin(admin.ModelAdmin):
    list_display = ["year", "confirmed", "source"]

    def get_readonly_fields(self, request: HttpRequest, obj: CalendarYear | None = None) -> list[str]:
        return ["year"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: CalendarYear | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: CalendarYear, form: ModelForm, change: bool) -> None:
        services.confirm_year(
            year=obj.year, confirmed=obj.confirmed, source=obj.source, actor=_actor(request), at=clock.now()
        )
