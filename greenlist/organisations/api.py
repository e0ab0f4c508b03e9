"""One's own firm: what starting an application asks for."""

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from greenlist.accounts.states import Scope
from greenlist.core.api import ApiView
from greenlist.core.api_schema import operation
from greenlist.core.errors import NotAllowed
from greenlist.organisations import selectors
from greenlist.organisations.models import Organisation


class SiteShape(serializers.Serializer):
    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    address = serializers.CharField()
    area = serializers.CharField(source="area.full_name")
    is_default = serializers.BooleanField()


class OrganisationShape(serializers.Serializer):
    """The firm that the token acts for."""

    id = serializers.IntegerField(source="organisation.pk")
    name = serializers.CharField(source="organisation.name")
    code = serializers.CharField(source="organisation.code", allow_null=True)
    claim = serializers.ChoiceField(Organisation.Claim.choices, source="organisation.claim")
    sites = SiteShape(many=True)
    missing = serializers.ListField(
        child=serializers.CharField(),
        help_text=_("Parts of the profile that an application asks for and that are empty."),
    )


class Own(ApiView):
    scopes = {"GET": Scope.READ}

    @operation("organisation", _("Your organisation and its sites"), tag="cases", ok=OrganisationShape, refused=[404])
    def get(self, request: Request) -> Response:
        if self.actor.organisation_id is None:
            raise NotAllowed(_("This token acts for no firm."))
        return Response(OrganisationShape(selectors.page_of(self.actor, self.actor.organisation_id)).data)


urlpatterns: list[URLPattern] = [path("organisation/", Own.as_view(), name="organisation")]
