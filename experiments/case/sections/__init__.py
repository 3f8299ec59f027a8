"""The tables of a case file: every key with its range, clinical unit, source and provenance tag.

Here belongs what a key is called, means and may be. What is made of its value does not.
"""

from experiments.case.sections.base import Endplate, Region, Section, Side, Site, Wall
from experiments.case.sections.fluids import Cement, Marrow
from experiments.case.sections.fracture import Fracture
from experiments.case.sections.heat import Heat
from experiments.case.sections.injection import Injection
from experiments.case.sections.mechanics import Mechanics
from experiments.case.sections.needles import Bolus, Needle
from experiments.case.sections.observation import Observation
from experiments.case.sections.output import Output
from experiments.case.sections.patient import Bone, LabelMap, Mesh, Patient
from experiments.case.sections.prescribed import CementShape, PrescribedCement
from experiments.case.sections.tissue import Cavity, Lesion, SemiAxes
from experiments.case.sections.veins import Veins
from experiments.case.sections.walls import Defect, Outlets, OutletShares, Outside, Walls

__all__ = [
    "Bolus",
    "Bone",
    "Cavity",
    "Cement",
    "CementShape",
    "Defect",
    "Endplate",
    "Fracture",
    "Heat",
    "Injection",
    "LabelMap",
    "Lesion",
    "Marrow",
    "Mechanics",
    "Mesh",
    "Needle",
    "Observation",
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
