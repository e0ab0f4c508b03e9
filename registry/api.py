"""The API of notices, lists and certificates, for everybody; and what became of one's own cases."""

from datetime import date
from typing import Any

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from applications.selectors.paging import page_of
from applications.states import State
from greenlist.accounts.states import Scope
from greenlist.core import clock
from greenlist.core.api import PUBLIC, ApiView, Listed, PageQuery, page
from greenlist.core.api_schema import listed, operation
from greenlist.core.errors import NotVisible
from greenlist.core.forms import FIRST, LAST
from greenlist.organisations.models import Category
from registry import selectors
from registry.models import Listing
from registry.states import IN_FORCE, EntryKind, ItemState, ListingState, NoticeState, Origin

SLUG = r"^[A-Za-z0-9_-]{1,30}$"
PUBLISHED_STATES = [choice for choice in NoticeState.choices if choice[0] != NoticeState.DRAFT]


# ---- what may be asked ----------------------------------------------------------------------------------------------
class PlaceQuery(PageQuery):
    place = serializers.RegexField(
        SLUG, required=False, help_text=_("The short code of an area, such as in /p/<place>/.")
    )


class BookQuery(PlaceQuery):
    category = serializers.ChoiceField(Category.choices, required=False)


class NoticeQuery(PlaceQuery):
    state = serializers.ChoiceField(PUBLISHED_STATES, required=False)


class ListingQuery(Listed):
    q = serializers.CharField(
        max_length=80, required=False, help_text=_("A part of a present or former name, or a code.")
    )
    place = serializers.RegexField(SLUG, required=False, help_text=_("Units in this area, whichever list they are on."))
    category = serializers.ChoiceField(Category.choices, required=False)
    industry = serializers.RegexField(r"^[0-9]{1,4}$", required=False, help_text=_("The start of a GB/T 4754 code."))
    year = serializers.IntegerField(min_value=1900, max_value=2199, required=False)
    state = serializers.ChoiceField(ListingState.choices, required=False)
    after = serializers.RegexField(
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{1,18}$", required=False, help_text=_("`next` of the page before.")
    )
    size = PageQuery().fields["size"]

    def validate_after(self, value: str) -> str:
        try:
            date.fromisoformat(value.partition("_")[0])
        except ValueError as impossible:
            raise serializers.ValidationError(str(impossible)) from impossible
        return value


class AsOfQuery(PageQuery):
    on = serializers.DateField(required=False, help_text=_("The day at whose end the list is shown; left out, today."))

    def validate_on(self, value: date) -> date:
        if not FIRST <= value <= LAST:
            raise serializers.ValidationError(f"{FIRST} … {LAST}")
        return value


class NumberQuery(Listed):
    number = serializers.CharField(max_length=40, help_text=_("As printed on the certificate."))


# ---- what is answered -----------------------------------------------------------------------------------------------
class BookShape(serializers.Serializer):
    """One authority's list of one category."""

    place = serializers.CharField(source="owner.area.slug")
    category = serializers.ChoiceField(Category.choices)
    title = serializers.CharField()
    title_en = serializers.CharField()
    owner = serializers.CharField(source="owner.name")


class NoticeShape(serializers.Serializer):
    reference = serializers.CharField()
    place = serializers.CharField(source="authority.area.slug")
    authority = serializers.CharField(source="authority.name")
    call = serializers.IntegerField(source="call_id")
    title = serializers.CharField()
    state = serializers.ChoiceField(PUBLISHED_STATES)
    starts_on = serializers.DateField(allow_null=True)
    ends_on = serializers.DateField(allow_null=True)
    counted_days = serializers.ListField(
        child=serializers.DateField(), help_text=_("The days that make up the period.")
    )
    site_address = serializers.CharField(help_text=_("Where the bureau's own site carries it."))


class UnitShape(serializers.Serializer):
    position = serializers.IntegerField()
    name = serializers.CharField()
    area = serializers.CharField(source="area_name")


class NoticeFullShape(NoticeShape):
    text = serializers.CharField()
    clause = serializers.SerializerMethodField(help_text=_("On which the period rests."))
    receives_objections = serializers.SerializerMethodField()
    units = serializers.SerializerMethodField()

    def get_clause(self, notice: Any) -> str:
        return str(notice.rule.get("clause", ""))

    def get_receives_objections(self, notice: Any) -> bool:
        return selectors.receives_objections(notice, self.context["at"])

    @extend_schema_field(UnitShape(many=True))
    def get_units(self, notice: Any) -> Any:
        return UnitShape([one for one in notice.items.all() if one.state != ItemState.DROPPED], many=True).data


