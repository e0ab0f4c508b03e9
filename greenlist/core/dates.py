"""Days and moments as people read them, in the reader's language and in China Standard Time."""

import re
from datetime import date, datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from greenlist.core.clock import CHINA

WRITTEN = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d)?")


def day(value: date | datetime) -> str:
    """2026年5月20日."""
    if isinstance(value, datetime) and timezone.is_aware(value):
        value = value.astimezone(CHINA)
    return date_format(value.date() if isinstance(value, datetime) else value, _("j F Y"))


def in_chinese(value: date) -> str:
    """2026年5月20日 whatever language is read: letters, certificates and reasons are Chinese for ever."""
    return f"{value.year}年{value.month}月{value.day}日"


def moment(value: datetime) -> str:
    """2026年5月20日 14:32."""
    local = value.astimezone(CHINA) if timezone.is_aware(value) else value
    # Formatting a naive value: Django would otherwise shift it once more to the current zone.
    return date_format(local.replace(tzinfo=None), _("j F Y, H:i"))


def readable(value: object) -> object:
    """The same for what is kept as text ("2026-05-20", "2026-05-20 14:32"); anything else as it is."""
    if not (isinstance(value, str) and WRITTEN.fullmatch(value)):
        return value
    try:
        read = datetime.fromisoformat(value)
    except ValueError:  # the 31st of February: somebody's own text
        return value
    return moment(read) if " " in value else day(read)
