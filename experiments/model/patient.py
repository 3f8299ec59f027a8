"""The patient of a case: which vertebra its files hold, and in which units and numbers."""

from __future__ import annotations

from experiments.case.schema import Case
from meshes.demo_patient import demo_patient
from meshes.images.labels import PartLabels
from meshes.images.units import IMAGE_UNITS
from meshes.segmentation import MARGIN
from meshes.vertebra import Vertebra, read_vertebra


def read_patient(case: Case, margin: float = MARGIN, level: str | None = None) -> Vertebra:
    """The vertebra that the case names.

    Args:
        case: what is asked.
        margin: mm of CT to keep around the vertebra.
        level: another vertebra of the same files.

    Raises:
        InputError: the files cannot be used.
    """
    patient = case.patient
    if patient.demo:
        demo = demo_patient()
        return read_vertebra(demo.ct, demo.mask, level or demo.level, demo.labels, demo.subregions, margin=margin)
    if patient.ct is None or patient.mask is None:
        raise ValueError("a checked case names a CT and a mask")
    parts = None if patient.body_labels is None else PartLabels(patient.body_labels, patient.arch_labels or ())
    return read_vertebra(
        patient.ct,
        patient.mask,
        level or patient.level,
        patient.labels,
        patient.subregions,
        parts,
        IMAGE_UNITS[case.bone.units],
        margin,
        patient.resample,
    )
