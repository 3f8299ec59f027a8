"""How far simulated cement agrees with that of a measured CT."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.results.parts.base import Part, number, text


class AgreementResults(Part):
    """Cement of a run against that of a measured CT, on the voxels of this CT.

    Simulated cement is where more than half of the pores are full, as the front has it.
    """

    aligned_by: str = text("laid over the CT by", "Registration of the CT before, or the anatomical frames.")
    dice: float = number("1", "overlap with the CT (Dice)", "Twice the common volume over the sum of both.")
    centroid_distance_mm: float | None = number(
        "mm", "distance of the centroids", "Between the cement in both; null where one has none."
    )
    surface_mean_mm: float | None = number(
        "mm", "distance of the surfaces, mean", "From the surface of either cement to that of the other."
    )
    surface_p95_mm: float | None = number("mm", "distance of the surfaces, 95 % within", "The same, 95th percentile.")
    hausdorff_mm: float | None = number("mm", "distance of the surfaces, all within", "The same, the largest.")
    volume_error_ml: Mapping[str, float] = number(
        "ml",
        "simulated minus measured",
        "Occupied volume of the run minus that of the CT: in all, by half and by third.",
        signed=True,
    )
    leaks_found: tuple[str, ...] = text("leak sites found", "Sites where both show a leak.")
    leaks_missed: tuple[str, ...] = text("leak sites missed", "Sites where only the CT shows one.")
    leaks_invented: tuple[str, ...] = text("leak sites invented", "Sites where only the run does.")
