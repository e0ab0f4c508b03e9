"""Each request of the story made again by everybody else, just before it succeeds for whom it is meant (R2, AZ-04).

Replayed at the moment when it would work: what protects it is who asks, not the state of things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import resolve, reverse

from applications.models import Evidence
from greenlist.accounts.models import SignIn
from greenlist.accounts.states import Scope
from greenlist.core import clock
from tests.api.keys import Program, program
from tests.applications import filled
from tests.applications.county import load_rules
from tests.authz import matrix
from tests.authz.tally import Tally, kind, places
from tests.journeys.browsing import Sent
from tests.journeys.places import QINHUANGDAO
from tests.journeys.story import SECRETS, Story
from tests.world import World

# `once`: thousands of requests about who asks, which no database answers differently; the story itself runs on both.
pytestmark = [pytest.mark.authz, pytest.mark.once, pytest.mark.django_db, pytest.mark.timeout(1200)]

# Who has no part in the case of the story. `applicant` and `colleague` belong to another firm of the same county.
OUTSIDERS = tuple(
    """anonymous stranger applicant rival other_applicant hlj_applicant other_county_handler other_county_approver
    sjz_county_handler other_city_handler other_city_approver province_handler hlj_city_handler expert3
    conflicted_expert supervisor ecology administrator security_administrator audit_administrator""".split()
)
# Of those who stand alike to the case one looks at its pages for all; what is sent is tried by each of them.
LOOKERS = tuple(
    one
    for one in OUTSIDERS
    if one
    not in ("other_applicant", "hlj_applicant", "sjz_county_handler", "other_county_approver", "other_city_approver")
)
# Who has one, but not each other's. Part in the story → persona of the matrix.
INSIDERS = {
    "county_handler": "county_handler",
    "county_approver": "county_approver",
    "city_handler": "city_handler",
    "city_approver": "city_approver",
    "expert": "expert",
}
AS_IN_MATRIX = {  # an outsider → the persona that stands to the case as they do
    "applicant": "rival",
    "other_applicant": "rival",
    "hlj_applicant": "rival",
    "sjz_county_handler": "other_county_handler",
}
SESSION_TABLES = ("django_session", "axes_", "accounts_signin")
TOKEN_TABLES = {"accounts_apitoken", "core_use"}  # when it was last used, how many files it has sent
SCANNED_BY = (
    "anonymous",
    "stranger",
    "rival",
    "other_county_handler",
    "other_county_approver",
    "other_city_handler",
    "expert3",
    "administrator",
    "security_administrator",
    "audit_administrator",
)
DENIED = {403, 404}
TRAIL = {"core_auditentry", "core_auditpayload", "core_chainhead"}  # a look at an objection, a refused token: recorded


class Writes:
    """Notes which tables a request writes to; sessions do not count."""

    def __init__(self) -> None:
        self.tables: set[str] = set()

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        verb, _, rest = sql.lstrip().partition(" ")
        if verb.upper() in ("INSERT", "UPDATE", "DELETE"):
            table = (
                rest.replace("OR IGNORE ", "")
                .replace("INTO ", "")
                .replace("FROM ", "")
                .strip()
                .split(" ")[0]
                .strip('"')
            )
            if not table.startswith(SESSION_TABLES):
                self.tables.add(table)
        return execute(sql, params, many, context)


@contextmanager
def undone() -> Iterator[Writes]:
    """What happens inside is taken back."""
    seen = Writes()
    with connection.execute_wrapper(seen), transaction.atomic():
        yield seen
        transaction.set_rollback(True)


def content(answer: Any) -> str:
    """Everything a browser would get: status line apart, headers and body."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return "\n".join([*(f"{name}: {value}" for name, value in answer.items()), body.decode("utf-8", "replace")])


