"""Who acts: one person in one capacity, never the union of what they may be. Plain data, no queries."""

from dataclasses import dataclass, field
from enum import StrEnum


class Capacity(StrEnum):
    PUBLIC = "public"  # nobody signed in
    NONE = "none"  # signed in, holds nothing yet
    APPLICANT = "applicant"
    HANDLER = "handler"
    APPROVER = "approver"
    EXPERT = "expert"
    SUPERVISOR = "supervisor"
    DEPARTMENT = "department"
    ADMINISTRATOR = "administrator"  # of the system: places, calendar, rules
    SECURITY = "security"  # administrator of people, mandates, tokens
    AUDITOR = "auditor"  # administrator who reads the audit trail and writes nothing
    SYSTEM = "system"  # a task or a command


class Tier(StrEnum):
    COUNTY = "county"
    CITY = "city"
    PROVINCE = "province"
    NATION = "nation"

    @property
    def rank(self) -> int:
        """1 for a county up to 4 for the nation."""
        return {"county": 1, "city": 2, "province": 3, "nation": 4}[self.value]


OFFICIALS = frozenset({Capacity.HANDLER, Capacity.APPROVER})
# Given by a mandate: these prove themselves twice, and their passwords follow the grading rules (MLPS 8.1.4.1).
ENTRUSTED = frozenset(Capacity) - {Capacity.PUBLIC, Capacity.NONE, Capacity.APPLICANT, Capacity.SYSTEM}


@dataclass(frozen=True)
class Actor:
    """A person in one capacity; `key` names the capacity in the role switcher and the session."""

    capacity: Capacity
    key: str = ""
    user_id: int | None = None
    name: str = ""
    authority_id: int | None = None
    authority_name: str = ""
    tier: Tier | None = None
    area_path: str = ""  # the authority's area, e.g. "/130000/130300/"; everything below starts with it
    list_kind: str = ""  # a mandate may be limited to one list category
    organisation_id: int | None = None
    organisation_name: str = ""
    is_owner: bool = False  # of the organisation
    is_body: bool = False  # the organisation is a third-party body: it evaluates and never applies
    remote: str = field(default="", compare=False)

    @property
    def is_official(self) -> bool:
        return self.capacity in OFFICIALS

    @property
    def is_signed_in(self) -> bool:
        return self.user_id is not None

    def as_record(self) -> dict:
        """What the audit trail and the timeline keep of an actor."""
        return {
            "user": self.user_id,
            "name": self.name,
            "capacity": self.capacity.value,
            "authority": self.authority_id,
            "authority_name": self.authority_name,
            "organisation": self.organisation_id,
            "organisation_name": self.organisation_name,
        }


ANONYMOUS = Actor(capacity=Capacity.PUBLIC)
SYSTEM = Actor(capacity=Capacity.SYSTEM, key="system", name="system")
