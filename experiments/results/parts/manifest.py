"""``manifest.json``: what went in, what the solvers did, every default with its source, and the warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from experiments.case.sections.base import Site
from experiments.results.parts.base import Part, Point, number, share, table, text
from experiments.results.parts.solvers import SolverRecords
from meshes.leak_sites import SITES

Transform = tuple[tuple[float, float, float, float], ...]


class Identity(Part):
    """What makes two runs the same case."""

    case: str = text("case: content, inputs and code", "SHA-256 of the case, its inputs and the code.")
    inputs: Mapping[str, str] = text("input", "SHA-256 of each input file by its role.")
    code: str = text("code", "Version of the software and a checksum of its sources.")


class PatientRecord(Part):
    """How the vertebra was read."""

    level: str = text("level", "Level of the vertebra.")
    label: int = number(
        "1", "label", "Its number in the mask, the first of the body's where its parts have numbers of their own."
    )
    label_map: str = text("label map", "What the numbers in the mask mean.")
    label_map_reason: str = text("label map reason", "Why the numbers are read so.")
    body_source: str = text("body source", "What tells the body from the arch.")
    canal_area_mm2: float | None = number(
        "mm2", "canal area", "Area of the spinal canal by which the body was split from the arch.", optional=True
    )
    voxels_filled: int = number("1", "voxels filled", "Voxels of holes inside of the body that were filled.")
    frame_method: str = text("frame method", "What the anatomical frame follows from.")
    frame_axes: str = text("frame axes", "The same in words.")
    endplate_wedge_deg: float = number("deg", "endplate wedge", "Angle between the endplates.")
    endplate_residual_mm: float = number("mm", "endplate residual", "Distance of the endplates from their planes.")
    mirror_overlap: float = number("1", "mirror overlap", "Overlap of the body and its mirror image.")
    voxel_spacing_mm: Point = number("mm", "voxel spacing", "Distances of the voxels of the CT.")
    resampled: tuple[str, ...] = text("resampled", "Masks that were resampled onto the grid of the CT.")
    cut: str = text("cut", "Where the image cuts the arch; empty where the vertebra is whole.")


class FrameRecord(Part):
    """The anatomical frame."""

    scanner_lps_mm_to_anatomical: Transform = number(
        "mm", "transform", "From the scanner's LPS mm to the anatomical frame, homogeneous.", signed=True
    )
    extents_mm: tuple[tuple[float, float], ...] = number(
        "mm", "extents", "Least and largest coordinate of the body along each axis.", signed=True
    )
    method: str = text("method", "What the frame follows from.")


class RegionNumbers(Part):
    """Array in the files of fields -> name of a part -> its number there."""

    cell_region: Mapping[str, int] = number("1", "number of a region of cells", "Regions of the mesh's cells.")
    tissue: Mapping[str, int] = number("1", "number of a tissue", "Bone, lesions, cavities, defects and channels.")
    facet_region: Mapping[str, int] = number("1", "number of a region of facets", "Regions of the body's surface.")
    site: Mapping[str, int] = number("1", "number of a site", "Sites where cement can leave.")
    cement: Mapping[str, int] | None = number(
        "1",
        "number of a part of the cement",
        "Cement of a measured CT in cement.nii.gz: in the body, and outside by site.",
        optional=True,
    )

    @field_validator("site")
    @classmethod
    def _names_every_site(cls, value: Mapping[str, int]) -> Mapping[str, int]:
        if missing := [site for site in SITES if site not in value]:
            raise ValueError(f"no number for {missing[0]}")
        return value


class TissueRecord(Part):
    """A lesion, cavity, defect or channel."""

    volume_ml: float = number("ml", "volume", "Volume of its cells.")
    fraction_of_body: float = share("share of the body's volume", "Volume of its cells over that of the body.")


class FractureRecord(Part):
    """What ``[fracture]`` expands into."""

    type: str = text("type of the fracture", "Wedge, biconcave or crush, drawn or given.")
    plate: str = text("broken endplate", "Superior, inferior or both, drawn or given.")
    height_loss: float = share("height loss", "Share of its height that the body lost, drawn or given.")
    deepest: float = number("1", "deepest point", "Depth of the deepest point, drawn or given.")
    age: str = text("age", "Fresh or old.")
    band: float = share("extent of the band", "Share of the room between the endplates that each band takes.")
    damage_factor: float = number("1", "damage factor", "Share of its modulus that broken bone keeps.")
    cavities: tuple[Mapping[str, Any], ...] = table("", "The tables [[cavities]] that follow from it.")
    defects: tuple[Mapping[str, Any], ...] = table("", "The tables [[defects]] that follow from it.")


class NeedleRecord(Part):
    """Where a needle lies, in the anatomical frame."""

    side: str = text("side", "The patient's side on which the needle enters.")
    tip_mm: Point = number("mm", "tip", "The needle's tip.", signed=True)
    entry_mm: Point = number("mm", "entry", "Where the needle enters the body.", signed=True)
    direction: Point = number("1", "direction", "Unit vector from the hub to the tip.", signed=True)
    camber_deg: float = number("deg", "camber", "Angle to the sagittal plane.", signed=True)
    sagittal_deg: float = number("deg", "sagittal", "Angle in the sagittal plane.", signed=True)
    opening_positions_mm: tuple[Point, ...] = number(
        "mm", "opening", "Where cement leaves the needle, one place after the other.", signed=True
    )
    opening_radius_mm: float = number("mm", "radius of the opening", "Radius of a disc as large as the opening.")
    outer_diameter_mm: float = number("mm", "outer diameter", "Outer diameter of the needle.")
    clearance_mm: float | None = number(
        "mm",
        "bone around it in its pedicle",
        "Least distance of the shaft from the surface of the pedicle that it runs through, negative outside of it; "
        "null where it takes another way or the mask shows no arch.",
        signed=True,
        optional=True,
    )
    clearance_side: str | None = text(
        "narrow side", "Side of the pedicle, such as medial, towards which that is.", optional=True
    )


class SourceRecord(Part):
    """The cells into which a needle injects."""

    needle: int = number("1", "needle", "Number of the needle, from 0.")
    cells: int = number("1", "cells", "Number of the cells.")
    radius_mm: float = number("mm", "radius of the cells", "Radius of a ball of their volume.")
    opening_radius_mm: float = number("mm", "radius of the opening", "Radius of a disc as large as the opening.")


class OpeningRecord(Part):
    """Where cement can leave."""

    site: Site = text("site", "Where the cement comes to.")
    wall: str = text("wall", "The part of the surface that it leaves through.")
    shape: str = text("shape", "Tubes or slots.")
    aperture_mm: float = number("mm", "aperture", "Diameter of a tube or width of a slot.")
    length_mm: float = number("mm", "length", "Length of the way through it.")
    total_length_mm: float | None = number("mm", "total length", "Length of the slots along the wall; null of tubes.")
    open_area_mm2: float = number("mm2", "open area", "Cross-section of all of them together.")
    facet_area_mm2: float = number("mm2", "area of the facets", "Area of the surface that they are spread over.")
    entry_pressure_kpa: float = number(
        "kPa",
        "entry pressure",
        "Pressure that cement needs to enter; that of its front in the pores is part of it.",
    )
    conductance_ml_per_s_kpa: float = number("ml/(s kPa)", "conductance", "Marrow that passes per time and pressure.")
    number: float | None = number("1", "number", "Number of tubes; null of slots.")


class OutletRecords(Part):
    """What lets marrow out, and cement."""

    total_ml_per_s_kpa: float = number(
        "ml/(s kPa)", "conductance of all outlets", "Marrow that leaves the body per time and pressure."
    )
    veins_ml_per_s_kpa: float | None = number(
        "ml/(s kPa)", "conductance of the veins", "Marrow that drains into the veins of a network.", optional=True
    )
    sites_ml_per_s_kpa: Mapping[Site, float] = number(
        "ml/(s kPa)", "conductance", "Marrow that passes where cement can leave, per time and pressure."
    )
    pressure_rise_at_planned_rate_kpa: float = number(
        "kPa", "pressure rise at the planned rate", "What the planned rate raises the resting pressure by."
    )
    openings: tuple[OpeningRecord, ...] = table("", "Where cement can leave.")


class PedicleRecord(Part):
    """The largest diameter of a pedicle."""

    value_mm: float = number("mm", "largest diameter of a pedicle", "Largest diameter of a pedicle.")
    source: str = text("source", "Where it is from.")


class ValueRecord(Part):
    """A value of a law or a key, with its source; ranges stand where it is a law's."""

    value: Any = text("value", "The value: a number, or names and numbers.")
    unit: str = text("unit", "Its unit.")
    source: str = text("source", "Where it is from.")
    tag: str = text("tag", "S read in the source, M not checked against it, D derived or a choice; user: case file.")
    low: Any = text("low", "Least value allowed, if any.", optional=True)
    high: Any = text("high", "Largest value allowed, if any.", optional=True)

    @property
    def is_of_a_law(self) -> bool:
        """Whether it is the value of a law, which has a range, and not of a key."""
        return "low" in self.model_fields_set