class Replay:
    """Makes each request of the story again as everybody else, and keeps what went wrong."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.story = Story(world, QINHUANGDAO, before=self.again)
        self.day: date | None = None
        self.clients: dict[str, Client] = {}
        self.sign_ins: dict[str, int] = {}
        self.faults: list[str] = []
        self.seen: set[tuple[str, str, str, tuple[str, ...]]] = set()
        self.tally = Tally("pages")
        self.tokens = Tally("tokens")
        self.programs: dict[str, Program] = {}
        self.rows = {(row.name, method): row for row in matrix.ROWS for method in row.methods}

    # ---- who asks ---------------------------------------------------------------------------------------------------
    def client(self, character: str) -> Client:
        """Signed in on the present day of the story: sessions of last month are over."""
        today = clock.china_date(clock.now())
        if self.day != today:
            self.day, self.clients = today, {}
        if character not in self.clients:
            self.clients[character] = self.world.client(character)
            if character != "anonymous":
                self.sign_ins[character] = self.clients[character].session["sign_in"]
        return self.clients[character]

    def again(self, sent: Sent) -> None:
        ended = set(SignIn.objects.exclude(ended_at=None).values_list("pk", flat=True))
        for character in [one for one in self.clients if self.sign_ins.get(one) in ended]:
            del self.clients[character]  # the story's own officer has signed in, which ends other sessions
        for character in {*OUTSIDERS, *(self.story.place.people[part] for part in INSIDERS)}:
            self.client(character)  # signs in here, so that taking back what they do does not sign them out
        name = resolve(sent.path).view_name
        once = (sent.character, sent.method, sent.path, tuple(sorted(sent.data)))
        if once in self.seen and sent.method == "GET":
            return
        self.seen.add(once)
        row = self.rows.get((name, sent.method))
        assert row is not None, f"{name} {sent.method} is not in the matrix"
        if row.ok == matrix.PERSONAS:
            self._public(sent)
            return
        for character in OUTSIDERS if sent.method == "POST" else LOOKERS:
            self._outsider(character, sent, row)
        self._by_token(sent)
        if sent.method == "POST":
            for part, persona in INSIDERS.items():
                if part != sent.character and row.expected(persona) != "ok":
                    self._refused(self.story.place.people[part], sent, self.story.place.people[part])

    def _public(self, sent: Sent) -> None:
        """A public page shows no secret, whoever looks."""
        if sent.method == "GET":
            with undone():
                self._silent("anonymous", sent, self._ask("anonymous", sent), public=True)

    def _outsider(self, character: str, sent: Sent, row: matrix.Row) -> None:
        persona = AS_IN_MATRIX.get(character, character)
        if row.expected(persona) != "ok":
            self._refused(character, sent, character)
            return
        if row.key and row.key != "call":
            return  # somebody above the county, who may: the matrix says so
        before = self.fingerprint()
        with undone() as writes:
            answer = self._ask(character, sent)
            self._silent(character, sent, answer)
            if writes.tables and self.fingerprint() != before:
                self._fault(character, sent, f"changed the case through {sorted(writes.tables)}")

    def _refused(self, character: str, sent: Sent, who: str) -> None:
        with undone() as writes:
            answer = self._ask(character, sent)
            to_login = answer.status_code == 302 and answer["Location"].startswith("/account/login/")
            denied = answer.status_code in DENIED if character != "anonymous" else to_login
            if not denied:
                self._fault(who, sent, f"answered {answer.status_code}")
            if changed := writes.tables - (set() if character in OUTSIDERS else TRAIL):
                self._fault(who, sent, f"wrote {sorted(changed)}")
            if character in OUTSIDERS:
                self._silent(character, sent, answer)

    def _ask(self, character: str, sent: Sent) -> Any:
        client = self.client(character)
        kept = client.cookies.copy()
        answer = sent.again(client)
        client.cookies = kept
        self.tally.asked(character, sent.method, sent.path, answer, places(sent.path, sent.data, sent.method))
        return answer

    # ---- by token -----------------------------------------------------------------------------------------------------
    def program(self, character: str) -> Program:
        """With a token that says it may do everything, also for those to whom no token is given."""
        if character not in self.programs:
            self.programs[character] = program(self.world, character, [one.value for one in Scope])
        return self.programs[character]

    def _by_token(self, sent: Sent) -> None:
        """No page opens to a token, not even to one of the person whose request it is."""
        character = self.story.place.people.get(sent.character)
        if character is None:  # the firm that registers in the story has no token
            return
        who = self.program(character)
        with undone() as writes:
            answer = sent.again(who.client, {"Authorization": f"Bearer {who.token}"})
            self.tokens.asked(character, sent.method, sent.path, answer, places(sent.path, sent.data, sent.method))
            if kind(answer) != "login" or writes.tables:
                self._fault(f"a token of {character}", sent, f"answered {answer.status_code}, wrote {writes.tables}")

    def ask_the_api(self) -> None:
        """Every operation of the API that names the case, its files or its batch, by a program of everybody else."""
        objects = self._named()
        for row in matrix.API:
            if not row.scope or (row.key and row.key not in objects):
                continue
            if not (row.key or row.body or "GET" in row.methods):
                continue  # names nothing of the case: the matrix says who may
            path = reverse(row.name, args=objects.get(row.key, ()))
            for method in row.methods:
                body = {**row.sent, **{name: objects[key][0] for name, key in row.body.items()}}
                for character in OUTSIDERS:
                    self._program(character, row, Sent("the firm", method, path, body))

    def _named(self) -> dict[str, tuple[Any, ...]]:
        """Keys of the matrix → the story's own objects; `body` values come from them too."""
        story, case = self.story, self.story.reference
        evidence = Evidence.objects.filter(report__application=story.case).values_list("reference", flat=True).first()
        found: dict[str, tuple[Any, ...]] = {
            **dict.fromkeys(("case", "draft", "outcome"), (case,)),
            "section": (case, "basic"),
            "upload": (case, "conditions", "registered_evidence"),
            "evidence": (case, evidence),
            "call": (story.call.pk,),
            "site": (story.case.site_id,),
        }
        if hasattr(story, "batch"):
            found |= dict.fromkeys(("batch", "sent"), (story.batch.reference,))
        return found

    def _program(self, character: str, row: matrix.ApiRow, sent: Sent) -> None:
        who = self.program(character)
        body = sent.data if sent.method != "GET" else None
        with undone() as writes:
            if sent.method == "UPLOAD":
                answer = who.upload(sent.path, filled.picture("新证.png"))
            else:
                answer = who.ask(sent.method, sent.path, body, If_Match='"0"')
            method = "POST" if sent.method == "UPLOAD" else sent.method
            self.tokens.asked(character, method, sent.path, answer, places(sent.path, body, method))
            self._silent(character, sent, answer)
            own = not row.key and sent.method == "GET"  # a list of one's own: empty, and silent about the case
            if not own and answer.status_code not in {401, *DENIED}:
                self._fault(f"a token of {character}", sent, f"answered {answer.status_code}")
            if changed := writes.tables - TOKEN_TABLES - TRAIL:
                self._fault(f"a token of {character}", sent, f"wrote {sorted(changed)}")

    # ---- what must not be seen --------------------------------------------------------------------------------------
    def words(self, character: str, path: str, *, public: bool = False) -> dict[str, str]:
        """Secrets, and the marks of the case until the notice makes them public."""
        found = dict(SECRETS)
        if path.startswith("/objections/"):
            found.pop("reasons")  # the objector reads them under the receipt's own address
        case = getattr(self.story, "case", None)
        if case is not None and case.number:
            found["number"] = case.number
        may_know = character == "province_handler" and path.startswith(("/organisation/", "/search/"))
        if not (public or hasattr(self.story, "notice") or may_know):
            found["firm"] = QINHUANGDAO.firm
        return found

    def _silent(self, character: str, sent: Sent, answer: Any, *, public: bool = False) -> None:
        text = content(answer)
        asked = f"{sent.data}{sent.path}"
        for what, word in self.words(character, sent.path, public=public).items():
            if word in text and word not in asked:
                self._fault(character, sent, f"shows {what}")

    def _fault(self, character: str, sent: Sent, what: str) -> None:
        self.faults.append(f"{character} in place of {sent.character}: {sent.method} {sent.path} {what}")

    def fingerprint(self) -> dict[str, Any]:
        """The story's rows as they stand."""
        found: dict[str, Any] = {}
        for name in ("firm", "call", "case", "batch", "panel", "decision", "notice", "objection"):
            one = getattr(self.story, name, None)
            if one is not None:
                found[name] = type(one).objects.filter(pk=one.pk).values().first()
        return found

    # ---- the scan (AZ-04) ---------------------------------------------------------------------------------------------
    def scan(self) -> None:
        """Lists, searches, counts, messages and files of those elsewhere hold no mark of the case."""
        case = self.story.case
        asked = [(row.name, (), {}) for row in matrix.ROWS if not row.key and "GET" in row.methods and not row.body]
        for word in (QINHUANGDAO.firm, case.number, case.code, QINHUANGDAO.firm[2:6]):
            for name in (
                "portal:search",
                "applications:cases",
                "applications:desk",
                "organisations:search",
                "registry:lists",
            ):
                asked.append((name, (), {"q": word}))
        asked += [("registry:download", (kind,), {}) for kind in ("csv", "json")]
        asked += [("organisations:industries", (), {"q": "示例"}), ("applications:desk", (), {"industry": "39"})]
        for character in SCANNED_BY:
            self.client(character)
            for name, parts, query in asked:
                sent = Sent("scan", "GET", reverse(name, args=parts), query)
                with undone():
                    self._silent(character, sent, self._ask(character, sent))


