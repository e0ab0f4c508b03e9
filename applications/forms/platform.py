"""Numbers of the national platform: one unit's, a pasted column, or a workbook."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from applications.services.platform import Filed
from greenlist.core import sheets
from greenlist.core.clock import CHINA
from greenlist.core.errors import Text

COLUMNS: dict[str, Text] = {
    "code": _("Unified social credit code"),
    "number": _("Platform number"),
    "at": _("Filed at"),
    "name": _("Name"),
    "case": _("Case number"),
}


def moment(value: Any) -> datetime | None:
    """A day, with or without its time, as Beijing has it. Raises ValueError(reason)."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=CHINA)
    text = sheets.text_of(value)
    day_text, _space, clock_text = text.partition(" ")
    day = sheets.day_of(value if not text else day_text)
    if day is None:
        return None
    try:
        hour = time.fromisoformat(clock_text) if clock_text else time(0)
    except ValueError as wrong:
        raise ValueError(_("Write a day and time such as 2025-03-09 14:30.")) from wrong
    return datetime.combine(day, hour, tzinfo=CHINA)


LAYOUT = sheets.Layout(
    columns=COLUMNS,
    needed=("code", "number", "at"),
    longest={"code": 18, "number": 60, "name": 120, "case": 40},
    readers={"at": moment, "code": lambda value: sheets.text_of(value).upper()},
    also={
        "code": ("统一社会信用代码", "信用代码"),
        "number": ("平台编号", "编号"),
        "at": ("报送时间", "提交时间"),
        "name": ("单位名称",),
        "case": ("案件编号", "申报编号", "受理编号"),
    },
)
Rows = Sequence[tuple[str, int, Filed]]


def read(name: str, content: bytes) -> Rows:
    """Raises ImportRefused with every mistake."""
    found = []
    for sheet, number, values in sheets.read(name, content, LAYOUT):
        found.append((sheet, number, Filed(values["code"], values["number"], values["at"], values.get("case") or "")))
    return found


class NumberForm(forms.Form):
    number = forms.CharField(label=_("Platform number"), max_length=60)
    filed_at = forms.DateTimeField(
        label=_("Filed at"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        input_formats=["%Y-%m-%dT%H:%M"],
    )
    reason = forms.CharField(
        label=_("Why a recorded number is replaced"),
        required=False,
        max_length=300,
        help_text=_("Only where a number is recorded already; the old one stays in the record."),
    )


class ColumnForm(forms.Form):
    """A workbook, or what was copied out of one."""

    file = forms.FileField(
        label=_("Workbook with code, number and time"),
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv"}),
    )
    pasted = forms.CharField(
        label=_("Or paste the columns here"),
        required=False,
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text=_(
            "One unit a line: credit code, platform number, time (2025-03-09 14:30), parted by tabs or commas; the case "
            "number as a fourth where a firm files for several sites."
        ),
    )
    reason = forms.CharField(
        label=_("Why recorded numbers are replaced"),
        required=False,
        max_length=300,
        help_text=_("Only where a number is recorded already; the old one stays in the record."),
    )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if not given.get("file") and not given.get("pasted"):
            raise forms.ValidationError(_("Choose a file or paste the columns."))
        return given

    def content(self) -> tuple[str, bytes]:
        """The file, or what was pasted as one. Reads the file."""
        upload = self.cleaned_data.get("file")
        if upload:
            return upload.name or "", upload.read(sheets.MAX_BYTES + 1)
        lines = [",".join(line.split("\t")) for line in self.cleaned_data["pasted"].splitlines() if line.strip()]
        return "pasted.csv", "\n".join(["code,number,at,case", *lines]).encode()
