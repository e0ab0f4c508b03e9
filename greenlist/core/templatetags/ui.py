"""Words, numbers and small marks for templates. Registered as builtins: no `{% load %}` needed.

Belongs here: turning one value into text or one small piece of HTML. Not here: queries, rules, anything that decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django import template
from django.forms import BoundField
from django.http import QueryDict
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from greenlist.core import dates, documents
from greenlist.core.actors import Actor, Capacity
from greenlist.core.requests import request_id

register = template.Library()

CHINA = ZoneInfo("Asia/Shanghai")  # what people see is China Standard Time, whatever the server's zone
KILO = 1024


class Look(NamedTuple):
    """How a state is drawn: a colour family and a shape, so that colour is never the only sign."""

    tone: str
    shape: str


QUIET = Look("quiet", "s-bar")
LOOKS: dict[str, Look] = {
    "draft": Look("quiet", "s-ring"),
    "planned": Look("quiet", "s-ring"),
    "scheduled": Look("quiet", "s-ring"),
    "screening": Look("progress", "s-half"),
    "passed": Look("progress", "s-check"),
    "recommended": Look("progress", "s-arrow"),
    "forwarded": Look("progress", "s-arrow"),
    "sent": Look("progress", "s-arrow"),
    "received": Look("progress", "s-check"),
    "under_review": Look("progress", "s-half"),
    "deciding": Look("progress", "s-half"),
    "consulting": Look("progress", "s-half"),
    "approving": Look("progress", "s-half"),
    "proposed": Look("progress", "s-diamond"),
    "running": Look("progress", "s-half"),
    "accepted": Look("progress", "s-check"),
    "on_notice": Look("notice", "s-diamond"),
    "open": Look("notice", "s-diamond"),
    "preparing": Look("quiet", "s-ring"),
    "drafting": Look("quiet", "s-ring"),
    "unclaimed": Look("quiet", "s-ring"),
    "claimed": Look("progress", "s-half"),
    "to_sign": Look("progress", "s-half"),
    "to_approve": Look("progress", "s-half"),
    "propose": Look("progress", "s-check"),
    "returned": Look("attention", "s-triangle"),
    "fix": Look("attention", "s-triangle"),
    "rectifying": Look("attention", "s-triangle"),
    "suspended": Look("attention", "s-square"),
    "removal_proposed": Look("attention", "s-square"),
    "upheld": Look("attention", "s-triangle"),
    "held": Look("attention", "s-triangle"),
    "overdue": Look("grave", "s-triangle"),
    "listed": Look("good", "s-disc"),
    "in_force": Look("good", "s-disc"),
    "valid": Look("good", "s-disc"),
    "active": Look("good", "s-disc"),
    "confirmed": Look("good", "s-check"),
    "cleared": Look("good", "s-check"),
    "yes": Look("good", "s-check"),
    "pass": Look("good", "s-check"),
    "published": Look("good", "s-disc"),
    "done": Look("good", "s-check"),
    "signed": Look("good", "s-check"),
    "approved": Look("good", "s-check"),
    "rejected": Look("grave", "s-cross"),
    "reject": Look("grave", "s-cross"),
    "no": Look("grave", "s-cross"),
    "dropped": Look("grave", "s-cross"),
    "removed": Look("grave", "s-cross"),
    "revoked": Look("grave", "s-cross"),
    "disqualified": Look("grave", "s-square"),
    "not_listed": QUIET,
    "decline": QUIET,
    "dismissed": QUIET,
    "withdrawn": QUIET,
    "closed": QUIET,
    "cancelled": QUIET,
    "superseded": QUIET,
}

CAPACITY_WORDS = {
    Capacity.PUBLIC: gettext_lazy("visitor"),
    Capacity.NONE: gettext_lazy("no role yet"),
    Capacity.APPLICANT: gettext_lazy("applicant"),
    Capacity.HANDLER: gettext_lazy("handler"),
    Capacity.APPROVER: gettext_lazy("approver"),
    Capacity.EXPERT: gettext_lazy("expert"),
    Capacity.SUPERVISOR: gettext_lazy("supervisor"),
    Capacity.DEPARTMENT: gettext_lazy("department"),
    Capacity.ADMINISTRATOR: gettext_lazy("system administrator"),
    Capacity.SECURITY: gettext_lazy("security administrator"),
    Capacity.AUDITOR: gettext_lazy("audit administrator"),
    Capacity.SYSTEM: gettext_lazy("system"),
}


def _day(value: date | datetime) -> date:
    if isinstance(value, datetime):
        return value.astimezone(CHINA).date() if timezone.is_aware(value) else value.date()
    return value


@register.filter
def cst(value: datetime | None) -> str:
    """An instant as people in China read it: 2026年5月20日 14:32. Empty for None."""
    return dates.moment(value) if value else ""


@register.filter
def cdate(value: date | datetime | None) -> str:
    """A day: 2026年5月20日. Empty for None."""
    return dates.day(value) if value else ""


@register.filter
def cdate_weekday(value: date | datetime | None) -> str:
    """A day on which something depends: 2026年5月20日（星期三）. Empty for None."""
    return date_format(_day(value), _("l j F Y")) if value else ""


@register.filter
def iso(value: date | datetime | None) -> str:
    """For `<time datetime>`: ISO 8601, in China Standard Time when it is an instant."""
    if not value:
        return ""
    if isinstance(value, datetime) and timezone.is_aware(value):
        return value.astimezone(CHINA).isoformat(timespec="minutes")
    return value.isoformat()


@register.filter(name="bytes")
def file_size(value: int | None) -> str:
    """A size of a file: 512 B, 34 KB, 1.2 MB."""
    if value is None:
        return ""
    if value < KILO:
        return f"{value} B"
    if value < KILO * KILO:
        return f"{round(value / KILO)} KB"
    if value < KILO**3:
        return f"{value / KILO**2:.1f} MB"
    return f"{value / KILO**3:.1f} GB"


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """Look a variable key up in a mapping or form; None when absent."""
    if isinstance(mapping, Mapping):
        return mapping.get(key)
    try:
        return mapping[key]
    except (KeyError, IndexError, TypeError):
        return None


@register.filter
def mask_phone(value: str | None) -> str:
    """138****1234; short numbers keep only their last two signs (PR-04)."""
    digits = str(value or "")
    if len(digits) >= 11:
        return f"{digits[:3]}{'*' * (len(digits) - 7)}{digits[-4:]}"
    return f"{'*' * max(len(digits) - 2, 0)}{digits[-2:]}"


@register.filter
def number(value: Any, places: int | None = None) -> str:
    """Thousands separated, decimals kept as they are or rounded to `places`; anything not a number unchanged."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return "" if value is None else str(value)
    amount = Decimal(str(value))
    if not amount.is_finite():
        return str(value)
    return f"{amount:,.{int(places)}f}" if places is not None else f"{amount:,f}"


