"""What crosses the apps: work lists, search, the public front page, the jobs of the system."""

from greenlist.portal.selectors.kinds import SHOWN, Group, Task
from greenlist.portal.selectors.pages import (
    JOBS,
    Found,
    Front,
    Job,
    Rules,
    front,
    jobs,
    rules_in_force,
    search,
    waiting,
)
from greenlist.portal.selectors.work import LastDays, calendar, last_days, work_list

__all__ = [
    "JOBS",
    "SHOWN",
    "Found",
    "Front",
    "Group",
    "Job",
    "LastDays",
    "Rules",
    "Task",
    "calendar",
    "front",
    "jobs",
    "last_days",
    "rules_in_force",
    "search",
    "waiting",
    "work_list",
]
