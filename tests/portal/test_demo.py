"""The demonstration: made through the services, with finished examples of each category, and nothing in it that a check finds."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from applications.models import Application, Hit, Project, Registration
from applications.selectors import cases
from applications.states import HitState, ProjectState, State
from dynamics.models import (
    Change,
    CultivationFiling,
    CultivationObject,
    Cycle,
    Inspection,
    PublicPart,
    Rectification,
    Removal,
    Tip,
    Training,
    UpwardRequest,
    YearlyReport,
)
from dynamics.selectors import showing
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Mandate, User
from greenlist.core import audit, clock
from greenlist.core.actors import Actor
from greenlist.portal.demo.places import PASSWORD
from greenlist.portal.management.commands.demo_logins import LOGINS
from registry.models import Listing
from registry.states import ListingState
from reviews.models import Consultation, Panel, Reply
from reviews.selectors import draws


def _handler(case: Application) -> Actor:
    held = Mandate.objects.select_related("user", "authority__area").get(authority=case.desk, role="handler")
    return accounts.actor_of(held)


def _has_a_life_after_listing() -> None:
    """Something at every station, over three years."""
    assert {"candidate", "cultivating", "invited"} <= set(CultivationObject.objects.values_list("state", flat=True))
    assert set(Rectification.objects.values_list("state", flat=True)) == {"ordered", "done"}
    removed = Removal.objects.get(ground="false_data")
    assert (removed.state, removed.listing.state) == ("effective", ListingState.REMOVED)
    assert removed.bulletin is not None and removed.bulletin.state == "published"
    assert Removal.objects.filter(ground="accident", state="proposed").exists()
    assert set(Tip.objects.values_list("state", flat=True)) == {"verifying", "closed"}
    assert {"accepted", "returned", "draft", "filed", "exempt"} <= set(
        YearlyReport.objects.values_list("state", flat=True)
    )
    assert Removal.objects.get(ground="no_table").state == "hearing"
    assert set(Change.objects.values_list("state", flat=True)) == {"settled", "reported"}
    assert {"done", "planned"} == set(Inspection.objects.values_list("state", flat=True))
    assert UpwardRequest.objects.get().state == "sent"
    assert CultivationFiling.objects.filter(state="received").exists() and Training.objects.exists()


def _two_other_places_have_years_of_their_own() -> None:
    """A finished year and a running one each; in one of them enough units of a trade to say where one stands."""
    for slug in ("jieyang", "heilongjiang"):
        cycles = Cycle.objects.filter(rule_set__slug=slug).order_by("year")
        assert [one.state for one in cycles] == ["closed", "open"], slug
        finished, running = cycles
        assert set(finished.reports.values_list("state", flat=True)) == {"accepted"}
        assert {"due", "filed"} <= set(running.reports.values_list("state", flat=True))
    (part,) = PublicPart.objects.filter(kind="standing", is_public=True)
    found = showing.standing(part.listing)
    assert found is not None and (found.others, found.quarter) == (5, 1)


@pytest.mark.journey
@pytest.mark.once
@pytest.mark.django_db
@pytest.mark.timeout(400)
def test_the_demonstration_has_finished_examples_of_each_category(settings: Any, capsys: Any) -> None:
    settings.DEMO = True
    for name in ("load_reference", "load_policies", "load_calendar", "demo_data"):
        call_command(name)
    national = Application.objects.filter(call__rules__rule_set__slug="hebei-national")
    finished = {(one.category, one.mode): one for one in national.exclude(submitted_at=None).order_by("pk")}
    assert set(finished) == {("factory", "body"), ("park", "self"), ("supply_chain", "self")}
    totals = {category: one.report.versions.get().score["total"] for (category, _mode), one in finished.items()}
    assert totals["park"] == "81.94"
    assert finished["factory", "body"].report.criteria.criteria_set.slug == "cement-2025"
    assert finished["park", "self"].state == State.CONSULTING
    asked = Consultation.objects.filter(state="asked")
    assert asked.count() == 2 and Reply.objects.filter(verdict="objection").count() == 1
    for one in finished.values():
        assert one.report.evidence.count() > 10
    general = Application.objects.get(call__rules__rule_set__slug="heilongjiang", mode="body")
    panel = Panel.objects.get(drawn=True)
    assert panel.seats.count() == 3
    assert draws.verified(panel.draws.get()) == ""
    assert panel.watches.count() == 1
    assert (general.mode, general.report.criteria.criteria_set.slug) == ("body", "factory-2025")
    page = cases.case_page(_handler(general), general.reference, "report", clock.now())
    assert page.scores is not None and page.scores.total == "65.51"  # docs/criteria-factory.md, one value corrected
    assert Listing.objects.filter(application__call__values__edition="factory-2025").exists()
    assert {one.state for one in Project.objects.all()} == {
        ProjectState.OFFERED,
        ProjectState.ACCEPTED,
        ProjectState.REPORTED,
    }
    assert {one.state for one in Registration.objects.all()} == {"approved", "submitted"}
    assert Hit.objects.filter(state=HitState.OPEN, name=finished["supply_chain", "self"].name).exists()
    _has_a_life_after_listing()
    _two_other_places_have_years_of_their_own()
    assert list(audit.verify()) == []
    assert User.objects.filter(username__in=LOGINS).count() == len(LOGINS)
    for username in ("park", "cement", "body", "130600-handler", "130300-market"):
        client = Client()
        assert client.post("/account/login/", {"username": username, "password": PASSWORD}).status_code == 302
        assert client.get("/work/", follow=True).status_code == 200