@pytest.mark.journey
@pytest.mark.case("AZ-04")
def test_what_one_does_nobody_else_can_do_or_see(world: World, record_property: Callable[[str, Any], None]) -> None:
    load_rules()
    replay = Replay(world)
    story = replay.story
    stations = (
        story.open_the_call,
        story.register,
        story.confirm_the_claim,
        story.start_and_fill,
        story.submit,
        story.return_for_correction,
        story.correct,
        story.pass_and_sign,
        story.second_unit,
        story.recommend,
        story.receive,
        story.convene,
        story.score,
        story.conclude,
        story.decide,
        story.give_notice,
        story.object,
        story.close_and_announce,
        story.settle_and_supplement,
        story.look_it_up,
    )
    for station in stations:
        station()
        day = {story.submit: "submit", story.recommend: "send", story.conclude: "conclude"}.get(station)
        if day is not None:
            with story.on(day):
                replay.scan()
                replay.ask_the_api()
    by_token = sum(fault.startswith("a token") for fault in replay.faults)
    record_property("replay", replay.tally.told(len(replay.faults) - by_token))
    record_property("replay", replay.tokens.told(by_token))
    assert replay.faults == [], "\n".join(sorted(set(replay.faults))[:60])
    assert replay.tally.requests > 1000
    assert replay.tally.actors | {"applicant"} >= set(OUTSIDERS)
    assert replay.tokens.actors >= set(OUTSIDERS)


def test_the_scan_would_find_a_leak(world: World) -> None:
    """The canary works: the handler whose case it is does see the words."""
    load_rules()
    story = Story(world, QINHUANGDAO)
    for station in (story.open_the_call, story.register, story.confirm_the_claim, story.start_and_fill, story.submit):
        station()
    with story.on("submit"):
        replay = Replay(world)
        replay.story = story
        replay.client("county_handler")
        sent = Sent("county_handler", "GET", reverse("applications:review", args=[story.reference]), {})
        with undone():
            replay._silent("county_handler", sent, replay._ask("county_handler", sent))
    assert any("shows report" in fault for fault in replay.faults)
