"""Pockets of a block on one or several ranks."""

import dolfinx_solver  # noqa: F401
from mpi4py import MPI

import numpy as np
from block_grid import block_grid

import fem.pressure.pockets
from fem.partition import Partition
from fem.pressure.darcy import DarcyPressure


def solved(partition: Partition, mobility: np.ndarray) -> DarcyPressure:
    cells = partition.source.cells
    pressure = DarcyPressure(partition, np.broadcast_to(1e-2 * np.eye(3), (len(partition.cell_volumes), 3, 3)))
    source = np.zeros(len(cells))
    source[len(cells) // 2] = 50.0
    walls = np.full(len(partition.boundary.facets), 0.1)
    pressure.solve(partition.local_cells(mobility), partition.local_cells(source), walls, 0.0 * walls)
    return pressure


def facets_solved_for(pressure: DarcyPressure, comm: MPI.Comm) -> np.ndarray:
    around = pressure._preconditioner.pockets.surroundings
    local = np.empty(0, dtype=np.int32) if around is None else around.facets.astype(np.int32)
    return np.unique(np.concatenate(comm.allgather(pressure.partition.facet_map.local_to_global(local))))


def owners(partition: Partition, comm: MPI.Comm) -> np.ndarray:
    facets = partition.facet_map
    return np.concatenate([np.full(facets.size_local, comm.rank), facets.owners])


def pockets_of_a_block(comm: MPI.Comm) -> dict[str, float]:
    """Counts of cells and facets that are solved for, and what flows out."""
    usual = fem.pressure.pockets.MOST_FACETS
    fem.pressure.pockets.MOST_FACETS = 1.0  # with all layers, whatever the share of a rank
    partition = Partition.build(block_grid((8, 8, 8)), comm)
    middles = partition.source.points[partition.source.cells].mean(axis=1)
    few = np.random.default_rng(3).random(len(middles)) < 0.01
    scattered = solved(partition, np.where(few, 1e8, 1e4))
    numbers = partition.facet_map.local_to_global(np.arange(len(partition.facet_cells), dtype=np.int32))
    together = np.isin(numbers, facets_solved_for(scattered, comm))[partition.cell_facets]
    of_cell = np.where(together, owners(partition, comm)[partition.cell_facets], -1)
    lowest = np.where(together, of_cell, comm.size).min(axis=1)
    halves = [solved(partition, np.where(middles[:, axis] > 0.0, 1e8, 1e4)) for axis in range(3)]
    fem.pressure.pockets.MOST_FACETS = usual
    return {
        "iterations": scattered.iterations,
        "facets": len(facets_solved_for(scattered, comm)),
        "cells of two ranks": int(comm.allreduce(int((of_cell.max(axis=1) > lowest).sum()))),
        "facets of halves": sum(len(facets_solved_for(half, comm)) for half in halves),
        "outflow": float(comm.allreduce(float(scattered.wall_flux.sum()))),
    }