@register.filter
def title_lines(title: str) -> SafeString:
    """A title of an official document in lines that end where a reader would pause."""
    lines = ((line,) for line in documents.title_lines(str(title)))
    return format_html_join(mark_safe("<br>"), "{}", lines)  # nosec B308 B703: a constant


@register.filter
def acts_as(actor: Actor | None) -> str:
    """The capacity of an actor in words: 经办, 审签 …"""
    if getattr(actor, "is_body", False):  # a line of the audit trail has a capacity and nothing more
        return _("Third-party body")
    return str(CAPACITY_WORDS.get(actor.capacity, actor.capacity)) if actor else ""


@register.simple_tag
def icon(name: str, css: str = "", title: str = "") -> SafeString:
    """An icon of static/img/icons.svg. Hidden from screen readers unless it has a title."""
    return _icon(name, css, str(title))


@lru_cache(maxsize=512)  # a list of fifty rows draws some hundred icons, all of them alike
def _icon(name: str, css: str, title: str) -> SafeString:
    href = f"{static('img/icons.svg')}#{name}"
    classes = "shape" if name.startswith("s-") else f"icon {css}".strip()
    if title:
        return format_html(
            '<svg class="{}" role="img" aria-label="{}"><use href="{}"></use></svg>', classes, title, href
        )
    return format_html(
        '<svg class="{}" aria-hidden="true" focusable="false"><use href="{}"></use></svg>', classes, href
    )


@register.simple_tag(takes_context=True)
def qs(context: template.Context, **changes: Any) -> str:
    """The current query string with some values replaced; None or "" drops one. Always starts with `?`."""
    request = _request(context)
    query = request.GET.copy() if request is not None else QueryDict(mutable=True)
    for key, value in changes.items():
        if value is None or value == "":
            query.pop(key, None)
        elif isinstance(value, list | tuple):
            query.setlist(key, [str(one) for one in value])
        else:
            query[key] = str(value)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def csrf_field(context: template.Context) -> SafeString:
    """The CSRF input, also inside `{% include … only %}`, where Django's own tag finds nothing."""
    request = _request(context)
    if request is None:
        return SafeString("")
    return format_html('<input type="hidden" name="csrfmiddlewaretoken" value="{}">', get_token(request))


