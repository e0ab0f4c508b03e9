"""Two at the same moment: one wins, the other is told, nothing is half done (WF-15, QHD-10a). Real threads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from applications.models import Application, Grant
from applications.services import cases
from applications.states import State
from greenlist.core.errors import Conflict, DomainError, Refused, WrongState
from reviews.models import Decision, Draw, Panel, PanelItem, Sheet
from reviews.selectors import scores
from reviews.services import decisions, draws, panels, seats
from reviews.states import DecisionState, Outcome, PanelState
from tests.applications import county
from tests.reviews import stage
from tests.world import World

START = stage.START
Run = Callable[[int, Callable[[int], Any]], list[Any]]
pytestmark = [pytest.mark.race, pytest.mark.timeout(900)]


def settled(outcomes: list[Any]) -> list[Any]:
    """The outcomes, each a result or a refusal in words; anything else is a defect."""
    for one in outcomes:
        assert not isinstance(one, Exception) or isinstance(one, DomainError), repr(one)
    return outcomes


@pytest.fixture
def call(race_world: World) -> Any:
    county.load_rules()
    return county.open_call(race_world)


@pytest.mark.clause("QHD-10a")
def test_approve_or_hand_back_never_both(race_world: World, call: Any, run_threads: Run, rounds: int) -> None:
    world, actor = race_world, race_world.actor("city_approver")
    won: Counter[str] = Counter()
    for number in range(rounds):
        row = stage.several(world, call, 1, start=7000 + number)[0]
        _to_decide(world, row)
        decision = stage.drafted(world, call)
        ruling = decisions.Draft("综合审查", "", {row.reference: decisions.Ruling(Outcome.PROPOSE)})
        decisions.hand_over(actor=world.actor("city_handler"), reference=decision.reference, draft=ruling, at=START)

        def act(which: int, reference: str = decision.reference) -> Decision:
            if which == 0:
                return decisions.approve(actor=actor, reference=reference, at=START)
            return decisions.hand_back(actor=actor, reference=reference, note="再看", at=START)

        outcomes = settled(run_threads(2, act))
        assert [isinstance(one, WrongState) for one in outcomes].count(True) == 1
        decision.refresh_from_db()
        row.refresh_from_db()
        expected = {DecisionState.APPROVED: State.PROPOSED, DecisionState.DRAFTING: State.DECIDING}
        assert row.state == expected[DecisionState(decision.state)]
        assert row.timeline.filter(verb="propose").count() == (decision.state == DecisionState.APPROVED)
        won[decision.state] += 1
        Application.objects.filter(state=State.DECIDING).update(state=State.WITHDRAWN)  # out of the next round's way
    assert sum(won.values()) == rounds


def test_two_approvals_freeze_once(race_world: World, call: Any, run_threads: Run, rounds: int) -> None:
    world, actor = race_world, race_world.actor("city_approver")
    for number in range(max(rounds // 5, 3)):
        row = stage.several(world, call, 1, start=7200 + number)[0]
        _to_decide(world, row)
        decision = stage.drafted(world, call)
        ruling = decisions.Draft("综合审查", "", {row.reference: decisions.Ruling(Outcome.PROPOSE)})
        decisions.hand_over(actor=world.actor("city_handler"), reference=decision.reference, draft=ruling, at=START)
        outcomes = settled(
            run_threads(3, lambda _n, ref=decision.reference: decisions.approve(actor=actor, reference=ref, at=START))
        )
        assert [isinstance(one, WrongState) for one in outcomes].count(True) == 2
        assert row.timeline.filter(verb="propose").count() == 1


@pytest.mark.case("WF-15")
def test_lock_and_edit_at_once(race_world: World, call: Any, run_threads: Run, rounds: int) -> None:
    """What is locked is what the summary showed: an edit in the same moment is in before (then the lock is told) or refused."""
    world, actor = race_world, race_world.actor("expert")
    row = stage.several(world, call, 1, start=7400)[0]
    for _number in range(rounds):
        panel = stage.opened(world, [row], ("expert",))
        stage.admitted(world, panel, "expert")
        stage.filled(world, panel, "expert", "80")

        def act(which: int, reference: str = panel.reference) -> Any:
            if which == 0:
                return seats.lock(actor=actor, reference=reference, versions={row.reference: 1}, at=START)
            return seats.save_sheet(
                actor=actor,
                reference=reference,
                case=row.reference,
                version=1,
                score=Decimal(20),
                suggests=False,
                comment="改分",
                at=START,
            )

        lock, edit = settled(run_threads(2, act))
        sheet = Sheet.objects.get(item__panel=panel)
        if isinstance(lock, Conflict):
            assert (sheet.locked_at, sheet.score) == (None, Decimal("20.00"))
        else:
            assert isinstance(edit, WrongState)
            assert (sheet.locked_at, sheet.score) == (START, Decimal("80.00"))
        _away(panel, row)


def test_a_panel_is_concluded_once(race_world: World, call: Any, run_threads: Run, rounds: int) -> None:
    world, actor = race_world, race_world.actor("city_handler")
    row = stage.several(world, call, 1, start=7600)[0]
    for _number in range(max(rounds // 5, 3)):
        panel = stage.opened(world, [row], ("expert",))
        stage.admitted(world, panel, "expert")
        stage.locked(world, panel, "expert", "80")
        before = row.timeline.filter(verb="conclude_review").count()

        def act(_which: int, panel: Panel = panel) -> Panel:
            return panels.conclude(
                actor=actor,
                reference=panel.reference,
                version=panel.version,
                result=stage.result([row]),
                at=START,
            )

        outcomes = settled(run_threads(3, act))
        assert [isinstance(one, WrongState | Conflict) for one in outcomes].count(True) == 2
        assert row.timeline.filter(verb="conclude_review").count() == before + 1
        _away(panel, row)


def test_giving_up_the_seat_while_the_panel_concludes(
    race_world: World, call: Any, run_threads: Run, rounds: int
) -> None:
    """Whoever comes first: no access is left behind, and a locked sheet counts only with its seat."""
    world = race_world
    row = stage.several(world, call, 1, start=7800)[0]
    for _number in range(max(rounds // 5, 3)):
        panel = stage.opened(world, [row], ("expert", "expert2"))
        stage.admitted(world, panel, "expert", "expert2")
        stage.locked(world, panel, "expert", "80")
        stage.locked(world, panel, "expert2", "20")

        def act(which: int, panel: Panel = panel) -> Any:
            if which == 0:
                return panels.conclude(
                    actor=world.actor("city_handler"),
                    reference=panel.reference,
                    version=panel.version,
                    result=stage.result([row]),
                    at=START,
                )
            return seats.recuse(actor=world.actor("expert2"), reference=panel.reference, reason="回避", at=START)

        concluded, gone = settled(run_threads(2, act))
        assert not isinstance(concluded, Exception)
        score = PanelItem.objects.get(panel=panel).score
        assert score == (Decimal("50.00") if isinstance(gone, Exception) else Decimal("80.00"))
        assert not Grant.objects.live().exists()
        _away(panel, row)


def test_two_panels_convene_a_case_once(race_world: World, call: Any, run_threads: Run, rounds: int) -> None:
    world = race_world
    row = stage.several(world, call, 1, start=7900)[0]
    for _number in range(max(rounds // 5, 3)):
        panel = stage.laid_down(world, [row])

        def act(which: int, reference: str = panel.reference) -> Panel:
            actor = world.actor(["city_handler", "city_approver"][which])
            return panels.open_panel(actor=actor, reference=reference, at=START)

        outcomes = settled(run_threads(2, act))
        assert [isinstance(one, WrongState) for one in outcomes].count(True) == 1
        assert panel.seats.count() == 2
        assert Sheet.objects.filter(item__panel=panel).count() == 2
        _away(panel, row)


def test_two_officials_draw_once(race_world: World, call: Any, run_threads: Run, rounds: int) -> None:
    """The other is told that the panel has changed; the seats are those of the one draw on record (HLJ-16b)."""
    world = race_world
    stage.pool(world, 8)
    rows = stage.several(world, call, 2, start=8000)
    for _number in range(max(rounds // 5, 3)):
        panel = stage.laid_down(world, rows, (), drawn=True)

        def act(which: int, panel: Panel = panel) -> Draw:
            actor = world.actor(["city_handler", "city_approver"][which])
            given: dict[str, Any] = {"reference": panel.reference, "version": panel.version, "at": START}
            return draws.draw_members(actor=actor, asked=draws.Asked(places=3, per_case=2), **given)

        outcomes = settled(run_threads(2, act))
        assert [isinstance(one, Conflict) for one in outcomes].count(True) == 1
        made = panel.draws.get()
        assert [str(seat.user_id) for seat in panel.seats.order_by("pk")] == made.result["people"]
        panels.cancel(actor=world.actor("city_handler"), reference=panel.reference, at=START)


def test_a_vacant_seat_is_filled_once(race_world: World, call: Any, run_threads: Run, rounds: int) -> None:
    world, actor = race_world, race_world.actor("city_handler")
    stage.pool(world, 6)
    row = stage.several(world, call, 1, start=8100)[0]
    for _number in range(max(rounds // 5, 3)):
        panel = stage.opened(world, [row], ("expert", "expert2"))
        seats.recuse(actor=world.actor("expert2"), reference=panel.reference, reason="出差", at=START)
        gone = stage.seat_of(world, panel, "expert2").pk

        def act(_which: int, panel: Panel = panel, gone: int = gone) -> Draw:
            return draws.substitute(actor=actor, reference=panel.reference, seat_id=gone, at=START)

        outcomes = settled(run_threads(3, act))
        assert [isinstance(one, Refused) for one in outcomes].count(True) == 2
        assert panel.seats.filter(stands_for_id=gone).count() == 1
        assert panel.draws.count() == 1
        _away(panel, row)


def test_giving_up_while_locking(race_world: World, call: Any, run_threads: Run, rounds: int) -> None:
    """The seat is given up in any case; its sheets are locked or not, and never count."""
    world, actor = race_world, race_world.actor("expert")
    row = stage.several(world, call, 1, start=8200)[0]
    for _number in range(max(rounds // 5, 3)):
        panel = stage.opened(world, [row], ("expert", "expert2"))
        stage.admitted(world, panel, "expert")
        stage.filled(world, panel, "expert", "80")

        def act(which: int, reference: str = panel.reference) -> Any:
            if which == 0:
                return seats.lock(actor=actor, reference=reference, versions={row.reference: 1}, at=START)
            return seats.recuse(actor=actor, reference=reference, reason="回避", at=START)

        _locked, gone = settled(run_threads(2, act))
        assert not isinstance(gone, Exception)
        assert not Grant.objects.live().filter(user_id=actor.user_id).exists()
        assert not scores.counted(panel)
        _away(panel, row)


def _to_decide(world: World, row: Application) -> None:
    """Straight to the overall review: the panel has its own races."""
    Application.objects.filter(pk=row.pk).update(panel_score=Decimal(80))
    row.refresh_from_db()
    actor = world.actor("city_handler")
    cases.move(row, "convene", row.convene, actor=actor, at=START, desk=row.desk)
    cases.move(
        row,
        "conclude_review",
        row.conclude_review,
        actor=actor,
        at=START,
        desk=row.desk,
        to=State.DECIDING,
        step="decide",
    )


def _away(panel: Panel, row: Application) -> None:
    """Puts the case back for the next round."""
    Panel.objects.filter(pk=panel.pk).update(state=PanelState.CLOSED)
    Grant.objects.live().update(ended_at=START)
    Application.objects.filter(pk=row.pk).update(state=State.RECOMMENDED, step="panel")
