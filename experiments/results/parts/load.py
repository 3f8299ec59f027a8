"""The part ``load`` of the results: the bone in all its states under one load."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.results.parts.base import Part, Series, number, share, state, table, text

LOAD_PARTS = ("cortex", "cancellous", "cement", "arch")
"""What shares the load."""


class PeakStress(Part):
    """How large a stress becomes."""

    p95: float = number("MPa", "95th percentile", "Value below which it stays in 95 % of the volume.")
    p99: float = number("MPa", "99th percentile", "Value below which it stays in 99 % of the volume.")
    max: float = number("MPa", "largest", "Largest value of a cell, which depends on the size of the cells.")


class PeakStrain(Part):
    """How large a strain becomes."""

    p95: float = number("1", "95th percentile", "Value below which it stays in 95 % of the volume.")
    p99: float = number("1", "99th percentile", "Value below which it stays in 99 % of the volume.")
    max: float = number("1", "largest", "Largest value of a cell, which depends on the size of the cells.")


class EndplatePressureResults(Part):
    """The pressure between an endplate and what bears on it."""

    force_n: float = number("N", "force", "Axial force on the endplate.")
    mean_mpa: float = number("MPa", "mean", "Axial force over the endplate's area seen along z.")
    p95_mpa: float = number("MPa", "95th percentile", "Value below which it stays on 95 % of the area.")
    p99_mpa: float = number("MPa", "99th percentile", "Value below which it stays on 99 % of the area.")
    max_mpa: float = number(
        "MPa", "largest", "Largest value at a mesh point; at the rim of a bonded plate it grows as the mesh is refined."
    )
    left_share: float = share("left half's share", "Share of the force on the left half.")
    anterior_share: float = share("anterior half's share", "Share of the force on the anterior half.")


class LoadShareResults(Part):
    """What carries the axial force at each height; the shares of a height add up to 1.

    Moments pull at one side what they press at the other, so with them a share may be negative or above 1.
    """

    height: Series = number("1", "height", "Height of the section, from 0 inferior to 1 superior.")
    cortex: Series = share("cortex", "Share of bone near the vertical walls, without cement.")
    cancellous: Series = share("cancellous", "Share of all other bone of the body, without cement.")
    cement: Series = share("cement", "Share of cells more than half full of cement.")
    arch: Series | None = share("arch", "Share of the arch, where the whole vertebra is loaded.", optional=True)

    @property
    def at_mid_height(self) -> dict[str, float]:
        """What carries the load -> its share in the middle."""
        middle = self.height.index(0.5)
        shares = {name: getattr(self, name) for name in LOAD_PARTS}
        return {name: values[middle] for name, values in shares.items() if values is not None}


class NeighbourLoad(Part):
    """What a neighbouring vertebra bears of the load."""

    level: str = text("neighbour", "The vertebra above or below.")
    strain_energy_mj: float = number("mJ", "strain energy of the neighbour", "Energy stored in its bone.")
    bone_effective_strain: PeakStrain = table("effective strain of the neighbour", "Effective strain of its bone.")
    von_mises_mpa: PeakStress = table("von Mises stress of the neighbour", "Von Mises stress of its bone.")
    endplate_pressure: EndplatePressureResults = table(
        "pressure on the neighbour's endplate", "Pressure on its endplate that faces the case's vertebra."
    )


class StateLoad(Part):
    """What the load does in one state."""

    shortening_mm: float = number(
        "mm",
        "shortening",
        "Axial motion of the endplates towards each other, means; away from each other if negative.",
        signed=True,
    )
    tilt_forward_deg: float = number(
        "deg",
        "tilt forward",
        "Rotation of the superior endplate against the inferior one about x, by least squares; backward if negative.",
        signed=True,
    )
    tilt_left_deg: float = number(
        "deg", "tilt to the left", "The same about y, to the left; to the right if negative.", signed=True
    )
    strain_energy_mj: float = number("mJ", "strain energy", "Energy stored in the bone and the cement.")
    von_mises_mpa: Mapping[str, PeakStress] = table(
        "von Mises stress", "Von Mises stress of bone, of cement where there is any, and of the cells at each endplate."
    )
    bone_effective_strain: PeakStrain | None = table(
        "effective strain of bone", "Effective strain of sound bone; null where cement leaves none."
    )
    load_share: LoadShareResults = table("share of the load", "What carries the load at each height.")
    endplate_pressure: Mapping[str, EndplatePressureResults] = table(
        "pressure on the endplate", "Pressure on either endplate."
    )
    neighbour: NeighbourLoad | None = table("", "The neighbouring vertebra, where it is loaded.", optional=True)


class LoadResults(Part):
    """One load on the specimen."""

    case: str = text("load case", "How the load acts on the superior plate, as mechanics.load_case says.")
    force_n: float = number("N", "axial load", "The axial load.")
    moment_nm: float | None = number(
        "N m", "moment", "The moment that acts besides, forward or to the left.", signed=True, optional=True
    )
    left: float | None = number(
        "1", "place to the left", "Where the force of a point acts: 1 at the left wall.", signed=True, optional=True
    )
    depth: float | None = number(
        "1", "place from the front", "Where the force of a point acts: 0 anterior, 1 posterior.", optional=True
    )
    intact: StateLoad = state("intact", "The bone without damage and cement; with [fracture] that before it.")
    fractured: StateLoad | None = state("fractured", "The bone with its damage alone.", optional=True)
    augmented: StateLoad = state("augmented", "The bone with damage and cement.")

    @property
    def states(self) -> dict[str, StateLoad]:
        """Name of a state -> what the load does in it, in the order in which the states come about."""
        found = {"intact": self.intact, "fractured": self.fractured, "augmented": self.augmented}
        return {name: loaded for name, loaded in found.items() if loaded is not None}
