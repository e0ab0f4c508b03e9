"""Life after listing: one module per subject, all names are given on here."""

from dynamics.models.changes import Change, ChangeFile
from dynamics.models.cultivation import (
    BodyMatch,
    CultivationFiling,
    CultivationNote,
    CultivationObject,
    CultivationTag,
    CultivationTarget,
    CultivationVisit,
    Training,
    TrainingPlace,
)
from dynamics.models.incidents import Incident, IncidentNote, IncidentTold
from dynamics.models.inspections import Inspection, InspectionFile, InspectionPlan
from dynamics.models.rectifications import Rectification, RectificationProof
from dynamics.models.removals import Hearing, Removal, RemovalFile, RemovalNote
from dynamics.models.showing import Experience, PublicPart
from dynamics.models.tips import Tip, TipHandler, TipLook
from dynamics.models.upward import UpwardNote, UpwardRequest
from dynamics.models.yearly import Cycle, DeadlineMove, OpinionReport, YearlyOpinion, YearlyReport, YearlyScore

__all__ = [
    "BodyMatch",
    "Change",
    "ChangeFile",
    "CultivationFiling",
    "CultivationNote",
    "CultivationObject",
    "CultivationTag",
    "CultivationTarget",
    "CultivationVisit",
    "Cycle",
    "DeadlineMove",
    "Experience",
    "Hearing",
    "Incident",
    "IncidentNote",
    "IncidentTold",
    "Inspection",
    "InspectionFile",
    "InspectionPlan",
    "OpinionReport",
    "PublicPart",
    "Rectification",
    "RectificationProof",
    "Removal",
    "RemovalFile",
    "RemovalNote",
    "Tip",
    "TipHandler",
    "TipLook",
    "Training",
    "TrainingPlace",
    "UpwardNote",
    "UpwardRequest",
    "YearlyOpinion",
    "YearlyReport",
    "YearlyScore",
]
