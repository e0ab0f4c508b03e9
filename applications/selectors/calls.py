"""Reads of calls: their rules, their dates, their pages."""

from datetime import date

from applications.models import Application, Call, Extension
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import BoundPolicy, CallValues


def rules_of(call: Call) -> BoundPolicy:
    """The call's pinned rule set with the call's own values filled in."""
    return policy.bound(call.rules, CallValues.from_json({"values": call.values, "layer": call.layer}))


def due_of(case: Application) -> date | None:
    """The last day of the case's present step, moved by the extensions that concern its area."""
    return due_on(case.call, case.step, case.area_path)


def due_on(call: Call, step_key: str, area_path: str = "") -> date | None:
    """The last day of a step that is still in time; the newest extension for everybody or for an area above wins."""
    step = rules_of(call).step(step_key)
    if step.due is None or step.due.on is None:
        return None
    for extension in Extension.objects.filter(call=call, step=step_key).select_related("area").order_by("-at", "-pk"):
        if extension.area is None or (area_path and area_path.startswith(extension.area.path)):
            return extension.new_day
    return step.due.on
