"""A bucket: a box so permeable that its pressure is even, so that what its walls pass has an exact answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from block_grid import block_grid
from numpy.typing import NDArray

from fem.injection.displaced_phase import DisplacedFluids, VascularExchange
from fem.injection.flow import CoupledFlow
from fem.injection.flow_state import FlowState, PoreFluids
from fem.injection.needle_opening import NeedleOpening
from fem.injection.needle_tips import NeedleTips
from fem.injection.plan import Needle
from fem.injection.wall_flow import WallFlow
from fem.injection.walls import Opening, Walls, build_walls
from fem.partition import Partition
from fem.porous import PorousMedium
from materials.cannula import Cannula
from materials.cement import Rheology, newtonian_cement
from materials.leak_path import LeakPath
from meshes.leak_sites import SITE_BEHIND_WALL
from meshes.tetmesh import TetMesh

RATE, MARROW, POROSITY = 50.0, 2e-7, 0.8
PERMEABILITY = 1e6
"""mm2; what flows to the walls then leaves the pressure even to 1e-7."""

MESH: TetMesh = block_grid((4, 4, 4), 2.0)


@dataclass
class Bucket:
    """The flow in a bucket.

    Attributes:
        flow: pressure, walls and needle.
        state: of the flow, which every solve takes up and puts back.
        fill: saturations and shares of fluids -> what fills the pores of cement of no age.
        behind: name of a side -> its facets among the walls.
    """

    flow: CoupledFlow
    state: FlowState
    fill: Callable[..., PoreFluids]
    behind: Callable[[str], NDArray[np.bool_]]

    def solve(self, rate: float, filling: PoreFluids) -> None:
        """Solve for the fixed point at a rate in mm3/s."""
        self.state = self.flow.solve_fixed_point(self.state, np.array([rate]), filling, 0.0)

    def level(self) -> float:
        """The pressure in MPa, which is the same everywhere."""
        pressures = self.state.pressure.facet_pressure
        assert np.ptp(pressures) < 1e-6 * max(abs(pressures).max(), 1e-6)
        return float(pressures.mean())

    def passed(self, side: str) -> float:
        """Rate in mm3/s out through a side."""
        return float(self.state.pressure.wall_flux[self.behind(side)].sum())


@cache
def partition() -> Partition:
    """The mesh on this rank."""
    return Partition.build(MESH)


def medium_of(permeability: float) -> PorousMedium:
    """The same permeability in mm2 everywhere."""
    count = len(MESH.cells)
    return PorousMedium(np.full(count, POROSITY), np.tile(permeability * np.eye(3), (count, 1, 1)))


def even_source(medium: PorousMedium) -> Needle:
    """A needle whose cement enters every cell by its volume: one in a place would leave the pressure uneven."""
    opening = NeedleOpening.place(MESH, medium, np.zeros(3), 1.0)
    volumes = MESH.cell_volumes
    return Needle(replace(opening, cells=np.arange(len(volumes)), shares=volumes / volumes.sum()), Cannula())


def walls_of(
    conductances: Mapping[str, float],
    paths: Mapping[str, tuple[LeakPath, float, float]] | None = None,
    outside: Mapping[str, float] | None = None,
) -> Walls:
    """Sides with a conductance each, and sides that are open as a whole: path, area in mm2 and conductance."""
    openings = [
        Opening(SITE_BEHIND_WALL[side], MESH.facet_regions[side], path, area, conductance)
        for side, (path, area, conductance) in (paths or {}).items()
    ]
    return build_walls(MESH, {}, openings, outside, conductances=conductances)


def bucket(
    walls: Walls,
    cement: Rheology | None = None,
    fluids: DisplacedFluids | None = None,
    exchange: VascularExchange | None = None,
    permeability: float = PERMEABILITY,
) -> Bucket:
    """A bucket into which cement enters everywhere alike, and conduits full of cement in its walls."""
    whole, medium = partition(), medium_of(permeability)
    cement, fluids = cement or newtonian_cement(MARROW), fluids or DisplacedFluids(MARROW)
    law = WallFlow.build(whole, medium, walls, cement, MARROW)
    tips = NeedleTips.build([even_source(medium)], whole, cement)
    flow = CoupledFlow.build(whole, medium, law, None, tips, cement, fluids, exchange, np.inf, RATE)
    nothing = np.zeros(len(MESH.cells))

    def fill(saturation: NDArray[np.float64] | float, shares: Sequence[float] = ()) -> PoreFluids:
        fluids = np.array([nothing + share for share in shares]).reshape(-1, len(nothing))
        return PoreFluids(whole.local_cells(nothing + saturation), nothing, fluids, np.zeros(len(law.cells)))

    def behind(side: str) -> NDArray[np.bool_]:
        return np.isin(whole.boundary.original, MESH.facet_regions[side])

    start = flow.initial_state()
    full = replace(start.walls.conduits, content=law.conduits.volume)
    return Bucket(flow, replace(start, walls=replace(start.walls, conduits=full)), fill, behind)
