"""The tables of a case file: every key with its range, clinical unit, source and provenance tag."""

from experiments.sections.base import Endplate, Region, Section, Side, Site, Wall
from experiments.sections.fluids import Cement, Marrow
from experiments.sections.output import Mechanics, Output
from experiments.sections.patient import Bone, LabelMap, Mesh, Patient
from experiments.sections.prescribed import CementShape, PrescribedCement
from experiments.sections.procedure import Bolus, Injection, Needle
from experiments.sections.tissue import Cavity, Lesion, SemiAxes, Veins
from experiments.sections.walls import Defect, Outlets, OutletShares, Outside, Walls

__all__ = [
    "Bolus",
    "Bone",
    "Cavity",
    "Cement",
    "CementShape",
    "Defect",
    "Endplate",
    "Injection",
    "LabelMap",
    "Lesion",
    "Marrow",
    "Mechanics",
    "Mesh",
    "Needle",
    "OutletShares",
    "Outlets",
    "Output",
    "Outside",
    "Patient",
    "PrescribedCement",
    "Region",
    "Section",
    "SemiAxes",
    "Side",
    "Site",
    "Veins",
    "Wall",
    "Walls",
]