class Sealed(Part):
    """What every manifest holds besides its content, as the folder is written."""

    format: str | None = text("format", "Marks a folder that this software wrote.", optional=True)
    format_version: int | None = number(
        "1", "version of the format", "Version of the names in the files.", optional=True
    )
    files: Mapping[str, str] | None = text("output", "SHA-256 of each file beside the manifest.", optional=True)
    seal: str | None = text("seal", "SHA-256 of the manifest without its seal.", optional=True)


class Effort(Sealed):
    """What runs and meshes have in common."""

    finished: str = text("finished", "Date and time of the end, ISO 8601.")
    command: str = text("command", "The command line.")
    versions: Mapping[str, str] = text("version", "Version of every package that can change a result.")
    seconds: Mapping[str, float] = number("s", "time of a stage", "Time of each stage.")
    peak_memory_mb: float = number("MB", "peak memory", "Largest memory of all ranks together.")
    warnings: tuple[str, ...] = text("warnings", "Sentences for the reader of the results.")


class Manifest(Effort):
    """The manifest of a run."""

    case: Mapping[str, Any] = table("", "The whole case with its defaults, as 'vertebroplasty schema' describes it.")
    written: tuple[str, ...] = text("written", "Keys that the case file gives, whether or not they are as by default.")
    identity: Identity = table("", "What makes two runs the same case.")
    patient: PatientRecord = table("", "How the vertebra was read.")
    frame: FrameRecord = table("", "The anatomical frame.")
    regions: RegionNumbers = table("", "Numbers of regions in the files of fields.")
    cement: Literal["injected", "prescribed", "measured"] = text(
        "cement", "Whether cement was injected, was there already, or was measured in a CT."
    )
    fracture: FractureRecord | None = table("", "What the fracture of the body expands into.", optional=True)
    tissues: Mapping[str, TissueRecord] = table("", "Lesions, cavities, defects and channels by name.")
    solvers: SolverRecords = table("", "What the solvers did.")
    solver_options: Mapping[str, str] = text("solver option", "Options of PETSc that the user gave, by name.")
    ranks: int = number("1", "ranks", "Processes that shared the work.")
    given: Mapping[str, ValueRecord] = table("", "Values of laws that the case file gives.")
    defaults: Mapping[str, ValueRecord] = table("", "Every default that was used.")
    needles: tuple[NeedleRecord, ...] | None = table("", "Where the needles lie.", optional=True)
    sources: tuple[SourceRecord, ...] | None = table("", "Where the needles inject.", optional=True)
    outlets: OutletRecords | None = table("", "What lets marrow out, and cement.", optional=True)
    pedicle_diameter: PedicleRecord | None = table("", "The diameter by which small leaks are graded.", optional=True)

    @model_validator(mode="after")
    def _says_how_cement_came_in(self) -> Self:
        told = self.needles, self.sources, self.outlets, self.pedicle_diameter
        if self.cement == "injected" and not all(told):
            raise ValueError("an injection has needles, sources, outlets and the diameter of a pedicle")
        return self


class MeshManifest(Effort):
    """The manifest of a mesh without a run."""

    case: Mapping[str, Any] = table("", "The keys of a case file that were used.")
    inputs: Mapping[str, str] = text("input", "SHA-256 of each input file by its role.")
    code: str = text("code", "Version of the software and a checksum of its sources.")
    regions: Mapping[str, Mapping[str, int]] = number(
        "1", "number of a region", "Array in mesh.vtu -> name of a part -> its number there."
    )
    vertebra: Mapping[str, Any] = table("", "How the vertebra was read, and its frame.")


class PlanManifest(Effort):
    """The manifest of a plan that was looked at without a run."""

    case: Mapping[str, Any] = table("", "The whole case with its defaults, as 'vertebroplasty schema' describes it.")
    inputs: Mapping[str, str] = text("input", "SHA-256 of each input file by its role.")
    code: str = text("code", "Version of the software and a checksum of its sources.")
    vertebra: Mapping[str, Any] = table("", "How the vertebra was read, and its frame.")
    tissues: Mapping[str, TissueRecord] = table("", "Lesions, cavities, defects and channels by name.")
    needles: tuple[NeedleRecord, ...] = table("", "Where the needles lie.")
