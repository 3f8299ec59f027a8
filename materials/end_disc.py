"""Discs between the endplates of a vertebra and the plates that load it."""

from __future__ import annotations

from dataclasses import dataclass

from materials.provenance import check_ranges, quantity

_WALLE = "Walle, Matheson & Boyd 2025, 10.1093/gigascience/giaf094"
_YANG = "Yang, Nawathe, Fields & Keaveny 2012, 10.1016/j.jbiomech.2012.05.044"


@dataclass(frozen=True)
class EndDisc:
    """Isotropic disc on an endplate, flat outside; PMMA as specimens are potted in it, unless values are given."""

    modulus: float = quantity(2500.0, "MPa", _WALLE, "S", 0.1, 10000.0)
    poisson_ratio: float = quantity(0.3, "1", _WALLE, "S", 0.0, 0.49)
    thickness: float = quantity(3.0, "mm", f"least height, in the example of {_WALLE}", "D", 0.5, 20.0)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)


@dataclass(frozen=True)
class SoftDisc(EndDisc):
    """Compliant disc in the place of an intervertebral one."""

    modulus: float = quantity(8.0, "MPa", _YANG, "S", 0.1, 10000.0)
    poisson_ratio: float = quantity(0.45, "1", "nearly incompressible", "M", 0.0, 0.49)
    thickness: float = quantity(5.0, "mm", "half of an intervertebral disc of 10 mm", "M", 0.5, 20.0)


DISCS: dict[str, EndDisc | None] = {"rigid": None, "pmma": EndDisc(), "soft": SoftDisc()}
"""Plates of a case -> the discs under them."""
