"""What everybody may read names offices, never persons: no telephone, no e-mail, no contact of a firm (PR-07)."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from greenlist.accounts.models import User
from greenlist.organisations.models import Organisation
from tests.authz import matrix, stage
from tests.authz.test_replay import content
from tests.world import World

pytestmark = [pytest.mark.authz, pytest.mark.django_db, pytest.mark.timeout(600)]
CONTACT = {"contact_name": "隐名联系人", "contact_phone": "13877776666", "contact_email": "canary@person.example"}


def personal() -> set[str]:
    """Everything that leads to a person."""
    found = set(CONTACT.values())
    for user in User.objects.all():
        found |= {user.email, user.phone}
    return found - {""}


@pytest.mark.case("PR-07")
def test_no_public_address_tells_how_to_reach_a_person(world: World, _now: None) -> None:
    objects = stage.objects(world)
    for firm in Organisation.objects.all():
        for name, value in CONTACT.items():
            setattr(firm, name, value)
        firm.save()
    marks = personal()
    own = world.client("applicant").get(reverse("organisations:profile")).content.decode()
    assert CONTACT["contact_phone"] in own, "whom it concerns reads it"
    asked, faults = 0, []
    client = Client(headers={"Accept-Language": "zh-CN"})
    for row in matrix.ROWS:
        if "GET" in row.methods and "anonymous" in row.ok:
            text = content(client.get(reverse(row.name, args=objects[row.key])))
            faults += [f"{row.name} shows {mark}" for mark in marks if mark in text]
            asked += 1
    assert not faults, "\n".join(faults)
    assert asked > 20
