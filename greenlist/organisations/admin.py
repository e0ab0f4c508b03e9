"""Industries and adverse records in the Django admin; adverse records come in by a file, checked whole before it counts."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _

from greenlist.core import clock
from greenlist.core.actors import Actor
from greenlist.core.admin import ReadOnlyModelAdmin, ServiceModelAdmin
from greenlist.core.http import Request
from greenlist.organisations import forms, imports, services
from greenlist.organisations.models import AdverseRecord, Ban, BodyProfile, Industry

SHOWN = 20


@admin.register(Industry)
class IndustryAdmin(ServiceModelAdmin):
    list_display = ("code", "name", "level", "parent")
    list_filter = ("level",)
    list_select_related = ("parent",)
    search_fields = ("code", "name")
    ordering = ("code",)
    autocomplete_fields = ("parent",)

    def write(self, *, row: Industry, form: Any, change: bool, actor: Actor, at: datetime) -> None:
        services.save_industry(industry=row, actor=actor, at=at)


@admin.register(AdverseRecord)
class AdverseRecordAdmin(ReadOnlyModelAdmin):
    """Shown only; new ones by “Import”, corrections by an end or another record."""

    change_list_template = "admin/adverse_list.html"
    list_display = ("name", "code", "kind", "severity", "event_on", "ended_on", "source")
    list_filter = ("kind", "severity")
    search_fields = ("name", "code")
    ordering = ("-event_on", "-pk")
    show_full_result_count = False

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.import_page)
        return [path("import/", page, name="organisations_adverserecord_import"), *super().get_urls()]

    def import_page(self, request: Request) -> HttpResponse:
        """First POST: check and show; second POST, with the signed ticket of the first: take all rows or none."""
        if not self.keeps(request):
            raise PermissionDenied
        if request.method == "POST" and request.POST.get("ticket"):
            return self._take(request)
        form = forms.UploadForm(request.POST or None, request.FILES or None)
        context: dict[str, Any] = {"form": form}
        if request.method == "POST" and form.is_valid():
            upload = form.cleaned_data["file"]
            context |= self._look(upload.name or "", upload.read(imports.MAX_BYTES + 1))
        return self._page(request, context)

    def _look(self, name: str, content: bytes) -> dict[str, Any]:
        try:
            looked = imports.look(name, content, at=clock.now())
        except services.ImportRefused as refused:
            return {"problems": refused.rows[:500], "count": len(refused.rows)}
        return {"rows": looked.rows[:SHOWN], "total": len(looked.rows), "ticket": looked.ticket}

    def _take(self, request: Request) -> HttpResponse:
        try:
            new, known = imports.take(request.POST["ticket"], actor=request.actor, at=clock.now())
        except imports.Stale:
            return self._page(request, {"form": forms.UploadForm(), "stale": True})
        except services.ImportRefused as refused:
            return self._page(
                request, {"form": forms.UploadForm(), "problems": refused.rows, "count": len(refused.rows)}
            )
        text = _("%(new)s records imported, %(known)s were known already.") % {"new": new, "known": known}
        messages.success(request, text)
        return redirect("admin:organisations_adverserecord_changelist")

    def _page(self, request: Request, context: dict[str, Any]) -> HttpResponse:
        status = 422 if context.get("problems") or context.get("stale") else 200
        shared = {
            **self.admin_site.each_context(request),
            "title": _("Import adverse records"),
            "opts": self.model._meta,
            "columns": imports.COLUMNS.values(),
            "limit": imports.MAX_ROWS,
        }
        return TemplateResponse(request, "admin/adverse_import.html", shared | context, status=status)


@admin.register(BodyProfile)
class BodyProfileAdmin(ReadOnlyModelAdmin):
    """Third-party bodies as they file themselves; shown only."""

    list_display = ("organisation", "legal_form", "legal_person_code", "representative_tail", "updated_at")
    list_filter = ("legal_form",)
    list_select_related = ("organisation",)
    search_fields = ("organisation__name", "legal_person_code")
    ordering = ("organisation__name", "pk")
    exclude = ("representative_number", "representative_key")


@admin.register(Ban)
class BanAdmin(ReadOnlyModelAdmin):
    """Bans of bodies, shown only: an approver decides and lifts them on the body's page."""

    list_display = ("organisation", "authority", "ground", "since", "until", "lifted_at")
    list_filter = ("ground",)
    list_select_related = ("organisation", "authority")
    search_fields = ("organisation__name",)
    ordering = ("-since", "-pk")