class ListingShape(serializers.Serializer):
    """A unit on a list."""

    id = serializers.IntegerField(source="pk")
    place = serializers.CharField(source="listbook.owner.area.slug", help_text=_("Of the list."))
    category = serializers.ChoiceField(Category.choices, source="listbook.category")
    list_title = serializers.CharField(source="listbook.title")
    name = serializers.CharField()
    code = serializers.CharField(help_text=_("Unified social credit code."))
    area = serializers.CharField(source="area_name")
    industry_code = serializers.CharField()
    industry_name = serializers.CharField()
    year = serializers.IntegerField()
    ordinal = serializers.IntegerField(allow_null=True, help_text=_("Of the batch (第N批)."))
    listed_on = serializers.DateField()
    state = serializers.ChoiceField(ListingState.choices)
    origin = serializers.ChoiceField(Origin.choices)


class AnnouncedShape(serializers.Serializer):
    """The announcement in which something was printed."""

    reference = serializers.CharField()
    number = serializers.CharField(help_text=_("Document number."))
    ordinal = serializers.IntegerField(allow_null=True)
    issued_on = serializers.DateField(allow_null=True)


class EntryShape(serializers.Serializer):
    """One line of an announcement, as printed."""

    kind = serializers.ChoiceField(EntryKind.choices)
    on = serializers.DateField()
    name = serializers.CharField()
    area = serializers.CharField(source="area_name")
    announcement = AnnouncedShape(
        allow_null=True, help_text=_("None: printed in a bulletin, or in a list taken over from another tier.")
    )
    document = serializers.SerializerMethodField(help_text=_("Of that list, or of the bulletin that changed the list."))

    def get_document(self, entry: Any) -> str:
        if entry.bulletin_id:
            return str(entry.bulletin.title)
        return entry.imported.document if entry.imported_id else ""


class ListingFullShape(ListingShape):
    history = serializers.SerializerMethodField()

    @extend_schema_field(EntryShape(many=True))
    def get_history(self, listing: Listing) -> Any:
        return EntryShape(sorted(listing.entries.all(), key=lambda one: (one.on, one.pk)), many=True).data


class StandingShape(EntryShape):
    """A unit as it stood on the day that was asked for, under the name printed last."""

    listing = serializers.IntegerField(source="listing_id")
    code = serializers.CharField(source="listing.code")


class AnnouncementShape(AnnouncedShape):
    place = serializers.CharField(source="listbook.owner.area.slug")
    category = serializers.ChoiceField(Category.choices, source="listbook.category")
    title = serializers.CharField()
    is_supplement = serializers.SerializerMethodField()

    def get_is_supplement(self, row: Any) -> bool:
        return row.supplement_of_id is not None


class PrintedShape(serializers.Serializer):
    position = serializers.IntegerField()
    kind = serializers.ChoiceField(EntryKind.choices)
    name = serializers.CharField()
    area = serializers.CharField(source="area_name")
    listing = serializers.IntegerField(source="listing_id")


class AnnouncementFullShape(AnnouncementShape):
    text = serializers.CharField()
    entries = serializers.SerializerMethodField()

    @extend_schema_field(PrintedShape(many=True))
    def get_entries(self, row: Any) -> Any:
        return PrintedShape(sorted(row.entries.all(), key=lambda one: (one.position, one.pk)), many=True).data


class BulletinShape(serializers.Serializer):
    """What changed on a list between two announcements."""

    reference = serializers.CharField()
    number = serializers.CharField(help_text=_("Document number."))
    issued_on = serializers.DateField(allow_null=True)
    place = serializers.CharField(source="listbook.owner.area.slug")
    category = serializers.ChoiceField(Category.choices, source="listbook.category")
    title = serializers.CharField()


class BulletinLineShape(PrintedShape):
    was = serializers.CharField(help_text=_("The name before."))
    reason = serializers.CharField()


class BulletinFullShape(BulletinShape):
    text = serializers.CharField()
    digest = serializers.CharField(help_text=_("Of what was published."))
    lines = BulletinLineShape(many=True)


class CertificateShape(serializers.Serializer):
    """What a genuine certificate stands for today."""

    number = serializers.CharField()
    valid = serializers.SerializerMethodField(help_text=_("False: genuine, but the title does not count any more."))
    state = serializers.ChoiceField(ListingState.choices, source="listing.state")
    name_printed = serializers.CharField(source="name")
    name = serializers.CharField(source="listing.name", help_text=_("Of today."))
    code = serializers.CharField(source="listing.code")
    list_title = serializers.CharField(source="listing.listbook.title")
    issued_by = serializers.CharField(source="listing.listbook.owner.name")
    issued_on = serializers.DateField()
    listing = serializers.IntegerField(source="listing_id")
    place = serializers.CharField(source="listing.listbook.owner.area.slug")

    def get_valid(self, certificate: Any) -> bool:
        return certificate.listing.state in IN_FORCE


