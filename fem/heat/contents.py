"""The cement of an injection in the voxels of its heat: in pores, conduits and veins of the bone, and outside of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from fem.heat.leak_pools import LeakPool, LeakSpot, leak_pool
from fem.heat.medium import HeatMedium
from fem.injection.flow import CoupledFlow
from fem.injection.injection_state import InjectionState
from fem.measures.severity import LeakGeometry
from fem.partition import Partition
from meshes.box_grid import BoxGrid
from meshes.leak_sites import SITES

FloatArray = NDArray[np.float64]

_ROUNDING = 1e-9


@dataclass(frozen=True)
class CementContents:
    """Reads an injection's state for its cement in the voxels.

    Attributes:
        medium: the voxels.
        bone: (n,) share of each of them that is bone or body.
        shares: (cells, n) what part of each cell of the body lies in each voxel.
        flow: the laws of the flow.
        pore_volume: (local cells,) mm3.
        leaks: shapes of what has left.
        vein_voxels: (pieces,) voxel of each piece of vein.
    """

    medium: HeatMedium
    bone: FloatArray
    shares: csr_array
    flow: CoupledFlow
    pore_volume: FloatArray
    leaks: LeakGeometry
    vein_voxels: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @classmethod
    def build(
        cls, medium: HeatMedium, bone: FloatArray, shares: csr_array, flow: CoupledFlow, leaks: LeakGeometry
    ) -> Self:
        """Find the voxels of the veins."""
        partition = flow.partition
        pores = partition.cell_volumes * flow.porosity
        veins = np.empty(0, dtype=np.int64)
        if flow.vessels.veins is not None:
            veins = medium.grid.voxels_at(flow.vessels.veins.grid.ends.mean(axis=1))
        return cls(medium, bone, shares, flow, pores, leaks, veins)

    def of(self, state: InjectionState, pools: Mapping[str, LeakPool]) -> FloatArray:
        """(n,) mm3 of cement in the voxels; collective."""
        walls, conduits = self.flow.walls, state.flow.walls.conduits
        held = np.where(walls.conduits.in_bone, conduits.content, 0.0)
        local = self.pore_volume * state.saturation
        local = local + np.bincount(walls.cells, held, minlength=len(local))
        cement = self.shares.T @ everywhere(self.flow.partition, local)
        if state.flow.veins is not None:
            cement = cement + np.bincount(self.vein_voxels, state.flow.veins.content, minlength=len(cement))
        for site, volume in zip(SITES, state.balance.leaked.tolist(), strict=True):
            if volume > 0.0:
                cement = cement + pools[site].content(volume, len(cement))
        return settled(self.medium.grid, cement, self.medium.room)

    def entering(self, state: InjectionState, length: float) -> FloatArray:
        """(n,) mm3 that have come out of needles into the voxels in a step of ``length`` s; collective."""
        rates = state.flow.rates @ self.flow.tips.shares
        return length * (self.shares.T @ everywhere(self.flow.partition, rates))

    def pools_of(self, state: InjectionState, known: Mapping[str, LeakPool]) -> Mapping[str, LeakPool]:
        """The pools of all sites that have leaked by now, those known before as they are; collective."""
        new = [
            site for site, volume in zip(SITES, state.balance.leaked, strict=True) if volume > 0.0 and site not in known
        ]
        if not new:
            return known
        shapes = self.leaks.shapes
        return {
            **known,
            **{site: leak_pool(self.medium, self.bone, self._spot(state, site), shapes[site]) for site in new},
        }

    def _spot(self, state: InjectionState, site: str) -> LeakSpot:
        """Where cement has come out at a site: the middle of the facets that it passes, or the fullest vein's end."""
        walls, partition, source = self.flow.walls, self.flow.partition, self.flow.partition.source
        rows = partition.boundary.original
        passed = np.where(walls.site == SITES.index(site), state.flow.walls.conduits.content, 0.0)
        places = np.column_stack([source.facet_centroids[rows], source.facet_normals[rows]])
        total = partition.comm.allreduce(np.concatenate([passed @ places, [passed.sum()]]))
        if total[6] > 0.0:
            return LeakSpot(total[:3] / total[6], total[3:6] / np.linalg.norm(total[3:6]))
        veins = self.flow.vessels.veins
        if veins is None or state.flow.veins is None:
            raise ValueError(f"cement left at {site}, where there is neither an opening nor a vein")
        grid = veins.grid
        exits = grid.exits[[name == site for name in grid.exit_sites]]
        at_exit = np.isin(grid.junctions, exits)
        pieces = np.flatnonzero(at_exit.any(axis=1))
        fullest = pieces[np.argmax(state.flow.veins.content[pieces] / grid.volume[pieces])]
        last = int(np.argmax(at_exit[fullest]))
        out = grid.ends[fullest, last] - grid.ends[fullest, 1 - last]
        return LeakSpot(grid.ends[fullest, last], out / np.linalg.norm(out))


def everywhere(partition: Partition, values: FloatArray) -> FloatArray:
    """(cells,) values of all ranks in the order of the whole mesh, on every rank, from (local cells,); collective."""
    return np.asarray(partition.comm.bcast(partition.gather_cells(values), root=0))


def settled(grid: BoxGrid, cement: FloatArray, room: FloatArray) -> FloatArray:
    """(n,) cement in mm3 with what a voxel has no room for in the nearest ones that have."""
    over = np.flatnonzero(cement > room * (1.0 + _ROUNDING))
    if not len(over):
        return cement
    result, excess = cement.copy(), cement[over] - room[over]
    result[over] = room[over]
    least = _ROUNDING * grid.voxel_volume
    places = np.column_stack(np.unravel_index(over, grid.shape))
    for row in np.argsort(-excess, kind="stable").tolist():
        around = places[row] + _NEAREST
        around = around[((around >= 0) & (around < grid.shape)).all(axis=1)]
        excess[row] -= _taken(np.ravel_multi_index(tuple(around.T), grid.shape), excess[row], room, result)
        if excess[row] > least:
            free = np.flatnonzero(room > result)
            steps = np.column_stack(np.unravel_index(free, grid.shape)) - places[row]
            order = np.argsort((steps**2).sum(axis=1), kind="stable")
            excess[row] -= _taken(free[order], excess[row], room, result)
    # What the whole box has no room for stays where it came from.
    result[over] += excess
    return result


def _taken(voxels: NDArray[np.int64], volume: float, room: FloatArray, result: FloatArray) -> float:
    """mm3 of a volume that go into some voxels, the first ones first, up to their room; they are put into it."""
    space = np.maximum(room[voxels] - result[voxels], 0.0)
    taken = np.clip(volume - (np.cumsum(space) - space), 0.0, space)
    result[voxels] += taken
    return float(taken.sum())


def _steps_within(reach: int) -> NDArray[np.int64]:
    """(k, 3) steps to the voxels no farther than some edges of one, from the nearest on."""
    steps = np.stack(np.meshgrid(*3 * [np.arange(-reach, reach + 1)], indexing="ij"), axis=-1).reshape(-1, 3)
    distance = (steps**2).sum(axis=1)
    order = np.argsort(distance, kind="stable")
    return steps[order[distance[order] <= reach**2]]


_NEAREST = _steps_within(4)