def _request(context: template.Context) -> Any:
    return getattr(context, "request", None) or context.get("request")


@register.simple_tag
def state_look(value: Any) -> Look:
    """Colour family and shape of a state; an unknown one is drawn quietly."""
    return LOOKS.get(str(value or ""), QUIET)


@register.simple_tag
def state_badge(value: Any, label: str = "", tone: str = "", size: str = "") -> SafeString:
    """The state as text + shape + colour, by components/state_badge.html. `label` defaults to the member's own label."""
    return _badge(str(value), str(label or getattr(value, "label", value)), tone, size)


@lru_cache(maxsize=512)  # its words are part of the key: one entry for each language
def _badge(state: str, label: str, tone: str, size: str) -> SafeString:
    found = {"state": state, "label": label, "tone": tone, "size": size}
    return SafeString(render_to_string("components/state_badge.html", found))  # nosec B703: a template has escaped it


@register.simple_tag
def deadline(day: date | None, words: str = "", tone: str = "", label: str = "") -> SafeString:
    """A last day with how long is left, by components/deadline.html; in a list many rows share theirs."""
    return _deadline(day, str(words), tone, str(label), get_language() or "") if day else SafeString("")


@lru_cache(maxsize=512)
def _deadline(day: date, words: str, tone: str, label: str, language: str) -> SafeString:
    found = {"date": day, "words": words, "tone": tone, "label": label}
    return SafeString(render_to_string("components/deadline.html", found))  # nosec B703: a template has escaped it


@register.simple_tag
def widget(field: BoundField, describedby: str = "", **attributes: Any) -> SafeString:
    """The control of a bound field, tied to its help, error, unit and counter by `aria-describedby`."""
    extra: dict[str, Any] = {name.replace("_", "-"): value for name, value in attributes.items() if value}
    known = field.aria_describedby or ""
    ids = " ".join(dict.fromkeys(f"{known} {describedby}".split()))
    if ids:
        extra["aria-describedby"] = ids
    return field.as_widget(attrs=extra)


@register.filter
def widget_kind(field: BoundField) -> str:
    """What kind of control it is: text, textarea, select, checkbox, choices, file, hidden …"""
    control = field.field.widget
    kinds = {
        "Textarea": "textarea",
        "CheckboxInput": "checkbox",
        "RadioSelect": "choices",
        "CheckboxSelectMultiple": "choices",
        "Select": "select",
        "NullBooleanSelect": "select",
        "SelectMultiple": "select",
        "ClearableFileInput": "file",
        "FileInput": "file",
    }
    for ancestor in type(control).__mro__:
        if ancestor.__name__ in kinds:
            return kinds[ancestor.__name__]
    return getattr(control, "input_type", "") or "text"


@register.simple_tag
def describe(id: str = "", **parts: Any) -> str:
    """The ids of what stands around a control and is present: describe(unit=…, counter=…, id=auto_id)."""
    suffixes = {"unit": "unit", "counter": "count", "hint": "hint", "note": "note"}
    return " ".join(f"{id}_{suffixes[name]}" for name, value in parts.items() if value)


@register.simple_tag
def sort_of(key: str, sort: str | None) -> str:
    """`aria-sort` of a column under the present `?sort=`."""
    if not key or not sort or sort.lstrip("-") != key:
        return "none"
    return "descending" if sort.startswith("-") else "ascending"


@register.simple_tag
def has_blocked(actions: Any) -> list[Any]:
    """The actions that are refused here; each carries its reason."""
    return [one for one in actions or () if _attribute(one, "allowed") is False]


def _attribute(one: Any, name: str) -> Any:
    return one.get(name) if isinstance(one, Mapping) else getattr(one, name, None)


@register.filter
def is_list(value: Any) -> bool:
    """Whether it is several texts rather than one."""
    return isinstance(value, list | tuple)


@register.filter
def unlocalize_number(value: Any) -> str:
    """A number for an attribute of `<progress>` or `<meter>`: no separators whatever the language."""
    return str(value if value is not None else 0)


@register.simple_tag
def request_number() -> str:
    """The number of this request, as the log names it; also where a page is rendered without a request (500)."""
    return request_id.get()


@register.filter
def texts(first: str, second: str = "") -> list[str]:
    """One or two texts as a list, the empty ones left out."""
    return [text for text in (first, second) if text]