class OnNoticeShape(serializers.Serializer):
    reference = serializers.CharField()
    place = serializers.CharField(source="authority.area.slug")
    starts_on = serializers.DateField(allow_null=True)
    ends_on = serializers.DateField(allow_null=True)


class OnListShape(serializers.Serializer):
    id = serializers.IntegerField(source="pk")
    list_title = serializers.CharField(source="listbook.title")
    listed_on = serializers.DateField()
    state = serializers.ChoiceField(ListingState.choices)
    ordinal = serializers.IntegerField(allow_null=True)
    announcement = serializers.SerializerMethodField()
    certificates = serializers.SerializerMethodField()

    @extend_schema_field(AnnouncedShape(allow_null=True))
    def get_announcement(self, listing: Listing) -> Any:
        added = [one for one in listing.entries.all() if one.kind == EntryKind.ADDED]
        return AnnouncedShape(added[-1].announcement).data if added and added[-1].announcement else None

    def get_certificates(self, listing: Listing) -> list[str]:
        return [one.number for one in listing.certificates.all()]


class OutcomeShape(serializers.Serializer):
    """What became of a case, from the public notice on."""

    case = serializers.CharField(source="reference")
    number = serializers.CharField()
    call = serializers.IntegerField(source="call_id")
    name = serializers.CharField()
    code = serializers.CharField()
    area = serializers.CharField(source="site.area.name")
    state = serializers.ChoiceField([(one.value, one.label) for one in State])
    since = serializers.DateTimeField(source="entered_at")
    notice = serializers.SerializerMethodField()
    listing = serializers.SerializerMethodField()

    @extend_schema_field(OnNoticeShape(allow_null=True))
    def get_notice(self, case: Application) -> Any:
        item = getattr(case, "notice_item", None)
        published = item is not None and item.notice.state != NoticeState.DRAFT
        return OnNoticeShape(item.notice).data if item is not None and published else None

    @extend_schema_field(OnListShape(allow_null=True))
    def get_listing(self, case: Application) -> Any:
        listing = getattr(case, "listing", None)
        return OnListShape(listing).data if listing is not None else None


# ---- addresses ------------------------------------------------------------------------------------------------------
class Books(ApiView):
    scopes = {"GET": PUBLIC}

    @operation("lists", _("Lists there are"), tag="public", ok=listed(BookShape), query=BookQuery, public=True)
    def get(self, request: Request) -> Response:
        given = self.given(BookQuery)
        rows = selectors.listbooks(place=given.get("place", ""), category=given.get("category", ""))
        found = page_of(rows, given, size=given["size"])
        return page(BookShape, found, found.older)


class Notices(ApiView):
    scopes = {"GET": PUBLIC}

    @operation(
        "notices",
        _("Public notices, newest first"),
        tag="public",
        ok=listed(NoticeShape),
        query=NoticeQuery,
        public=True,
    )
    def get(self, request: Request) -> Response:
        given = self.given(NoticeQuery)
        rows = selectors.published_notices(place=given.get("place", ""), state=given.get("state", ""))
        found = page_of(rows, given, size=given["size"])
        return page(NoticeShape, found, found.older)


class NoticeOne(ApiView):
    scopes = {"GET": PUBLIC}

    @operation("notice", _("One notice with its units"), tag="public", ok=NoticeFullShape, refused=[404], public=True)
    def get(self, request: Request, place: str, reference: str) -> Response:
        notice = selectors.public_notice(place, reference)
        return Response(NoticeFullShape(notice, context={"at": self.at}).data)


class Listings(ApiView):
    scopes = {"GET": PUBLIC}

    @operation(
        "listings",
        _("Units on the lists, newest first"),
        tag="public",
        ok=listed(ListingShape),
        query=ListingQuery,
        public=True,
    )
    def get(self, request: Request) -> Response:
        given = self.given(ListingQuery)
        found = selectors.public_search(given, size=given["size"])
        return page(ListingShape, found.rows, found.after)


class ListingOne(ApiView):
    scopes = {"GET": PUBLIC}

    @operation("listing", _("One unit with its history"), tag="public", ok=ListingFullShape, refused=[404], public=True)
    def get(self, request: Request, place: str, pk: int) -> Response:
        return Response(ListingFullShape(selectors.listing(place, pk)).data)


class ListAsOf(ApiView):
    scopes = {"GET": PUBLIC}

    @operation(
        "list_as_of",
        _("A list as it stood on a day"),
        tag="public",
        ok=listed(StandingShape),
        query=AsOfQuery,
        refused=[404],
        public=True,
    )
    def get(self, request: Request, place: str, category: str) -> Response:
        given = self.given(AsOfQuery)
        book = selectors.listbook(place, category)
        on, after = given.get("on") or clock.china_date(self.at), int(given.get("after") or 0)
        rows, following = selectors.as_of_page(book, on, after=after, size=given["size"])
        return page(StandingShape, rows, following)


