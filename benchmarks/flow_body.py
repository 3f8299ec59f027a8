"""The demo's L3 on meshes of any size, and what fills its pores at one moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from experiments.case.laws import Laws
from experiments.case.schema import demo_case
from experiments.model.preparation import InjectionSetup, Preparation, prepare
from experiments.results.progress import Progress
from experiments.run.ranks import on_root
from fem.partition import Partition
from meshes.tetmesh import TetMesh

SMEARED = 1.0
"""Width in mean edge lengths over which the saturation of a spherical front falls from 1 to 0."""


@dataclass(frozen=True)
class Body:
    """The demo's L3, ready to be injected.

    Attributes:
        laws: of the demo.
        prepared: mesh, bone and tissues.
        setup: needle, walls and plan.
    """

    laws: Laws
    prepared: Preparation
    setup: InjectionSetup

    @classmethod
    def of_size(cls, size: float, folder: Path, comm: MPI.Comm) -> Body:
        """Prepare the demo with edges of ``size`` mm; its mesh is kept in ``folder``."""
        case = demo_case(size_mm=size)

        def mesher(mesh: Callable[..., TetMesh], *arguments: object) -> TetMesh:
            path = folder / f"mesh_{size:g}mm.npz"
            if not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                mesh(*arguments).save(path)
            return TetMesh.load(path)

        def prepared() -> tuple[Laws, Preparation]:
            laws = Laws.of_case(case)
            return laws, prepare(case, laws, Progress(), mesher)

        laws, found = on_root(comm, prepared)
        if not isinstance(found.cement, InjectionSetup):
            raise ValueError("the demo injects its cement")
        return cls(laws, found, found.cement)

    def front(self, partition: Partition, volume: float) -> NDArray[np.float64]:
        """(local cells,) saturation of a ball of cement around the tip that holds ``volume`` mm3 of it."""
        centre = self.setup.needles[0].opening.position
        distance = np.linalg.norm(partition.corner_points.mean(axis=1) - centre, axis=1)
        porosity = float(self.prepared.tissues.medium.porosity.mean())
        radius = (3.0 * volume / (4.0 * np.pi * porosity)) ** (1.0 / 3.0)
        mesh = partition.source
        length = (mesh.volume / len(mesh.cells) * 6.0 * 2.0**0.5) ** (1.0 / 3.0)
        return np.clip((radius - distance) / (SMEARED * length) + 0.5, 0.0, 1.0)


@dataclass(frozen=True)
class Moment:
    """One pressure problem.

    Attributes:
        saturation: (local cells,) of cement.
        cement_viscosity: (local cells,) in MPa s.
        displaced_viscosity: (local cells,) in MPa s.
        source: (local cells,) cement injected in mm3/s.
        conductance: (b,) of the walls in mm3/(s MPa).
        outside: (b,) pressure behind the walls in MPa.
    """

    saturation: NDArray[np.float64]
    cement_viscosity: NDArray[np.float64]
    displaced_viscosity: NDArray[np.float64]
    source: NDArray[np.float64]
    conductance: NDArray[np.float64]
    outside: NDArray[np.float64]

    @classmethod
    def of_front(
        cls, body: Body, partition: Partition, saturation: NDArray[np.float64], contrast: float
    ) -> Moment:  # fmt: skip
        """Cement of one viscosity, ``contrast`` times that of marrow, which seeps through the demo's walls."""
        opening, walls = body.setup.needles[0].opening, partition.boundary
        shares = np.zeros(len(partition.source.cells))
        shares[opening.cells] = opening.shares
        shares = partition.local_cells(shares)
        filled = np.where(shares > 0.0, 1.0, saturation)
        marrow = np.full(len(filled), body.prepared.tissues.fluids.marrow_viscosity)
        conductance = body.setup.walls.conductance[walls.original] * (1.0 - filled[walls.cells])
        source = body.setup.plan.rate * shares
        return cls(filled, contrast * marrow, marrow, source, conductance, np.zeros(len(conductance)))

    def mobility(self) -> NDArray[np.float64]:
        """(local cells,) total mobility in 1/(MPa s)."""
        return self.saturation / self.cement_viscosity + (1.0 - self.saturation) / self.displaced_viscosity

    @property
    def ratio(self) -> NDArray[np.float64]:
        """(local cells,) viscosity of cement over that of the displaced phase."""
        return self.cement_viscosity / self.displaced_viscosity
