"""The rule engine. Pure: no Django, no clock, no I/O. Everything public is here; `types` holds the shapes.

`forms` is the module of filled forms: validate, validate_section, values, progress, figures, blank; `json_schema` writes a
form down for other systems; `bodies` judges third-party bodies; `removals` reads grounds and alarms; `changes` reads what
follows after listing, and draws the sample of a plan of inspections; `duties` says who owes which table of the year,
`plausibility` what in a filled form is doubtful; `cultivating` types what is said of cultivation.
"""

from greenlist.policy.engine import bodies, changes, cultivating, duties, forms, json_schema, plausibility, removals
from greenlist.policy.engine.checks import (
    CHECKED,
    barring,
    candidates,
    check,
    completed,
    described,
    holds,
    holds_until,
    industry_group,
    judge,
    vetoes_digest,
    waiver,
    wanted,
    within,
)
from greenlist.policy.engine.identity import canonical, digest
from greenlist.policy.engine.loading import bind, build, forms_cited, load, slug_of, standing, stored, suggest
from greenlist.policy.engine.periods import (
    closes_at,
    due,
    is_known,
    is_working,
    lookback,
    period,
    working_days_left,
    years_before,
)
from greenlist.policy.engine.quotas import judge_quota, places, quotas, share_of
from greenlist.policy.engine.ranking import aggregate, badges, judge_order, order, order_rule, out_of_order
from greenlist.policy.engine.routing import after, route
from greenlist.policy.engine.standards import criteria_for, criteria_rule

__all__ = [
    "CHECKED",
    "after",
    "aggregate",
    "badges",
    "barring",
    "bind",
    "bodies",
    "build",
    "candidates",
    "canonical",
    "changes",
    "check",
    "closes_at",
    "completed",
    "criteria_for",
    "criteria_rule",
    "cultivating",
    "described",
    "digest",
    "due",
    "duties",
    "forms",
    "forms_cited",
    "holds",
    "holds_until",
    "industry_group",
    "is_known",
    "is_working",
    "json_schema",
    "judge",
    "judge_order",
    "judge_quota",
    "load",
    "lookback",
    "order",
    "order_rule",
    "out_of_order",
    "period",
    "places",
    "plausibility",
    "quotas",
    "removals",
    "route",
    "share_of",
    "slug_of",
    "standing",
    "stored",
    "suggest",
    "vetoes_digest",
    "waiver",
    "wanted",
    "within",
    "working_days_left",
    "years_before",
]
