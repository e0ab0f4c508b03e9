from django.contrib.admin.apps import AdminConfig


class GreenlistAdminConfig(AdminConfig):
    """Django admin with our door: see `greenlist.admin`."""

    default_site = "greenlist.admin.Site"
