"""The portal as gunicorn serves it, and beside it the bare page of the bench (tests.tools.deadline)."""

from greenlist.wsgi import application  # sets Django up first

from django.contrib.auth.decorators import login_not_required  # isort: skip
from django.urls import path  # isort: skip

from greenlist import urls  # isort: skip
from tests.tools.bench import bare_view  # isort: skip

urls.urlpatterns.append(path("bench/bare/", login_not_required(bare_view())))

__all__ = ["application"]
