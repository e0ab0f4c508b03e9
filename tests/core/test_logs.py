"""One JSON object a line, whatever somebody typed."""

from __future__ import annotations

import json
import logging
from io import StringIO

import pytest

from greenlist.core.logs import JsonFormatter, RequestFilter
from greenlist.core.requests import request_id, user_id

EVIL = [
    'x\r\n{"level": "CRITICAL"}',
    "line\u2028separator\u0085next",
    "\x1b[31mred",
    "lone \ud800 half",
    '","level":"X',
]


def logged(message: str, *arguments: object, **options: object) -> list[dict]:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RequestFilter())
    handler.setFormatter(JsonFormatter())
    logger = logging.Logger("tests.core.lines")  # of its own: pytest would hand the lone surrogate to its reports
    logger.addHandler(handler)
    try:
        logger.warning(message, *arguments, **options)  # type: ignore[arg-type]
    finally:
        logger.removeHandler(handler)
    text = stream.getvalue()
    assert len(text.splitlines()) == 1  # splitlines also breaks at U+2028 and NEL
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.case("OP-06")
@pytest.mark.parametrize("name", EVIL, ids=ascii)
def test_what_somebody_typed_stays_one_line(name: str) -> None:
    (line,) = logged("login of %s", name)
    assert line["message"] == f"login of {name}"
    assert line["level"] == "WARNING"


@pytest.mark.case("OP-06")
def test_a_line_names_request_person_and_moment_with_zone() -> None:
    tokens = request_id.set("r-1"), user_id.set(42)
    (line,) = logged("hello")
    request_id.reset(tokens[0])
    user_id.reset(tokens[1])
    assert (line["request"], line["user"]) == ("r-1", 42)
    assert line["at"].endswith("+00:00")


def test_a_trace_is_part_of_the_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        (line,) = logged("failed", exc_info=True)
    assert "ValueError: two\nlines" in line["trace"]
