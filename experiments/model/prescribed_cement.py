"""Cement that the case file gives instead of an injection: what a scan shows, or idealised shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from experiments.case.errors import about
from experiments.case.schema import Case
from experiments.case.sections import CementShape
from experiments.case.units import to_clinical, to_internal
from experiments.model.tissues import TissueMap
from experiments.results.parts.fill import PrescribedCementResults, ShapeResults
from meshes.frame import AnatomicalFrame
from meshes.images.units import HOUNSFIELD
from meshes.scanned_cement import (
    BoneUnderCement,
    ScannedCement,
    bone_under_cement,
    cement_by_threshold,
    read_cement_mask,
)
from meshes.segmentation import MARGIN
from meshes.shapes import ellipsoid_of_capacity
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

ARTEFACTS = (
    "metal and contrast agent harden the beam, and a voxel at the edge shows a mean of cement and bone, so the edge, "
    "thin leaks and the volumes are uncertain by about a voxel"
)


@dataclass(frozen=True)
class PrescribedField:
    """Cement of every cell that nobody injected.

    Attributes:
        saturation: (cells,) share of each cell's pores that cement fills.
        results: the part ``prescribed_cement`` of the results.
        warnings: sentences for the reader of the results.
    """

    saturation: NDArray[np.float64]
    results: PrescribedCementResults
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Scan:
    """A post-operative CT taken apart.

    Attributes:
        cement: what it shows of cement.
        bone: the vertebra with bone in the place of the cement.
    """

    cement: ScannedCement
    bone: BoneUnderCement


def read_scan(case: Case, vertebra: Vertebra) -> Scan | None:
    """Tell the cement of a post-operative CT from its bone; None where the case has no such cement.

    Raises:
        InputError: the mask or the threshold cannot be used.
    """
    given = case.prescribed_cement
    if given is None or given.shapes is not None:
        return None
    with about("prescribed_cement"):
        if given.mask is not None:
            cement = read_cement_mask(given.mask, vertebra, case.patient.resample)
        elif given.threshold_hu is not None:
            low, high = (to_internal(value, "HU") for value in given.threshold_hu)
            cement = cement_by_threshold(vertebra, low, high)
        else:
            raise ValueError("a checked case names a mask, a threshold or shapes")
        return Scan(cement, bone_under_cement(cement, vertebra))


def cement_of_scan(scan: Scan, weights: csr_array) -> PrescribedField:
    """The saturation that a scan shows: the share of each cell's volume that lies in voxels of cement.

    Args:
        scan: cement and bone of the CT.
        weights: (cells, voxels) share of each cell's volume in each voxel.
    """
    cement, bone = scan.cement, scan.bone
    outside = to_clinical(cement.outside, "ml")
    units = bone.vertebra.units
    warnings = [
        f"the cement is prescribed, from {cement.source}: {ARTEFACTS}",
        f"the CT does not show the bone under the cement: {to_clinical(bone.volume, 'ml'):.2f} ml (the cement and one "
        f"voxel around it) take the median of the other trabecular bone, {bone.value:.0f} {units.symbol}, for the "
        "intact body and for the pores that the cement fills",
    ]
    if cement.resampled:
        warnings.append(cement.resampled)
    if cement.outside > 0.0:
        warnings.append(
            f"{outside:.2f} ml of what counts as cement lie outside of the body, within {MARGIN:g} mm of the vertebra: "
            "leaked cement, and whatever else is as dense"
        )
    replaced: dict[str, Any] = {"replaced_bone_hu" if units is HOUNSFIELD else "replaced_bone_mg_per_cm3": bone.value}
    results = PrescribedCementResults(
        source=cement.kind,
        scan_body_ml=to_clinical(cement.inside, "ml"),
        scan_outside_ml=outside,
        replaced_bone_ml=to_clinical(bone.volume, "ml"),
        **replaced,
    )
    return PrescribedField(weights @ cement.voxels.ravel().astype(float), results, tuple(warnings))


def cement_of_shapes(
    shapes: tuple[CementShape, ...], mesh: TetMesh, frame: AnatomicalFrame, tissues: TissueMap
) -> PrescribedField:
    """Full pores inside of ellipsoids, each of which holds its own volume of cement.

    Raises:
        InputError: the body cannot hold the cement.
    """
    capacity = tissues.medium.porosity * mesh.cell_volumes
    saturation, records = np.zeros(len(mesh.cells)), []
    for number, shape in enumerate(shapes, 1):
        with about(f"prescribed_cement.shapes[{number}]"):
            saturation, semi_axes = ellipsoid_of_capacity(
                mesh,
                frame.point(*shape.centre),
                np.array(shape.proportions or (1.0, 1.0, 1.0)),
                capacity,
                to_internal(shape.volume_ml, "ml"),
                saturation,
            )
        records.append(ShapeResults(volume_ml=shape.volume_ml, semi_axes_mm=semi_axes.tolist()))
    warnings = (f"the cement is prescribed, as {len(shapes)} idealised shape{'s' if len(shapes) > 1 else ''}",)
    results = PrescribedCementResults(source="shapes", shapes=tuple(records))
    return PrescribedField(saturation, results, warnings)