class Announcements(ApiView):
    scopes = {"GET": PUBLIC}

    @operation(
        "announcements",
        _("Announcements, newest first"),
        tag="public",
        ok=listed(AnnouncementShape),
        query=BookQuery,
        public=True,
    )
    def get(self, request: Request) -> Response:
        given = self.given(BookQuery)
        rows = selectors.published_announcements(place=given.get("place", ""), category=given.get("category", ""))
        found = page_of(rows, given, size=given["size"])
        return page(AnnouncementShape, found, found.older)


class AnnouncementOne(ApiView):
    scopes = {"GET": PUBLIC}

    @operation(
        "announcement",
        _("One announcement with its lines"),
        tag="public",
        ok=AnnouncementFullShape,
        refused=[404],
        public=True,
    )
    def get(self, request: Request, place: str, reference: str) -> Response:
        return Response(AnnouncementFullShape(selectors.public_announcement(place, reference)).data)


class Bulletins(ApiView):
    scopes = {"GET": PUBLIC}

    @operation(
        "bulletins",
        _("Bulletins, newest first: units removed, renamed or corrected"),
        tag="public",
        ok=listed(BulletinShape),
        query=BookQuery,
        public=True,
    )
    def get(self, request: Request) -> Response:
        given = self.given(BookQuery)
        rows = selectors.published_bulletins(place=given.get("place", ""), category=given.get("category", ""))
        found = page_of(rows, given, size=given["size"])
        return page(BulletinShape, found, found.older)


class BulletinOne(ApiView):
    scopes = {"GET": PUBLIC}

    @operation(
        "bulletin",
        _("One bulletin with its lines"),
        tag="public",
        ok=BulletinFullShape,
        refused=[404],
        public=True,
    )
    def get(self, request: Request, place: str, reference: str) -> Response:
        return Response(BulletinFullShape(selectors.public_bulletin(place, reference)).data)


class CertificateByNumber(ApiView):
    scopes = {"GET": PUBLIC}

    @operation(
        "certificate_by_number",
        _("Check a certificate by its number"),
        tag="public",
        ok=CertificateShape,
        query=NumberQuery,
        refused=[404],
        public=True,
    )
    def get(self, request: Request) -> Response:
        found = selectors.certificate_numbered(self.given(NumberQuery)["number"])
        if found is None:
            raise NotVisible
        return Response(CertificateShape(selectors.certificate(found.token)).data)


class CertificateOne(ApiView):
    scopes = {"GET": PUBLIC}

    @operation(
        "certificate",
        _("Check a certificate by the token in its QR code"),
        tag="public",
        ok=CertificateShape,
        refused=[404],
        public=True,
    )
    def get(self, request: Request, token: str) -> Response:
        return Response(CertificateShape(selectors.certificate(token)).data)


class Outcomes(ApiView):
    scopes = {"GET": Scope.READ}

    @operation(
        "outcomes", _("What became of the cases one sees"), tag="cases", ok=listed(OutcomeShape), query=PageQuery
    )
    def get(self, request: Request) -> Response:
        given = self.given(PageQuery)
        found = page_of(selectors.outcomes(self.actor), given, size=given["size"])
        return page(OutcomeShape, found, found.older)


class OutcomeOne(ApiView):
    scopes = {"GET": Scope.READ}

    @operation("outcome", _("What became of a case"), tag="cases", ok=OutcomeShape, refused=[404])
    def get(self, request: Request, reference: str) -> Response:
        return Response(OutcomeShape(selectors.outcome(self.actor, reference)).data)


urlpatterns: list[URLPattern] = [
    path("lists/", Books.as_view(), name="lists"),
    path("lists/<slug:place>/<slug:category>/", ListAsOf.as_view(), name="list_as_of"),
    path("listings/", Listings.as_view(), name="listings"),
    path("listings/<slug:place>/<int:pk>/", ListingOne.as_view(), name="listing"),
    path("notices/", Notices.as_view(), name="notices"),
    path("notices/<slug:place>/<str:reference>/", NoticeOne.as_view(), name="notice"),
    path("announcements/", Announcements.as_view(), name="announcements"),
    path("announcements/<slug:place>/<str:reference>/", AnnouncementOne.as_view(), name="announcement"),
    path("bulletins/", Bulletins.as_view(), name="bulletins"),
    path("bulletins/<slug:place>/<str:reference>/", BulletinOne.as_view(), name="bulletin"),
    path("certificates/", CertificateByNumber.as_view(), name="certificate_by_number"),
    path("certificates/<str:token>/", CertificateOne.as_view(), name="certificate"),
    path("outcomes/", Outcomes.as_view(), name="outcomes"),
    path("outcomes/<str:reference>/", OutcomeOne.as_view(), name="outcome"),
]
