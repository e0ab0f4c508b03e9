"""Areas, authorities, people and mandates in the Django admin. Every write is a call of a service."""

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from greenlist.accounts import services
from greenlist.accounts.models import Area, Authority, Mandate, User
from greenlist.core.actors import Actor
from greenlist.core.admin import ServiceModelAdmin


@admin.register(Area)
class AreaAdmin(ServiceModelAdmin):
    list_display = ("full_name", "code", "slug", "valid_from", "valid_until")
    search_fields = ("full_name", "code", "slug")
    ordering = ("path",)
    fields = ("name", "name_en", "code", "slug", "parent", "valid_from", "valid_until")
    autocomplete_fields = ("parent",)
    show_full_result_count = False

    def write(self, *, row: Area, form: Any, change: bool, actor: Actor, at: datetime) -> None:
        services.save_area(area=row, actor=actor, at=at)


@admin.register(Authority)
class AuthorityAdmin(ServiceModelAdmin):
    list_display = ("name", "area", "tier", "kind", "department")
    list_filter = ("tier", "kind")
    list_select_related = ("area",)
    search_fields = ("name", "area__full_name")
    ordering = ("area__path", "tier")
    autocomplete_fields = ("area",)

    def write(self, *, row: Authority, form: Any, change: bool, actor: Actor, at: datetime) -> None:
        services.save_authority(authority=row, actor=actor, at=at)


class PersonForm(forms.ModelForm):
    language = forms.ChoiceField(label=_("Language of pages and mails"), choices=settings.LANGUAGES)
    closing_reason = forms.CharField(label=_("Reason for closing or reopening"), max_length=200, required=False)

    class Meta:
        model = User
        fields = ("username", "name", "email", "phone", "language", "is_active")


@admin.register(User)
class PersonAdmin(ServiceModelAdmin):
    """Passwords are set by their owners: a new person uses “forgotten password” with the address given here."""

    form = PersonForm
    list_display = ("name", "username", "email", "is_active", "is_staff")
    list_filter = ("is_active", "is_staff")
    search_fields = ("name", "username", "email")
    ordering = ("name", "pk")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return ("username",) if obj else ("is_active",)

    def write(self, *, row: User, form: Any, change: bool, actor: Actor, at: datetime) -> None:
        if not change:
            services.create_person(user=row, actor=actor, at=at)
            return
        if set(form.changed_data) & {"name", "email", "phone", "language"}:
            services.change_person(user=row, actor=actor, at=at)
        if "is_active" in form.changed_data:
            reason = form.cleaned_data["closing_reason"]
            services.set_active(user_id=row.pk, active=row.is_active, reason=reason, actor=actor, at=at)


class MandateForm(forms.ModelForm):
    end_reason = forms.CharField(
        label=_("End at once, because"),
        max_length=200,
        required=False,
        help_text=_("Filled in, the mandate ends now and the person is signed out everywhere."),
    )

    class Meta:
        model = Mandate
        fields = ("user", "role", "authority", "list_kind", "employer", "field", "valid_from", "valid_until")


@admin.register(Mandate)
class MandateAdmin(ServiceModelAdmin):
    form = MandateForm
    list_display = ("user", "role", "authority", "list_kind", "valid_from", "valid_until", "ended_at")
    list_filter = ("role",)
    list_select_related = ("user", "authority")
    search_fields = ("user__name", "user__username", "authority__name")
    ordering = ("-pk",)
    autocomplete_fields = ("user", "authority")

    def get_readonly_fields(self, request: HttpRequest, obj: Mandate | None = None) -> tuple[str, ...]:
        return ("user", "role", "authority") if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.ended_at)

    def write(self, *, row: Mandate, form: Any, change: bool, actor: Actor, at: datetime) -> None:
        reason = form.cleaned_data["end_reason"]
        if not change:
            services.grant_mandate(mandate=row, actor=actor, at=at)
        elif reason:
            services.end_mandate(mandate_id=row.pk, reason=reason, actor=actor, at=at)
        else:
            services.change_mandate(mandate=row, actor=actor, at=at)
