"""One's own firm: what starting an application asks for; and the adverse records that another office's system knows."""

import hashlib

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from greenlist.accounts.models import Tier
from greenlist.accounts.states import Scope
from greenlist.core.api import ApiView, Listed
from greenlist.core.api_schema import operation
from greenlist.core.errors import Invalid, NotAllowed, Text
from greenlist.organisations import selectors, services
from greenlist.organisations.models import AdverseRecord, Organisation


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


class AdverseShape(Listed):
    """What a source says, as one row of a file."""

    code = serializers.CharField(max_length=60, default="", allow_blank=True)
    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(AdverseRecord.Kind.choices)
    severity = serializers.IntegerField(min_value=0, max_value=4, default=0, help_text=_("For accidents only."))
    tier = serializers.ChoiceField(Tier.choices, default="", help_text=_("For a removal from a green list only."))
    event_on = serializers.DateField()
    ended_on = serializers.DateField(default=None, allow_null=True)
    source = serializers.CharField(max_length=100)  # type: ignore[assignment]  # also an attribute of every field
    reference = serializers.CharField(max_length=200, default="", allow_blank=True)


class AdverseRows(Listed):
    """All rows are taken or none."""

    records = serializers.ListField(child=AdverseShape(), max_length=500, allow_empty=False)


class TakenShape(serializers.Serializer):
    """How many are new; sent twice, the second time all are known."""

    new = serializers.IntegerField()
    known = serializers.IntegerField()


class AdverseRecords(ApiView):
    scopes = {"POST": Scope.RECORD}

    @operation(
        "adverse_records",
        _("Enter adverse records about firms of one's area: all or none"),
        tag="cases",
        ok=TakenShape,
        body=AdverseRows,
    )
    def post(self, request: Request) -> Response:
        given = self.sent(AdverseRows)["records"]
        rows = [("records", number, services.AdverseInput(**one)) for number, one in enumerate(given)]
        digest = hashlib.sha256(repr(given).encode()).hexdigest()
        try:
            new, known = services.import_adverse(rows=rows, digest=digest, actor=self.actor, at=self.at)
        except services.ImportRefused as refused:
            raise _by_path(refused) from refused
        return Response({"new": new, "known": known})


def _by_path(refused: services.ImportRefused) -> Invalid:
    """Each mistake at the path of the body where it stands."""
    problems: dict[str, list[Text]] = {}
    for one in refused.rows:
        problems.setdefault(f"records.{one.row}.{one.column}", []).append(one.rule)
    return Invalid(refused.message, problems=problems)


urlpatterns: list[URLPattern] = [
    path("organisation/", Own.as_view(), name="organisation"),
    path("adverse-records/", AdverseRecords.as_view(), name="adverse_records"),
]
