"""The parts ``fill`` and ``prescribed_cement`` of the results: where the cement lies, and who put it there."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.case.sections.base import Side
from experiments.results.parts.base import Part, Point, number, share, table, text
from fem.measures.distribution import Pattern


class ContactResults(Part):
    """Where cement lies at an endplate."""

    touches: bool = text("touched", "Whether cement lies at the endplate.")
    area_mm2: float = number("mm2", "contact", "Area of the endplate that cement touches.")
    share: float = share("contact, share", "Share of the endplate's area that cement touches.")


class FillResults(Part):
    """How far and how evenly the cement fills the body.

    Cement volumes are those of the cement itself, null where a CT was measured, which cannot tell them; occupied
    volumes those of the bone that it occupies, pores and solid, as CT volumetry counts.
    """

    fraction: float | None = share("cement, share of the body's volume", "Cement over the volume of the body.")
    cement_ml: float | None = number("ml", "cement in the body", "Cement in the vertebral body.")
    occupied_ml: float = number("ml", "bone that cement occupies", "Volume of the cells more than half full of cement.")
    occupied_fraction: float = share(
        "bone that cement occupies, share of the body's volume", "Occupied volume over the volume of the body."
    )
    cement_by_side_ml: Mapping[str, float] | None = number(
        "ml", "cement by side", "Cement on either side of the midsagittal plane."
    )
    occupied_by_side_ml: Mapping[str, float] = number(
        "ml", "bone that cement occupies, by side", "Occupied volume on either side of the midsagittal plane."
    )
    cement_by_third_ml: Mapping[str, float] | None = number(
        "ml", "cement by third", "Cement in the anterior, middle and posterior third of the body's depth."
    )
    occupied_by_third_ml: Mapping[str, float] | None = number(
        "ml",
        "bone that cement occupies, by third",
        "Occupied volume in the anterior, middle and posterior third of the body's depth.",
        optional=True,
    )
    puncture_side: Side | None = text(
        "puncture side", "The side on which the only needle entered; null where needles entered on both, or none."
    )
    puncture_side_ratio: float | None = number(
        "1",
        "puncture side's cement over the body's volume",
        "Cement on the puncture side over the volume of the body; null without a puncture side.",
    )
    puncture_side_occupied_ratio: float | None = number(
        "1",
        "puncture side's occupied bone over the body's volume",
        "Occupied volume on the puncture side over the volume of the body; null without a puncture side.",
    )
    puncture_side_share: float | None = number(
        "1",
        "puncture side's share of the cement",
        "Cement on the puncture side over all of it; null without a puncture side.",
    )
    endplate_contact: Mapping[str, ContactResults] = table("", "Where cement lies at either endplate.")
    posterior_distance_mm: float | None = number(
        "mm",
        "distance to the posterior wall",
        "Smallest distance from the cement's front to the posterior wall or the foramen; null without either.",
    )
    equivalent_radius_mm: float = number(
        "mm", "radius of a ball of equal volume", "Radius of a ball of the occupied volume."
    )
    sphericity: float | None = number("1", "sphericity", "Sphericity of the front, 1 for a ball; null without a front.")
    largest_diameter_mm: float | None = number(
        "mm", "largest diameter", "Largest distance between two points of the front; null without a front."
    )
    centroid_mm: Point | None = number(
        "mm", "centroid of the cement", "Centroid of the cement in the anatomical frame; null without any.", signed=True
    )
    pattern: Pattern | None = text(
        "pattern",
        "Confluent is one mass with a wide bridge across the midline, one-sided one mass with most of it on one side, "
        "separated anything else; null without a mass of some size.",
    )
    components: int = number("1", "masses of cement", "Number of masses of some size that do not touch.")
    bridge_area_mm2: float = number(
        "mm2", "bridge across the midline", "Section of the masses on the midsagittal plane."
    )
    largest_sagittal_section_mm2: float = number(
        "mm2", "largest sagittal section", "Largest sagittal section of the masses."
    )
    bridge_share: float | None = number(
        "1",
        "bridge over the largest sagittal section",
        "Section on the midsagittal plane over the largest one; null without cement.",
    )


class ShapeResults(Part):
    """A body of cement that the case file gives."""

    volume_ml: float = number("ml", "volume", "Cement that the shape holds.")
    semi_axes_mm: Point = number("mm", "semi-axes", "Semi-axes of the ellipsoid that holds so much.")


class PrescribedCementResults(Part):
    """Cement that nobody injected: what a scan shows, or idealised shapes."""

    source: str = text("cement prescribed by", "What the cement is told by.")
    scan_body_ml: float | None = number(
        "ml", "cement of the scan in the body", "Cement of the scan in the body.", optional=True
    )
    scan_outside_ml: float | None = number(
        "ml",
        "outside of the body in the scan",
        "What counts as cement in the scan and lies outside of the body.",
        optional=True,
    )
    replaced_bone_ml: float | None = number(
        "ml",
        "bone that the scan does not show",
        "Bone under the cement, which takes the median of the other trabecular bone.",
        optional=True,
    )
    replaced_bone_hu: float | None = number("HU", "value of that bone", "Value that this bone takes.", optional=True)
    replaced_bone_mg_per_cm3: float | None = number(
        "mg/cm3",
        "density of that bone",
        "Value that this bone takes where the CT counts densities.",
        signed=True,
        optional=True,
    )
    shapes: tuple[ShapeResults, ...] | None = table(
        "", "Each of the shapes, in the order of the case file.", optional=True
    )
