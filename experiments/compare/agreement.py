"""Simulated cement laid over that of a measured CT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyvista
from numpy.typing import NDArray

from experiments.results.finished_case import FinishedCase
from experiments.results.grids import cells_around
from experiments.results.parts.agreement import AgreementResults
from experiments.results.parts.fill import FillResults
from fem.measures.fill import FRONT_SATURATION
from meshes.leak_sites import SITES
from meshes.surface import nearest_points
from meshes.voxel_surface import voxel_surface

BEFORE = "before.ct"
"""Role of the CT before the operation among the inputs of a measured CT."""

BY_REGISTRATION = "the registered CT before"
BY_FRAMES = "the anatomical frames"

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """One run against a measured CT.

    Attributes:
        run: the run.
        measured: the CT.
        simulated: (nx, ny, nz) voxels of the CT in which the run has cement.
        results: the numbers.
    """

    run: FinishedCase
    measured: FinishedCase
    simulated: NDArray[np.bool_]
    results: AgreementResults

    @classmethod
    def of(cls, run: FinishedCase, measured: FinishedCase) -> Agreement:
        """Lay the cement of a run, at its end, over that of a measured CT."""
        to_run, by = _motion(run, measured)
        simulated, real = _simulated(run, measured, to_run), measured.scanned_cement()["body"]
        total = int(simulated.sum()) + int(real.sum())
        apart = _surface_distances(measured, simulated, real)
        seen, shown = _sites(measured), _sites(run)
        results = AgreementResults(
            aligned_by=by,
            dice=2.0 * float((simulated & real).sum()) / total,
            centroid_distance_mm=_centroid_distance(measured, simulated, real),
            surface_mean_mm=None if apart is None else float(apart.mean()),
            surface_p95_mm=None if apart is None else float(np.percentile(apart, 95.0)),
            hausdorff_mm=None if apart is None else float(apart.max()),
            volume_error_ml=_volume_errors(run.results.fill, measured.results.fill),
            leaks_found=tuple(site for site in SITES if site in seen & shown),
            leaks_missed=tuple(site for site in SITES if site in seen - shown),
            leaks_invented=tuple(site for site in SITES if site in shown - seen),
        )
        return cls(run, measured, simulated, results)


def _motion(run: FinishedCase, measured: FinishedCase) -> tuple[FloatArray, str]:
    """(4, 4) from the anatomical frame of the CT to that of the run, and what tells it.

    The registered motion holds where the run was made from the CT before; else each frame is that of the same body.
    """
    before, inputs = measured.results.before, measured.manifest.identity.inputs
    if before is not None and inputs.get(BEFORE) == run.manifest.identity.inputs.get("ct"):
        back = np.linalg.inv(np.array(before.before_to_after))
        return run.frame.matrix @ back @ np.linalg.inv(measured.frame.matrix), BY_REGISTRATION
    return np.eye(4), BY_FRAMES


def _simulated(run: FinishedCase, measured: FinishedCase, to_run: FloatArray) -> NDArray[np.bool_]:
    """Voxels of the CT whose centres lie in cells with cement."""
    ct, mesh = measured.ct(), run.mesh
    corners = measured.frame.to_scanner((mesh.points - to_run[:3, 3]) @ np.linalg.inv(to_run[:3, :3]).T)
    index = ct.to_indices(corners)
    low = np.clip(np.floor(index.min(axis=0)).astype(int), 0, ct.values.shape)
    high = np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, low, ct.values.shape)
    voxels = np.argwhere(np.ones(high - low, dtype=bool)) + low
    points = measured.frame.to_frame(ct.to_world(voxels)) @ to_run[:3, :3].T + to_run[:3, 3]
    cells = cells_around(mesh, pyvista.PolyData(points))
    filled = np.append(run.saturation() > FRONT_SATURATION, False)[cells]
    simulated = np.zeros(ct.values.shape, dtype=bool)
    simulated[tuple(voxels[filled].T)] = True
    return simulated


def _surface_distances(
    measured: FinishedCase, simulated: NDArray[np.bool_], real: NDArray[np.bool_]
) -> FloatArray | None:
    """Distances in mm of the points of either surface to the other surface; None without simulated cement."""
    if not simulated.any():
        return None
    ct, frame = measured.ct(), measured.frame
    first, second = (voxel_surface(voxels, ct, frame) for voxels in (simulated, real))
    ways = [
        np.linalg.norm(nearest_points(one, other.points) - other.points, axis=1)
        for one, other in ((first, second), (second, first))
    ]
    return np.concatenate(ways)


def _centroid_distance(measured: FinishedCase, simulated: NDArray[np.bool_], real: NDArray[np.bool_]) -> float | None:
    if not simulated.any():
        return None
    first, second = (measured.ct().to_world(np.argwhere(voxels)).mean(axis=0) for voxels in (simulated, real))
    return float(np.linalg.norm(first - second))


def _volume_errors(simulated: FillResults, measured: FillResults) -> dict[str, float]:
    """Occupied volume of the run minus that of the CT in ml, in all, by half and by third."""
    errors = {"all": simulated.occupied_ml - measured.occupied_ml}
    for one, other in (
        (simulated.occupied_by_side_ml, measured.occupied_by_side_ml),
        (simulated.occupied_by_third_ml or {}, measured.occupied_by_third_ml or {}),
    ):
        errors |= {name: one[name] - other[name] for name in one if name in other}
    return errors


def _sites(case: FinishedCase) -> set[str]:
    """Where a leak is seen."""
    leaks = case.results.leaks if case.results.injection is None else case.results.injection.leaks
    return {site for site, leak in (leaks or {}).items() if leak.observed}
