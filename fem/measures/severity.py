"""How large a leak is seen, and how it is graded, from the volume that left at a site."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from materials.observation import Modality
from materials.provenance import check_ranges, quantity
from meshes.leak_sites import LEAK_SITES, Shape, YeomClass

YEOM_CLASSES: Mapping[YeomClass, tuple[str, ...]] = {
    name: tuple(site.name for site in LEAK_SITES.values() if site.yeom_class == name) for name in get_args(YeomClass)
}
"""Class of a leak by Yeom 2003 -> its sites; the needle's track belongs to none."""

Grade = Literal["punctual", "moderate", "massive"]

GRADES: tuple[Grade, ...] = ("punctual", "moderate", "massive")
"""Grades of the filling-fraction series (41 vertebrae), rising: smaller than the largest diameter of the pedicle,
smaller than the height of the vertebra, and from there on."""


class LeakShape(Protocol):
    """A body that leaked cement is taken to form."""

    def size(self, volume: float) -> float:
        """Largest dimension in mm of a leak of ``volume`` (mm3)."""
        ...

    def volume(self, size: float) -> float:
        """Volume in mm3 of a leak of ``size`` (mm)."""
        ...


@dataclass(frozen=True)
class Cast:
    """A cylinder that fills a vein or a needle's track; its size is its length 4 V / (pi d^2).

    Attributes:
        diameter: d in mm.
    """

    diameter: float

    def size(self, volume: float) -> float:
        """Length in mm at a volume in mm3."""
        return 4.0 * volume / (math.pi * self.diameter**2)

    def volume(self, size: float) -> float:
        """Volume in mm3 at a length in mm."""
        return 0.25 * math.pi * self.diameter**2 * size


@dataclass(frozen=True)
class Pool:
    """A flat round disc between two layers; its size is its diameter sqrt(4 V / (pi t)).

    Attributes:
        thickness: t in mm.
    """

    thickness: float

    def size(self, volume: float) -> float:
        """Diameter in mm at a volume in mm3."""
        return math.sqrt(4.0 * volume / (math.pi * self.thickness))

    def volume(self, size: float) -> float:
        """Volume in mm3 at a diameter in mm."""
        return 0.25 * math.pi * self.thickness * size**2


@dataclass(frozen=True)
class HalfBall:
    """Half a ball that lies with its flat side on the wall; its size is its diameter (12 V / pi)^(1/3)."""

    def size(self, volume: float) -> float:
        """Diameter in mm at a volume in mm3."""
        return math.cbrt(12.0 * volume / math.pi)

    def volume(self, size: float) -> float:
        """Volume in mm3 at a diameter in mm."""
        return math.pi / 12.0 * size**3


@dataclass(frozen=True)
class Ball:
    """A ball in soft tissue; its size is its diameter (6 V / pi)^(1/3)."""

    def size(self, volume: float) -> float:
        """Diameter in mm at a volume in mm3."""
        return math.cbrt(6.0 * volume / math.pi)

    def volume(self, size: float) -> float:
        """Volume in mm3 at a diameter in mm."""
        return math.pi / 6.0 * size**3


