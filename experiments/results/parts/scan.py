"""The parts ``scan``, ``leaks``, ``volumetry`` and ``heights`` of the results: what a post-operative CT shows."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.case.sections.base import Side
from experiments.results.parts.base import Part, number, share, table, text
from experiments.results.parts.fracture import HeightResults
from experiments.results.parts.manifest import Transform
from fem.measures.severity import Grade
from meshes.leak_sites import LEAK_CLASSES


class ScannedLeakResults(Part):
    """Cement of a CT that lies outside of the body, where it would have left at one site."""

    volume_ml: float = number("ml", "cement leaked", "Cement outside of the body that lies there.")
    observed: bool = text("leak observed", "Whether any lies there.")
    pieces: int = number("1", "pieces", "Number of pieces that do not touch.")
    size_mm: float = number("mm", "leak size", "Largest extent of a piece.")
    severity: Grade | None = text(
        "leak severity",
        "Punctual below the largest diameter of the pedicle, moderate below the height of the vertebra, massive from "
        "there on; null where there is none.",
    )


class ThresholdResults(Part):
    """What the same CT shows from another CT number on."""

    low_hu: float = number("HU", "threshold", "CT number from which on a voxel counts as cement.")
    body_ml: float = number("ml", "cement in the body", "Volume of the cement's voxels in the body.")
    leaked_ml: float = number("ml", "cement leaked", "Volume of the cement's voxels outside of it, without its rim.")
    sites: tuple[str, ...] = text("leak sites", "Where cement lies outside.")


class ScanResults(Part):
    """How the cement was told from a post-operative CT, and how much there is of it.

    All volumes are those of voxels: of what the cement occupies, bone between it included.
    """

    source: str = text("cement told by", "A mask of cement, or a threshold in the CT.")
    threshold_low_hu: float | None = number("HU", "threshold", "CT number from which on a voxel counts as cement.")
    threshold_high_hu: float | None = number("HU", "largest CT number", "CT number up to which a voxel counts.")
    body_ml: float = number("ml", "cement in the body", "Volume of the cement's voxels in the body.")
    leaked_ml: float = number("ml", "cement leaked", "Volume of the cement's voxels in all leaks.")
    rim_ml: float = number(
        "ml",
        "rim outside of the body",
        "Voxels beside the body's wall that are as dense as cement but reach no farther: blur of cement in the body.",
    )
    small_ml: float = number(
        "ml", "specks", "Voxels outside of the body in pieces too small to count, or too far away to belong to it."
    )
    leak_classes: Mapping[str, float] = number(
        "ml", "cement leaked", f"Leaked cement by clinical class: {', '.join(LEAK_CLASSES)}; the track has none."
    )
    leak_classes_yeom: Mapping[str, float] = number(
        "ml",
        "cement leaked, class of Yeom",
        "The same by Yeom's classes (10.1302/0301-620X.85B1.13026): B through the basivertebral vein, S through "
        "segmental or anterior veins, C through the cortex.",
    )
    leak_severity: Grade | None = text("worst leak", "Severity of the worst leak; null where there is none.")
    pedicle_diameter_mm: float = number(
        "mm", "largest diameter of a pedicle", "Largest diameter of a pedicle, by which small leaks are graded."
    )
    vertebral_height_mm: float = number(
        "mm", "height of the vertebra", "Height of the vertebra's body, by which large leaks are graded."
    )
    voxel_mm: tuple[float, float, float] = number("mm", "voxel", "Edges of a voxel of the CT.")
    thresholds: tuple[ThresholdResults, ...] = table(
        "", "The same with other thresholds, the lowest first; none with a mask."
    )


class VolumetryResults(Part):
    """Volumes as the series of 585 vertebrae defines them (10.1186/s12891-022-05135-w).

    The vertebra in front of a plane along the anterior edge of the spinal canal, where the pedicles begin, is the body;
    a line through the midpoints of both endplates in the coronal plane halves it.
    """

    body_ml: float = number("ml", "volume of the body (VBV)", "Volume of the vertebra in front of the pedicles.")
    cement_ml: float = number("ml", "cement in it (BCV)", "Volume of the cement's voxels in it.")
    cement_ratio: float = share("cement over body (BCV/VBV)", "Cement over the volume of the body.")
    cement_by_side_ml: Mapping[str, float] = number("ml", "cement by half", "Cement in either half.")
    puncture_side: Side | None = text("puncture side", "Side of the puncture; null where it was not told.")
    puncture_side_ml: float | None = number(
        "ml", "cement on the puncture side (PSBCV)", "Cement in the half of the puncture; null where it was not told."
    )
    puncture_side_ratio: float | None = share(
        "puncture side's cement over body (PSBCV/VBV)",
        "Cement in the half of the puncture over the volume of the body; null where it was not told.",
    )


class ScannedHeights(HeightResults):
    """Heights of the body along its superior axis in the midsagittal section, at the depths 0.1, 0.5 and 0.9."""

    endplate_angle_deg: float = number(
        "deg", "angle between the endplates", "Angle between planes that are fitted to both endplates."
    )
    neighbours: Mapping[str, HeightResults] = table("", "The same of the vertebrae above and below, by level.")
    relative: Mapping[str, float] | None = share(
        "height over that of the neighbours",
        "Anterior, middle and posterior height over the mean of both neighbours', B / ((A + C) / 2); null where the "
        "mask does not hold both of them whole.",
    )


class BeforeResults(Part):
    """The vertebra before the operation against that after it."""

    before_to_after: Transform = number(
        "mm",
        "motion of the body",
        "4 x 4 from the scanner's LPS mm of the CT before to those of the CT after.",
        signed=True,
    )
    rotation_deg: float = number("deg", "rotation", "Angle by which the body has turned from scan to scan.")
    translation_mm: float = number("mm", "translation", "Way of the body's centroid from scan to scan.")
    body_dice: float = number("1", "overlap of the bodies", "Dice overlap of the body before and after, registered.")
    surface_distance_mm: float = number(
        "mm", "distance of the bodies' surfaces", "Mean distance of the surfaces of both bodies, registered."
    )
    heights: HeightResults = table("before the operation", "Heights of the body before, at the same places.")
    height_change_mm: Mapping[str, float] = number(
        "mm", "change of height", "Height after minus height before.", signed=True
    )
    body_ml: float = number("ml", "volume of the body before", "Volume of the body's voxels before.")
    cement_in_bone_ml: float = number(
        "ml", "cement in former bone", "Cement that lies where bone of the body was before."
    )
    cement_in_bone_share: float = share("cement in former bone, share", "The same over all cement.")
