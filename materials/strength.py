"""When bone counts as failed in a linear analysis."""

from __future__ import annotations

from dataclasses import dataclass

from materials.provenance import check_ranges, quantity

_PISTOIA = "Pistoia 2002, 10.1016/s8756-3282(02)00736-6"


@dataclass(frozen=True)
class OverstrainedVolume:
    """Bone fails when a share of its volume is strained beyond its yield strain.

    Pistoia 2002 found both values for the radius, where the elements resolve the trabeculae: 2 % above an effective
    strain of 0.7 %. Where the cells hold bone and marrow together, 0.7 % stands for the yield of cancellous bone as a
    whole; measured in vertebrae it is 0.77 % in compression and 0.70 % in tension (Morgan & Keaveny 2001, tag M), and a
    cell counts with the bone tissue that it holds. Strength is proportional to the yield strain and grows with the
    share more slowly.
    """

    yield_strain: float = quantity(0.007, "1", _PISTOIA, "M", 1e-3, 0.05)
    volume_share: float = quantity(0.02, "1", f"{_PISTOIA}, there fitted to the radius", "M", 1e-3, 0.5)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)
