"""The base of every admin page: each kind of rows has its administrator, writes go through a service, nothing is deleted."""

import ipaddress
from datetime import datetime
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse

from greenlist.core import clock
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import DomainError, Invalid
from greenlist.core.http import Request


def is_listed(address: str) -> bool:
    """Whether the administration exists for this address (ADMIN_ADDRESSES)."""
    try:
        asking = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(asking in ipaddress.ip_network(one, strict=False) for one in settings.ADMIN_ADDRESSES)


class ServiceModelAdmin(admin.ModelAdmin):
    """Subclasses say in `write` which service keeps the row; a refusal is shown in the form, nothing typed is lost.

    `keepers` are the administrators who write the rows, `readers` those who look something up in them (AZ-11).
    """

    actions = None
    keepers: frozenset[Capacity] = frozenset({Capacity.ADMINISTRATOR})
    readers: frozenset[Capacity] = frozenset()

    def write(self, *, row: Any, form: Any, change: bool, actor: Actor, at: datetime) -> None:
        raise NotImplementedError

    def save_model(self, request: Request, obj: Any, form: Any, change: bool) -> None:  # type: ignore[override]
        self.write(row=obj, form=form, change=change, actor=request.actor, at=clock.now())

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **options)
        except DomainError as error:
            if request.method != "POST" or hasattr(request, "refused"):
                raise
            request.refused = error  # type: ignore[attr-defined]
            return super().changeform_view(request, *args, **options)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change, **options)
        refused: DomainError | None = getattr(request, "refused", None)
        return _refused(form, refused) if refused else form

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what a filter offers: Django lets any column be asked, also `password__startswith`, sign by sign."""
        filters: list[Any] = list(self.get_list_filter(request))
        offered = {one if isinstance(one, str) else getattr(one, "parameter_name", "") for one in filters}
        return lookup.partition("__")[0] in offered and super().lookup_allowed(lookup, value, request)

    def keeps(self, request: HttpRequest) -> bool:
        """Whether this administrator is the one who keeps these rows."""
        return self.admin_site.has_permission(request) and cast(Request, request).actor.capacity in self.keepers

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.keeps(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        allowed = self.admin_site.has_permission(request)
        return allowed and cast(Request, request).actor.capacity in self.keepers | self.readers

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.keeps(request)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.keeps(request)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class ReadOnlyModelAdmin(ServiceModelAdmin):
    """Rows that the admin shows and never writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


def _refused(form: type[forms.ModelForm], refused: DomainError) -> type[forms.ModelForm]:
    """The same form, which a service has already refused: shown again with the reasons."""

    class Refused(form):  # type: ignore[valid-type,misc]
        def clean(self) -> Any:
            data = super().clean()
            problems = refused.problems if isinstance(refused, Invalid) else {}
            for path, texts in problems.items():
                for text in texts:
                    self.add_error(path if path in self.fields else None, str(text))
            if not problems:
                self.add_error(None, str(refused.message))
            return data

    return Refused
