"""Who asks the API: a token, checked anew at each request, in the one capacity it was made for."""

from dataclasses import replace
from datetime import datetime
from functools import partial

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from greenlist.accounts import services
from greenlist.accounts.models import ApiToken, User
from greenlist.accounts.states import Scope
from greenlist.core import clock
from greenlist.core.actors import Actor
from greenlist.core.api import ApiView, Credential
from greenlist.core.api_schema import operation
from greenlist.core.api_throttles import RefusalThrottle
from greenlist.core.requests import user_id
from greenlist.organisations import selectors


class TokenAuthentication(BaseAuthentication):
    """Authorization: Bearer … Three queries for a token in force; what is refused counts against the address."""

    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        named = request.META.get("HTTP_AUTHORIZATION", "")
        if not named:
            return None
        try:
            return self._open(named, request.META.get("REMOTE_ADDR", ""), clock.now())
        except services.TokenRefused:
            RefusalThrottle().check(request)
            raise

    def _open(self, named: str, remote: str, at: datetime) -> tuple[User, Credential]:
        kind, _blank, secret = named.partition(" ")
        if kind.lower() != "bearer":
            raise services.refusal()
        row = services.open_token(secret=secret.strip(), at=at, remote=remote)
        actor = self._acting(row, at, remote)
        user_id.set(actor.user_id)  # for logs; ActorMiddleware takes it back after the request
        note = partial(self._note, row, at, remote)
        return row.user, Credential(actor, row.pk, frozenset(row.scopes), note)

    def _note(self, row: ApiToken, at: datetime, remote: str, reason: str) -> None:
        services.refuse(row=row, reason=reason, at=at, remote=remote)

    def _acting(self, row: ApiToken, at: datetime, remote: str) -> Actor:
        """The capacity as it is today; a role or membership that has ended ends the token."""
        held = selectors.capacities(row.user, clock.china_date(at))
        actor = next((one for one in held if one.key == row.capacity), None)
        if actor is None:
            raise services.lose_capacity(row=row, at=at, remote=remote)
        services.demand_second_factor(row=row, actor=actor)
        services.demand_fresh_password(row=row, held=held, at=at)
        return replace(actor, remote=remote)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):
    """How the schema names it."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class TokenShape(serializers.Serializer):
    """What the token is that the request came with."""

    person = serializers.CharField(source="actor.name")
    capacity = serializers.CharField(source="actor.capacity.value")
    authority = serializers.CharField(source="actor.authority_name")
    organisation = serializers.CharField(source="actor.organisation_name")
    scopes = serializers.SerializerMethodField()

    def get_scopes(self, credential: Credential) -> list[str]:
        return sorted(credential.scopes)


class Token(ApiView):
    scopes = {"GET": Scope.READ}

    @operation("token", _("Whom this token acts for"), tag="cases", ok=TokenShape)
    def get(self, request: Request) -> Response:
        return Response(TokenShape(self.credential).data)


urlpatterns: list[URLPattern] = [path("token/", Token.as_view(), name="token")]
