"""What the portal itself must refuse, whatever the rule set says: one place on a list, one application at a time, one code.

These findings cite no clause: they keep the portal's own books right. A rule set under which units are evaluated anew says
so (`[rounds] again = "warn"`); a place on the list below is no hindrance to the one above.
"""

from collections import defaultdict
from collections.abc import Sequence

from applications.models import Application
from applications.selectors import calls, rules_of
from applications.states import OPEN
from greenlist.organisations.models import Title
from greenlist.policy.engine.types import Finding, Layer, Outcome

LISTED, TWIN, CODE = "portal.listed", "portal.twin", "portal.code"


def look(cases: Sequence[Application]) -> dict[int, tuple[Finding, ...]]:
    """By case; two queries however many cases."""
    listed = _listed(cases)
    others = _others(cases)
    return {
        case.pk: (
            *_one(
                LISTED, _again(case), [title.listing for title in listed.get(case.site_id, ()) if _same(title, case)]
            ),
            *_one(
                TWIN, Outcome.BLOCK, [_name(one) for one in others.get(case.organisation_id, ()) if _twin(one, case)]
            ),
            *_one(
                CODE, Outcome.WARN, [_name(one) for one in others.get(case.organisation_id, ()) if _double(one, case)]
            ),
        )
        for case in cases
    }


def _one(rule: str, outcome: Outcome, evidence: Sequence[str]) -> tuple[Finding, ...]:
    if not evidence:
        return ()
    return (Finding(rule, "", outcome, rule, {}, tuple(evidence), Layer.PORTAL),)


def _again(case: Application) -> Outcome:
    return Outcome(rules_of(case.call).policy.again)


def _listed(cases: Sequence[Application]) -> dict[int, list[Title]]:
    found: dict[int, list[Title]] = defaultdict(list)
    for title in Title.objects.filter(site__in={case.site_id for case in cases}, valid_until=None).order_by("pk"):
        found[title.site_id].append(title)
    return found


def _same(title: Title, case: Application) -> bool:
    """Of the list this call is for; an owner may call for a list above its own."""
    return title.category == case.category and title.tier == rules_of(case.call).header.tier


def _others(cases: Sequence[Application]) -> dict[int, list[Application]]:
    """Submitted cases of the same firms that are still open."""
    rows = Application.objects.filter(
        organisation__in={case.organisation_id for case in cases}, state__in=OPEN, submitted_at__isnull=False
    )
    found: dict[int, list[Application]] = defaultdict(list)
    for row in rows.select_related("call__rules", "site").defer(*calls.HEAVY_OF_CASE).order_by("submitted_at", "pk"):
        found[row.organisation_id].append(row)
    return found


def _twin(other: Application, case: Application) -> bool:
    """The same site applied to the same list before, and that case is not decided yet."""
    if other.pk == case.pk or other.site_id != case.site_id or other.category != case.category:
        return False
    earlier = case.submitted_at is None or (other.submitted_at, other.pk) < (case.submitted_at, case.pk)
    return earlier and other.call.rules.rule_set_id == case.call.rules.rule_set_id


def _double(other: Application, case: Application) -> bool:
    """Another site under the same credit code in the same call."""
    return other.call_id == case.call_id and other.site_id != case.site_id and other.category == case.category


def _name(case: Application) -> str:
    return f"{case.number} {case.call.title} {case.site.name}".strip()
