"""Reports cross from worker to controller as UTF-8; a test of hostile text may log a lone surrogate, which has none."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest


def printable(data: Any) -> Any:
    """The same structure with lone surrogates written as \\udXXX."""
    if isinstance(data, str):
        return data.encode("utf-8", "backslashreplace").decode()
    if isinstance(data, dict):
        return {printable(key): printable(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return type(data)(printable(one) for one in data)
    return data


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    return printable((yield))
