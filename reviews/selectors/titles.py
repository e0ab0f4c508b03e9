"""How a call's list is called in titles: 2026年秦皇岛市市级绿色工厂. Always Chinese: these words are kept and printed."""

from django.utils import translation
from django.utils.translation import gettext as _

from applications.models import Call
from greenlist.policy.engine.types import Step


def list_name(call: Call) -> str:
    """Year, place, tier and category of the list that the call is for."""
    with translation.override("zh-hans"):
        return _("%(category)s of %(area)s (%(tier)s), %(year)s") % {
            "year": call.year,
            "area": call.owner.area.name,
            "tier": call.owner.get_tier_display(),
            "category": call.get_category_display(),
        }


def panel_title(call: Call) -> str:
    """What a new panel is called until somebody changes it."""
    with translation.override("zh-hans"):
        return (_("Expert review: %(list)s") % {"list": list_name(call)})[:160]


def decision_title(call: Call, step: Step) -> str:
    """What a new decision is called until somebody changes it: by the step of the route, such as 厅长办公会审议."""
    return f"{step.title.zh}：{list_name(call)}"[:160]
