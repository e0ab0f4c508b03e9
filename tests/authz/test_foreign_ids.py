"""One's own page with somebody else's id in it: in the path, in the body, in a filter. Nothing is found, nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from applications.models import Application
from applications.services import batches, drafts
from applications.states import State
from greenlist.core.models import Notification
from greenlist.policy import selectors as policy
from greenlist.portal.demo.answers import PAPER
from registry.models import NoticeItem
from reviews.services import decisions, panels
from tests import factories
from tests.applications import county
from tests.authz import stage
from tests.authz.tally import Tally, places
from tests.authz.test_replay import content
from tests.registry import stage as registry
from tests.reviews import stage as reviews
from tests.world import World

pytestmark = [pytest.mark.authz, pytest.mark.django_db, pytest.mark.timeout(600)]
OTHER = "130322"


@dataclass
class Probe:
    """Somebody's own request with a foreign id. `status`: what it may answer; `hidden`: words it must not show."""

    who: str
    path: str
    body: dict[str, Any] | None = None  # None: a GET
    status: tuple[int, ...] = (404,)
    hidden: tuple[str, ...] = field(default_factory=tuple)


def twin(world: World, theirs: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    """What the neighbours hold themselves: 昌黎's firm and office, 石家庄's office, an expert of another panel."""
    call = Application.objects.get(reference=theirs["case"][0]).call
    draft = drafts.start(actor=world.actor("rival"), at=stage.AT, call_id=call.pk, site_id=world.sites["rival"].pk)
    firms = [county.firm(world, OTHER, 3950 + n) for n in range(2)]
    passed, waiting = (county.case(world, call, organisation=firm) for firm in firms)
    people = {"handler": "other_county_handler", "approver": "other_county_approver"}
    for one in (passed, waiting):
        county.passed(world, one, stage.AT, **people)
    handler = world.actor("other_county_handler")
    batch = batches.start(actor=handler, at=stage.AT, call=call)
    batches.add(actor=handler, at=stage.AT, reference=batch.reference, cases_=[passed.reference])
    return {"draft": draft.reference, "batch": batch.reference, "passed": passed.reference, **_city(world)}


def _city(world: World) -> dict[str, Any]:
    call = county.open_call(world, "shijiazhuang")
    area = world.areas["130104"]
    rows = [
        reviews.recommended(
            world, call, organisation=factories.organisation(area, f"桥西示例{n}有限公司", serial=3980 + n)
        )
        for n in range(3)
    ]
    city = world.actor("other_city_handler")
    prepared = reviews.laid_down(world, rows[:1], ["expert3"], at=stage.AT, handler="other_city_handler")
    opened = reviews.opened(world, rows[1:2], ["expert3"], at=stage.AT, handler="other_city_handler")
    reviews.admitted(world, opened, "expert3", at=stage.AT)
    done = reviews.opened(world, rows[2:], ["expert2"], at=stage.AT, handler="other_city_handler")
    reviews.admitted(world, done, "expert2", at=stage.AT)
    reviews.locked(world, done, "expert2", "88", at=stage.AT)
    done.refresh_from_db()
    panels.conclude(
        actor=city, reference=done.reference, version=done.version, result=reviews.result(rows[2:]), at=stage.AT
    )
    decision = decisions.create(actor=city, call=call, title="石家庄综合审查", at=stage.AT)
    return {
        "call": call.pk,
        "prepared": prepared,
        "opened": opened.reference,
        "decision": decision,
        "decided": rows[2].reference,
    }


def probes(world: World, theirs: dict[str, tuple[Any, ...]], mine: dict[str, Any]) -> list[Probe]:
    case = Application.objects.get(reference=theirs["case"][0])
    evidence, site = theirs["evidence"][1], theirs["site"][0]
    batch, draft, passed = mine["batch"], mine["draft"], theirs["passed"][0]
    call, panel, decision = theirs["call"][0], mine["prepared"], mine["decision"]
    hidden = (case.name, case.number)
    rival, office, city = "rival", "other_county_handler", "other_city_handler"
    item = NoticeItem.objects.filter(notice__reference=theirs["notice"][1]).values_list("pk", flat=True).get()
    message = Notification.objects.filter(recipient=world.user("county_handler")).values_list("pk", flat=True).first()
    plan = {"version": panel.version, "title": "换人", "kind": "experts", "pledge": reviews.PLEDGE}
    return [
        # an applicant
        Probe(rival, f"/cases/{draft}/files/{evidence}/"),
        Probe(rival, f"/cases/{draft}/files/{evidence}/remove/", {}),
        Probe(rival, f"/calls/{call}/apply/", {"site": site}),
        Probe(rival, f"/organisation/sites/{site}/", {"name": "我的", "area": "昌黎县", "address": "x"}),
        Probe(rival, f"/organisation/members/{theirs['membership'][0]}/end/", {}),
        Probe(rival, f"/organisation/members/{theirs['membership'][0]}/until/", {"ends_on": "2026-12-31"}),
        Probe(rival, f"/organisation/honours/{theirs['honour'][0]}/remove/", {}),
        Probe(rival, "/account/switch/", {"capacity": f"o{theirs['organisation'][0]}"}, (403,)),
        Probe(rival, f"/cases/{draft}/versions/2/changes/"),
        Probe(rival, "/inbox/read/", {"id": [message or 0]}, (302,)),
        Probe(rival, "/cases/", None, (200,), hidden),
        Probe(rival, f"/cases/?q={case.number}", None, (200,), (case.name,)),
        # the office of another county
        Probe(office, f"/batches/{batch}/add/", {"case": [passed]}),
        Probe(office, f"/batches/{batch}/add/", {"case": [mine["passed"], passed]}),
        Probe(office, f"/batches/{batch}/remove/", {"remove": passed}),
        Probe(office, f"/batches/{batch}/arrange/", {"order": f"{passed},{mine['passed']}"}, (404, 409, 422)),
        Probe(office, f"/batches/{batch}/arrange/", {"move": passed, "to": "up"}),
        Probe(office, f"/batches/{batch}/paper/", {"case": passed, "copies": 1}, (403, 404)),
        Probe(office, f"/batches/{batch}/return/{passed}/", {"reason": "x"}, (403, 404)),
        Probe(office, f"/organisation/adverse/new/?organisation={theirs['organisation'][0]}"),
        Probe(office, f"/desk/?q={case.number}", None, (200,), (case.name,)),
        Probe(office, f"/desk/?industry={case.industry_code}", None, (200,), hidden),
        Probe(office, f"/desk/?after=2020-01-01_{case.pk + 1}", None, (200,), hidden),
        Probe(office, f"/search/?q={case.number}", None, (200,), (case.name,)),
        Probe(office, f"/search/?q={case.name}", None, (200,), (case.number,)),
        Probe(office, f"/organisation/search/?q={case.code}", None, (200,), (case.name,)),
        # the office of another city
        Probe("hlj_city_handler", "/batches/start/", {"call": call}, (403, 404)),
        Probe(city, f"/reviews/panels/new/{call}/", {**plan, "applications": [theirs["case"][0]]}),
        Probe(city, f"/reviews/panels/{panel.reference}/edit/", {**plan, "applications": [theirs["sheet"][1]]}, (422,)),
        Probe(city, f"/reviews/panels/{mine['opened']}/seats/{theirs['excuse'][1]}/excuse/", {"reason": "x"}),
        Probe(city, f"/reviews/decisions/new/{call}/", {"title": "x"}),
        Probe(city, f"/reviews/decisions/{decision.reference}/leave-out/", {"case": theirs["decision_case"][0]}),
        Probe(
            city,
            f"/reviews/decisions/{decision.reference}/save/",
            {"version": decision.version, "title": "x", f"outcome-{theirs['decision_case'][0]}": "decline"},
            (302,),
        ),
        Probe(city, "/calls/new/", _call_of("qinhuangdao"), (403, 404, 422)),
        Probe(city, "/calls/new/?rules=qinhuangdao"),
        Probe(city, f"/registry/notices/new/{theirs['approved'][0]}/", {"title": "x", "text": "x"}),
        # an expert of another panel
        Probe("expert3", f"/reviews/seats/{mine['opened']}/units/{theirs['sheet'][1]}/"),
        Probe("expert3", f"/reviews/seats/{mine['opened']}/units/{theirs['sheet'][1]}/save/", {"score": "1"}),
        # the public: a notice of one place under another's address, a unit of another notice
        Probe("anonymous", f"/p/130100/notices/{theirs['notice'][1]}/"),
        Probe("anonymous", f"/p/130300/notices/{theirs['notice_draft'][0]}/"),
        Probe("anonymous", f"/p/130300/notices/{theirs['notice'][1]}/objection/{item + 1}/", {"name": "x"}),
        Probe("anonymous", f"/p/130100/listed/{theirs['listing'][1]}/"),
        Probe("anonymous", f"/p/130100/announcements/{theirs['announcement'][1]}/"),
        Probe("anonymous", f"/p/130300/announcements/{theirs['announcement_draft'][0]}/"),
        Probe("anonymous", f"/p/130100/calls/{call}/"),
    ]


def _call_of(place: str) -> dict[str, Any]:
    """Another city's rule set in the body of one's own form."""
    return {"version": policy.current(place).pk, "category": "factory", "year": 2028, "title": "借来的规则"}


def rows_of_the_case(world: World) -> dict[str, list[Any]]:
    """Every row there is, but sessions: none of these requests may change one, apart from the probing person's own."""
    skipped = ("sessions", "axes", "contenttypes", "auth", "admin", "policy")
    models = [one for one in apps.get_models() if one._meta.app_label not in skipped]
    return {one._meta.label: list(one._base_manager.order_by("pk").values()) for one in models}


@pytest.mark.case("AZ-04")
def test_a_foreign_id_finds_nothing_and_changes_nothing(
    world: World, _now: None, record_property: Callable[[str, Any], None]
) -> None:
    theirs = stage.objects(world)
    mine = twin(world, theirs)
    asked = probes(world, theirs, mine)
    clients = {who: world.client(who) for who in {probe.who for probe in asked}}
    before = rows_of_the_case(world)
    wrong = []
    tally = Tally("foreign ids")
    for probe in asked:
        client = clients[probe.who]
        with transaction.atomic():
            answer = client.get(probe.path) if probe.body is None else client.post(probe.path, probe.body)
            method = "GET" if probe.body is None else "POST"
            tally.asked(probe.who, method, probe.path, answer, places(probe.path, probe.body, method))
            text = content(answer)
            after = rows_of_the_case(world) if probe.body is not None else before
            transaction.set_rollback(True)
        name = f"{probe.who} {probe.path} {probe.body or ''}"
        if answer.status_code not in probe.status:
            wrong.append(f"{name}: {answer.status_code}")
        wrong += [f"{name} shows {word}" for word in probe.hidden if word in text]
        wrong += [
            f"{name} changed {label}" for label in before if _changed(before[label], after[label], probe, decision=mine)
        ]
    record_property("replay", tally.told(len(wrong)))
    assert wrong == [], "\n".join(wrong)


def _changed(before: list[Any], after: list[Any], probe: Probe, decision: dict[str, Any]) -> bool:
    """Rows of others that differ: what the city saves of its own decision is its own affair."""
    if before == after:
        return False
    if probe.path.endswith("/save/") and probe.who == "other_city_handler":
        own = decision["decision"].pk
        return [
            one for one in before if one not in after and one.get("id") != own and one.get("decision_id") != own
        ] != []
    return True


@pytest.mark.case("AZ-04")
def test_what_the_probes_carry_works_for_whom_it_belongs_to(world: World, _now: None) -> None:
    """The same requests with one's own ids succeed: the refusals above are about the ids."""
    theirs = stage.objects(world)
    handler, applicant = world.client("county_handler"), world.client("applicant")
    batch, passed = theirs["batch"][0], theirs["passed"][0]
    assert handler.post(f"/batches/{batch}/add/", {"case": [theirs["waiting"][0]]}).status_code == 302
    assert handler.post(f"/batches/{batch}/arrange/", {"move": passed, "to": "down"}).status_code == 302
    assert handler.post(f"/batches/{batch}/remove/", {"remove": passed}).status_code == 302
    draft, evidence = theirs["evidence"]
    answer = applicant.get(f"/cases/{draft}/files/{evidence}/")
    assert answer.status_code == 200
    assert "%PDF" in content(answer)
    assert applicant.post(f"/cases/{draft}/files/{evidence}/remove/").status_code == 302
    upload = SimpleUploadedFile("新执照.pdf", PAPER, "application/pdf")
    url = f"/cases/{draft}/fill/conditions/registered_evidence/files/"
    assert applicant.post(url, {"file": upload}).status_code == 302
    assert Application.objects.get(reference=passed).state == State.PASSED
    assert registry.PUBLISHED < stage.NOW
