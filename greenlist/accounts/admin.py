"""Areas, authorities, people and mandates in the Django admin. Every write is a call of a service."""

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from greenlist.accounts import services
from greenlist.accounts.models import ApiToken, Area, Authority, Mandate, User
from greenlist.core.actors import Actor, Capacity
from greenlist.core.admin import ServiceModelAdmin

OF_SECURITY = frozenset({Capacity.SECURITY})


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
    readers = OF_SECURITY  # to choose the office of a mandate
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

    factor_reason = forms.CharField(
        label=_("Remove the second factor, because"),
        max_length=200,
        required=False,
        help_text=_("For somebody who has lost app and recovery codes, once you know who asks. They set up a new one."),
    )

    class Meta:
        model = User
        widgets = {"phone": forms.TextInput}
        fields = ("username", "name", "email", "phone", "language", "is_active")


@admin.register(User)
class PersonAdmin(ServiceModelAdmin):
    """Passwords are set by their owners: a new person uses “forgotten password” with the address given here."""

    keepers = OF_SECURITY
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
        if reason := form.cleaned_data["factor_reason"]:
            services.remove_second_factor(user_id=row.pk, reason=reason, actor=actor, at=at)


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
    keepers = OF_SECURITY
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


class TokenForm(forms.ModelForm):
    end_reason = forms.CharField(
        label=_("Revoke at once, because"),
        max_length=200,
        required=False,
        help_text=_("Filled in, programs with this token are refused from now on."),
    )

    class Meta:
        model = ApiToken
        fields = ()


@admin.register(ApiToken)
class TokenAdmin(ServiceModelAdmin):
    """Tokens are made by their owners; here they are seen and revoked."""

    keepers = OF_SECURITY
    form = TokenForm
    list_display = ("name", "tail", "user", "capacity_name", "valid_until", "used_at", "revoked_at")
    list_select_related = ("user",)
    search_fields = ("name", "tail", "user__name", "user__username", "capacity_name")
    ordering = ("-pk",)
    shown = ("user", "capacity_name", "capacity", "name", "tail", "scopes", "valid_until", "created_at", "used_at")
    fields = (*shown, "revoked_at", "end_reason")
    readonly_fields = (*shown, "revoked_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.revoked_at)

    def write(self, *, row: ApiToken, form: Any, change: bool, actor: Actor, at: datetime) -> None:
        if reason := form.cleaned_data["end_reason"]:
            services.revoke_token(token_id=row.pk, reason=reason, actor=actor, at=at)
