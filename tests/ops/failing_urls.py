"""One page that fails, for the tests of what an error tells."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import path

from greenlist.urls import urlpatterns as ours


@login_not_required
def fails(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("SELECT inside")


urlpatterns = [path("fails", fails), *ours]