@dataclass(frozen=True)
class LeakGeometry:
    """Dimensions of the leaks' shapes.

    The study graded what it saw on images; which shape a volume takes is a rule of this project. Cement that leaves
    through the posterior wall or the foramen lies on the wall in the epidural space, in discs it is a flat pool, in
    soft tissue a ball. The large vein that segmental and anterior veins lead to and the needle's track are filled from
    wall to wall.

    Attributes:
        vein_diameter: of the large vein outside.
        disc_thickness: of pools.
        track_diameter: of the needle's track.
        draining: site -> diameter in mm of the widest vein of a network that leads there; the large one is no narrower.
    """

    vein_diameter: float = quantity(2.0, "mm", "segmental veins are about 1 to 3 mm wide", "M", 0.5, 8.0)
    disc_thickness: float = quantity(2.0, "mm", "thickness of a cement pool between endplate and disc", "M", 0.2, 10.0)
    track_diameter: float = quantity(3.05, "mm", "outer diameter of a regular-wall 11G needle", "M", 1.0, 6.0)
    draining: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def cast(self, site: str) -> Cast:
        """The cast that cement forms in the large vein outside the veins of a site."""
        return Cast(max(self.vein_diameter, self.draining.get(site, 0.0)))

    @property
    def shapes(self) -> dict[str, LeakShape]:
        """Site -> the shape of a leak there, for every site of :data:`meshes.leak_sites.SITES`."""
        shapes: dict[Shape, LeakShape] = {
            "half_ball": HalfBall(),
            "pool": Pool(self.disc_thickness),
            "ball": Ball(),
            "track_cast": Cast(self.track_diameter),
        }
        return {site.name: shapes.get(site.shape, self.cast(site.name)) for site in LEAK_SITES.values()}


@dataclass(frozen=True)
class LeakSeverity:
    """Size and grade of a leak.

    Attributes:
        size: largest dimension in mm; 0.0 where nothing leaked.
        grade: None where too little leaked to be seen.
    """

    size: float
    grade: Grade | None


def smallest_observed(modality: Modality, geometry: LeakGeometry) -> dict[str, float]:
    """Site -> smallest leak in mm3 that an image shows there, by its volume or by the length of its shape."""
    smallest = {}
    for site, shape in geometry.shapes.items():
        venous = LEAK_SITES[site].yeom_class in ("B", "S")
        length = modality.venous_length if venous else modality.cortical_length
        volume = modality.venous_volume if venous else modality.cortical_volume
        smallest[site] = volume if length is None else min(volume, shape.volume(length))
    return smallest


def leak_severity(
    volume: float,
    site: str,
    pedicle_diameter: float,
    vertebral_height: float,
    geometry: LeakGeometry,
    smallest: float,
) -> LeakSeverity:
    """Grade the cement that left at a site.

    Args:
        volume: leaked cement in mm3.
        site: one of :data:`meshes.leak_sites.SITES`.
        pedicle_diameter: largest diameter of the vertebra's pedicles in mm.
        vertebral_height: height of the vertebra's body in mm.
        geometry: dimensions of the shapes.
        smallest: mm3, from which on a leak is seen there, see :func:`smallest_observed`.

    Raises:
        ValueError: the site is unknown, or a length is not positive.
    """
    shapes = geometry.shapes
    if site not in shapes:
        raise ValueError(f"the leak site {site!r} is not one of {', '.join(shapes)}")
    for name, length in (("pedicle_diameter", pedicle_diameter), ("vertebral_height", vertebral_height)):
        if not length > 0.0:
            raise ValueError(f"{name} = {length!r} mm must be greater than 0 mm")
    size = shapes[site].size(max(volume, 0.0))
    if volume < smallest:
        return LeakSeverity(size, None)
    return LeakSeverity(size, severity_of_size(size, pedicle_diameter, vertebral_height))


def severity_of_size(size: float, pedicle_diameter: float, vertebral_height: float) -> Grade:
    """Grade of a leak whose largest dimension in mm is known; the other lengths are those of the vertebra in mm."""
    if size >= vertebral_height:
        return "massive"
    return "punctual" if size < pedicle_diameter else "moderate"


def worst_grade(severities: Iterable[LeakSeverity]) -> Grade | None:
    """The highest grade of several leaks; None where none is graded."""
    return max((leak.grade for leak in severities if leak.grade is not None), key=GRADES.index, default=None)


def leak_classes_yeom(leaked: Mapping[str, float]) -> dict[str, float]:
    """Sum leaked cement by Yeom's classes.

    Args:
        leaked: site -> cement in mm3; sites left out count as 0.

    Returns:
        "B", "S" and "C" -> cement in mm3.
    """
    return {name: sum(leaked.get(site, 0.0) for site in sites) for name, sites in YEOM_CLASSES.items()}
