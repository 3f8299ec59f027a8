"""How much cement outside of the bone counts: as a leak at all, and as one that an image shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from materials.provenance import check_ranges, quantity

LEAST_LEAK = 0.5
"""Cement in mm3 (0.0005 ml) up to which nothing leaked: so little is numerical diffusion, and 0.000 in the ml of
pictures and tables (tag D)."""

_CT = "a cast of 1 mm x 4 mm, some twelve voxels of 0.5 x 0.5 x 1 mm"
_YEOM = "Yeom 2003, 10.1302/0301-620X.85B1.13026: on lateral radiographs 93 % of leaks through the basivertebral vein "
_YEOM += "and 86 % through segmental veins are missed or underestimated; ten times what CT shows"


class Modality(Protocol):
    """What an image shows: a leak of at least some volume (mm3) or of at least some length (mm), None for no length."""

    @property
    def name(self) -> str:
        """As the case file has it."""
        ...

    @property
    def venous_volume(self) -> float:
        """Smallest volume seen in veins."""
        ...

    @property
    def venous_length(self) -> float | None:
        """Smallest length seen in veins."""
        ...

    @property
    def cortical_volume(self) -> float:
        """Smallest volume seen elsewhere."""
        ...

    @property
    def cortical_length(self) -> float | None:
        """Smallest length seen elsewhere."""
        ...


@dataclass(frozen=True)
class ComputedTomography:
    """CT after the operation; its attributes are those of :class:`Modality`."""

    name: ClassVar[str] = "ct"
    venous_volume: float = quantity(3.0, "mm3", _CT, "D", 0.5, 1e3)
    venous_length: float | None = quantity(3.0, "mm", "several voxels", "D", 0.5, 100.0, optional=True)
    cortical_volume: float = quantity(3.0, "mm3", _CT, "D", 0.5, 1e3)
    cortical_length: float | None = quantity(3.0, "mm", "several voxels", "D", 0.5, 100.0, optional=True)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)


@dataclass(frozen=True)
class Radiograph:
    """Radiographs in two planes; its attributes are those of :class:`Modality`.

    Through the cortex they show as many leaks as CT does, through veins far fewer.
    """

    name: ClassVar[str] = "radiograph"
    venous_volume: float = quantity(30.0, "mm3", _YEOM, "D", 0.5, 1e3)
    venous_length: float | None = quantity(30.0, "mm", _YEOM, "D", 0.5, 100.0, optional=True)
    cortical_volume: float = quantity(3.0, "mm3", "as CT: Yeom 2003", "D", 0.5, 1e3)
    cortical_length: float | None = quantity(3.0, "mm", "as CT: Yeom 2003", "D", 0.5, 100.0, optional=True)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)


@dataclass(frozen=True)
class EqualVolume:
    """The same volume everywhere, whatever its shape; its attributes are those of :class:`Modality`."""

    name: ClassVar[str] = "volume"
    venous_volume: float = quantity(20.0, "mm3", "a ball of 3.4 mm", "D", 0.5, 1e3)
    venous_length: float | None = quantity(None, "mm", "volume alone counts", "D", 0.5, 100.0, optional=True)
    cortical_volume: float = quantity(20.0, "mm3", "a ball of 3.4 mm", "D", 0.5, 1e3)
    cortical_length: float | None = quantity(None, "mm", "volume alone counts", "D", 0.5, 100.0, optional=True)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)


MODALITIES: Mapping[str, type[ComputedTomography | Radiograph | EqualVolume]] = {
    law.name: law for law in (ComputedTomography, Radiograph, EqualVolume)
}
"""Name in the case file -> law."""
