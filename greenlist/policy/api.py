"""Forms as JSON Schema, each at the address of its digest."""

from django.conf import settings
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from greenlist.core.api import PUBLIC, ApiView
from greenlist.core.api_schema import operation
from greenlist.policy import engine, selectors, words

SCHEMA = "application/schema+json"


class FormSchema(ApiView):
    scopes = {"GET": PUBLIC}

    @operation(
        "form_schema",
        _("A report form as JSON Schema"),
        tag="calls",
        description=_(
            "What a report of this form may and must hold, section by section. The digest never changes its meaning. A call "
            "may drop parts marked x-only-with; a report tells which sections and fields it has."
        ),
        also={(200, SCHEMA): OpenApiTypes.OBJECT},
        path={"digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
        refused=[404],
        public=True,
    )
    def get(self, request: Request, digest: str) -> Response:
        form = selectors.form_with(digest)
        address = settings.PUBLIC_URL + reverse("api:form_schema", args=[digest])
        return Response(engine.json_schema.of_form(form, address, words.text), content_type=SCHEMA)


urlpatterns: list[URLPattern] = [path("forms/<str:digest>/schema/", FormSchema.as_view(), name="form_schema")]
