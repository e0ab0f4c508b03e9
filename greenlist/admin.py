"""The Django admin's door: administrators only, in that role, through our own sign-in and from listed addresses.

The system administrator keeps areas, authorities, industries, calendar, rules and imports here, the security administrator
people and mandates; the audit administrator has a page of their own. No model of a case is registered.
"""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _

from greenlist.core.actors import Capacity
from greenlist.core.admin import is_listed
from greenlist.core.errors import NotAllowed, NotVisible

ENTER = frozenset({Capacity.ADMINISTRATOR, Capacity.SECURITY})


class Site(admin.AdminSite):
    site_header = _("Administration")
    site_title = _("Administration")
    index_title = _("What can be kept here")
    site_url = "/work/"  # back to the workspace

    def has_permission(self, request: HttpRequest) -> bool:
        """An active person with a mandate as administrator who acts in it now; `is_staff` alone opens nothing.

        Raises NotVisible for an address that is not listed.
        """
        if not is_listed(request.META.get("REMOTE_ADDR", "")):
            raise NotVisible
        user, actor = request.user, getattr(request, "actor", None)
        return bool(user.is_active and user.is_staff and actor and actor.capacity in ENTER)

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Our own sign-in, with its lock. Raises NotAllowed for who is signed in and is no administrator."""
        wanted = request.GET.get("next", reverse("admin:index"))
        if self.has_permission(request):
            return redirect("admin:index")
        if not request.user.is_authenticated:
            return redirect(f"{reverse('accounts:login')}?{urlencode({'next': wanted})}")
        raise NotAllowed(_("Administration is for administrators. If you are one, choose that role first."))

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("accounts:password_change")
