"""Documents are made once, by the worker, whatever happens to broker, worker and rights on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage

from greenlist.core import attachments, dispatch, rendering
from greenlist.core.actors import ANONYMOUS
from greenlist.core.documents import PdfFailed
from greenlist.core.errors import NotVisible
from greenlist.core.models import Blob, Notification, RenderJob
from tests.world import World

State = RenderJob.State
MINUTE = timedelta(minutes=1)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the maker of the kind "test" was asked for; each document is a blob of its own."""
    asked: list[str] = []

    def make(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
        asked.append(job.subject)
        return attachments.store_bytes(name="a.pdf", content=b"%PDF-", content_type="application/pdf", at=at)

    monkeypatch.setitem(rendering._makers, "test", make)
    return asked


def fails(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    def make(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
        raise failure

    monkeypatch.setitem(rendering._makers, "test", make)


def ask(at: datetime, subject: str = "1", actor: Any = ANONYMOUS) -> Any:
    return rendering.ask(kind="test", subject=subject, digest="d", actor=actor, at=at)


def job_of(subject: str = "1") -> RenderJob:
    return RenderJob.objects.get(kind="test", subject=subject)


@pytest.mark.django_db
def test_however_often_it_is_asked_for_it_is_made_once(made: list[str], now: datetime) -> None:
    first = ask(now)
    assert isinstance(first, RenderJob)
    assert ask(now) == first
    assert (rendering.sweep(at=now), rendering.sweep(at=now)) == (1, 0)
    blob = ask(now)
    assert isinstance(blob, Blob)
    assert ask(now + timedelta(hours=5)) == blob
    assert made == ["1"]
    assert rendering.ask(kind="test", subject="1", digest="other data", actor=ANONYMOUS, at=now) != blob


@pytest.mark.django_db(transaction=True)
def test_a_lost_message_costs_no_document(made: list[str], now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is woken after the commit; when the broker is gone the sweep finds the row."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(dispatch, "send", lambda task, **given: sent.append({"task": task.name, **given}) or False)
    job = ask(now)
    assert sent == [{"task": "greenlist.core.tasks.render_document", "job": job.pk}]
    ask(now)
    assert len(sent) == 1  # a poll wakes nobody
    assert rendering.sweep(at=now) == 1
    assert isinstance(ask(now), Blob)


@pytest.mark.django_db
def test_a_document_whose_worker_died_is_taken_up_again_and_given_up_in_the_end(made: list[str], now: datetime) -> None:
    ask(now)
    for number in range(rendering.TRIES):
        at = now + number * 10 * MINUTE
        assert rendering._claimed(job_of().pk, at) is not None  # and then its process is killed
        assert rendering.sweep(at=at + MINUTE) == 0  # it may be at work still
    assert rendering.sweep(at=now + 60 * MINUTE) == 1
    assert (job_of().state, job_of().failure, made) == (State.FAILED, "worker_lost", [])


@pytest.mark.django_db
def test_a_worker_that_was_taken_for_dead_changes_nothing(made: list[str], now: datetime) -> None:
    ask(now)
    late = rendering._claimed(job_of().pk, now)
    assert late is not None
    assert rendering.run(pk=late.pk, at=now + 10 * MINUTE)
    mine = job_of().blob
    assert not rendering._close(late, now, state=State.FAILED, failure="error")
    assert (job_of().state, job_of().blob) == (State.DONE, mine)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_many_workers_and_askers_one_makes_it(
    made: list[str], now: datetime, run_threads: Callable[..., list[Any]]
) -> None:
    asked = run_threads(4, lambda number: ask(now).pk)
    assert len(set(asked)) == 1, asked
    assert sorted(run_threads(4, lambda number: rendering.run(pk=asked[0], at=now))) == [False, False, False, True]
    assert made == ["1"]


@pytest.mark.case("DO-03")
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("failure", "state", "word"),
    [
        (PdfFailed("x", code="pdf_limit"), State.FAILED, "pdf_limit"),
        (ValueError("a fault of ours"), State.FAILED, "error"),
        (NotVisible(), State.REFUSED, "not_found"),
    ],
)
def test_a_document_that_cannot_be_made_says_why_and_the_queue_goes_on(
    failure: Exception, state: str, word: str, now: datetime, monkeypatch: pytest.MonkeyPatch, made: list[str]
) -> None:
    good = rendering._makers["test"]
    fails(monkeypatch, failure)
    ask(now)
    assert rendering.sweep(at=now) == 1
    assert (job_of().state, job_of().failure) == (state, word)
    assert rendering.sweep(at=now + MINUTE) == 0  # not by itself
    monkeypatch.setitem(rendering._makers, "test", good)
    ask(now, "2")
    assert rendering.sweep(at=now) == 1
    assert job_of("2").state == State.DONE
    assert ask(now + MINUTE / 2).state == state  # soon after it stands as it is
    assert ask(now + 2 * MINUTE).state == State.WAITING
    assert rendering.sweep(at=now + 2 * MINUTE) == 1
    assert isinstance(ask(now + 2 * MINUTE), Blob)


@pytest.mark.django_db
def test_what_was_refused_to_one_is_made_for_the_next(
    now: datetime, monkeypatch: pytest.MonkeyPatch, made: list[str], world: Any
) -> None:
    good = rendering._makers["test"]
    fails(monkeypatch, NotVisible())
    ask(now, actor=world.actor("county_handler"))
    rendering.sweep(at=now)
    monkeypatch.setitem(rendering._makers, "test", good)
    assert ask(now, actor=world.actor("county_handler")).state == State.REFUSED
    again = ask(now, actor=world.actor("county_approver"))
    assert (again.state, again.user_id) == (State.WAITING, world.actor("county_approver").user_id)


@pytest.mark.django_db
def test_a_package_tells_how_far_it_is_and_keeps_its_lease(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def make(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> None:
        for done in range(3):
            tick(done, 3)
            seen.append((job_of().done, job_of().total, job_of().claimed_until is not None))

    monkeypatch.setitem(rendering._makers, "test", make)
    ask(now)
    rendering.sweep(at=now)
    assert seen == [(0, 3, True), (1, 3, True), (2, 3, True)]
    assert job_of().state == State.DONE
    assert ask(now).state == State.WAITING  # the app looks for its document first; it is gone, so it is made again


@pytest.mark.django_db(transaction=True)
def test_drafts_go_with_their_file_and_nothing_else_does(made: list[str], now: datetime) -> None:
    ask(now)
    rendering.sweep(at=now)
    other = attachments.store_bytes(name="b.pdf", content=b"%PDF-", content_type="application/pdf", at=now)
    blob = ask(now)
    assert rendering.forget(at=now + timedelta(days=2)) == 0
    assert default_storage.exists(blob.key)
    assert rendering.forget(at=now + timedelta(days=4)) == 1
    assert not RenderJob.objects.exists()
    assert not default_storage.exists(blob.key)
    assert list(Blob.objects.all()) == [other]
    assert default_storage.exists(other.key)


@pytest.mark.django_db
def test_every_kind_has_its_maker_also_in_a_worker_that_loaded_no_page() -> None:
    for kind in ("report", "report-draft", "report-template", "annex-table", "batch", "batch-draft"):
        assert rendering._maker(kind)
    for kind in ("panel", "decision", "notice", "announcement", "certificate"):
        assert rendering._maker(kind)
    with pytest.raises(KeyError):
        rendering._maker("unknown")


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "told"), [(5, 0), (25, 1)])
def test_who_waited_long_is_told_that_the_document_is_ready(
    made: list[str], world: World, now: datetime, seconds: int, told: int
) -> None:
    """By a message in the portal with the way back; who got it at once is not bothered, nor is anybody else."""
    job = ask(now, actor=world.actor("city_handler"))
    rendering.waited_for(job, title="评审意见", address="/reviews/panels/x/documents/opinion/")
    rendering.waited_for(job, title="再次打开", address="/elsewhere/")
    ask(now, "2", world.actor("city_handler"))  # nobody waits for this one
    assert rendering.sweep(at=now + timedelta(seconds=seconds)) == 2
    found = list(Notification.objects.filter(kind="document.ready"))
    assert [(row.recipient_id, row.channel, row.link) for row in found] == [
        (world.user("city_handler").pk, "portal", "/reviews/panels/x/documents/opinion/")
    ] * told
    assert all("评审意见" in str(row.params) for row in found)
