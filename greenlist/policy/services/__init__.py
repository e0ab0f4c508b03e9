"""The verbs of policy: load rule sets and criteria sets, keep the calendar. Stored versions are never edited."""

from greenlist.policy.services.calendar import confirm_year, load_calendar, set_day
from greenlist.policy.services.loading import (
    BrokenFiles,
    Loaded,
    check_policies,
    load_policies,
    store_criteria,
    store_factors,
    store_uploaded,
)

__all__ = [
    "BrokenFiles",
    "Loaded",
    "check_policies",
    "confirm_year",
    "load_calendar",
    "load_policies",
    "set_day",
    "store_criteria",
    "store_factors",
    "store_uploaded",
]
