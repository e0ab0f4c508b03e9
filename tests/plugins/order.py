"""`--order reverse` or `--order random:SEED`: the same tests in another order; none may lean on the one before it (OP-09)."""

from __future__ import annotations

import random

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("greenlist").addoption("--order", default="", help="reverse, or random:SEED")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    order: str = config.getoption("--order")
    if order == "reverse":
        items.reverse()
    elif order.startswith("random:"):
        random.Random(order.partition(":")[2]).shuffle(items)
    elif order:
        raise pytest.UsageError("--order is reverse or random:SEED")
