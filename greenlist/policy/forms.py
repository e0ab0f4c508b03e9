"""Uploads → clean files."""

import io
import zipfile
from pathlib import PurePosixPath
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from greenlist.policy import selectors

MOST_BYTES = 2 * 1024 * 1024
MOST_FILES = 40
OWN = ("policy.toml", "clauses.toml")


class RulesUpload(forms.Form):
    """One TOML file of a rule set, or a ZIP of several; `cleaned_data["files"]` maps name to content."""

    rule_set = forms.ModelChoiceField(
        label=_("Rule set"),
        queryset=selectors.rule_sets(),
        required=False,
        help_text=_("Needed when only clauses or a form are uploaded; a policy.toml names its rule set itself."),
    )
    file = forms.FileField(
        label=_("File"), help_text=_("policy.toml, clauses.toml, a form's .toml, or a ZIP with several of them.")
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        upload = data.get("file")
        if upload:
            data["files"] = _files(upload)
            if "policy.toml" not in data["files"] and not data.get("rule_set"):
                self.add_error("rule_set", _("Choose the rule set that these files belong to."))
        return data


class CriteriaUpload(forms.Form):
    file = forms.FileField(
        label=_("File"), help_text=_("The .toml file of one criteria set, or the filled-in Excel template.")
    )

    def clean_file(self) -> UploadedFile:
        upload: UploadedFile = self.cleaned_data["file"]
        if (upload.size or 0) > MOST_BYTES or not str(upload.name).endswith((".toml", ".xlsx")):
            raise forms.ValidationError(_("Upload one .toml or .xlsx file of at most 2 MB."))
        return upload


class FactorsUpload(forms.Form):
    file = forms.FileField(label=_("File"), help_text=_("The .toml file of one factor table."))

    def clean_file(self) -> UploadedFile:
        upload: UploadedFile = self.cleaned_data["file"]
        if (upload.size or 0) > MOST_BYTES or not str(upload.name).endswith(".toml"):
            raise forms.ValidationError(_("Upload one .toml file of at most 2 MB."))
        return upload


def _files(upload: UploadedFile) -> dict[str, bytes]:
    if (upload.size or 0) > MOST_BYTES:
        raise forms.ValidationError(_("The file is larger than 2 MB."))
    content = upload.read()
    if zipfile.is_zipfile(io.BytesIO(content)):
        return _unpacked(content)
    return {_place(str(upload.name)): content}


def _unpacked(content: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_BYTES:
            raise forms.ValidationError(_("The ZIP holds too many or too large files."))
        for entry in entries:
            with archive.open(entry) as packed:
                unpacked = packed.read(MOST_BYTES + 1)  # what the directory says of a size need not be true
            if len(unpacked) > MOST_BYTES:
                raise forms.ValidationError(_("The ZIP holds too many or too large files."))
            files[_place(entry.filename)] = unpacked
    return files


def _place(name: str) -> str:
    """Where a file belongs: policy.toml and clauses.toml at the top, any other .toml is a form."""
    base = PurePosixPath(name.replace("\\", "/")).name
    if not base.endswith(".toml"):
        raise forms.ValidationError(_("“%(name)s” is no .toml file."), params={"name": base})
    return base if base in OWN else f"forms/{base}"
