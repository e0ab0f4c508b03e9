"""What an organisation becomes by a change that authorities have confirmed; earlier names stay known and are found."""

from collections.abc import Mapping
from datetime import date, datetime

from django.db import transaction

from greenlist.core import audit
from greenlist.core.actors import Actor
from greenlist.organisations import rules
from greenlist.organisations.models import Name, Organisation, Site

# kind of change → field, and the most it holds
FIELDS = {"legal_representative": ("legal_representative", 60), "scope": ("products", 200)}


@transaction.atomic
def follow_change(
    *, organisation_id: int, site_id: int, values: Mapping[str, str], on: date, actor: Actor, at: datetime
) -> Organisation:
    """Name, legal representative, main products and production address as confirmed; twice changes nothing more."""
    row = Organisation.objects.select_for_update(of=("self",)).get(pk=organisation_id)
    site = Site.objects.select_for_update(of=("self",)).get(pk=site_id)
    before: dict[str, str] = {}
    if name := rules.clean_name(values.get("name", ""))[: rules.LONGEST_NAME]:
        before |= _rename(row, name, on)
    for kind, (field, most) in FIELDS.items():
        new = values.get(kind, "")[:most]
        if new and getattr(row, field) != new:
            before[kind] = getattr(row, field)
            setattr(row, field, new)
    row.save()
    if (address := values.get("address", "")[:200]) and site.address != address:
        before["address"] = site.address
        site.address = address
        site.save(update_fields=["address"])
    if before:
        data = {"before": before, "after": {kind: values[kind] for kind in before}}
        audit.record(actor=actor, subject=("organisation", row.pk), action="organisation.followed", at=at, data=data)
    return row


def _rename(row: Organisation, name: str, on: date) -> dict[str, str]:
    if row.name == name:
        return {}
    was, known = row.name, row.names.filter(valid_until=None)
    if not known.exists():
        Name.objects.create(organisation=row, text=was)
    row.names.filter(valid_until=None).update(valid_until=on)
    row.former = "\n".join(one for one in dict.fromkeys([*row.former.splitlines(), was]) if one != name)
    row.name = name
    Name.objects.create(organisation=row, text=name, valid_from=on)
    return {"name": was}


@transaction.atomic
def hand_site_over(*, site_id: int, to: Organisation, actor: Actor, at: datetime) -> Site:
    """After a merger or a split the site, and with it its titles, belongs to the successor."""
    site = Site.objects.select_for_update(of=("self",)).get(pk=site_id)
    was = site.organisation_id
    if was == to.pk:
        return site
    site.organisation, site.is_default = to, not to.sites.filter(is_default=True).exists()
    site.save(update_fields=["organisation", "is_default"])
    data = {"site": site.pk, "from": was, "to": to.pk}
    audit.record(actor=actor, subject=("organisation", was), action="site.handed_over", at=at, data=data)
    audit.record(actor=actor, subject=("organisation", to.pk), action="site.taken_over", at=at, data=data)
    return site
