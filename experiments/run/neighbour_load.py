"""What the neighbouring vertebra bears in each state of the case's own."""

from __future__ import annotations

from contextlib import AbstractContextManager

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from experiments.model.neighbour import Neighbour
from experiments.results.parts.load import NeighbourLoad, PeakStrain, PeakStress
from experiments.run.load_results import peaks, pressure_results
from experiments.run.ranks import on_root
from fem.mechanics.endplate_pressure import endplate_pressure, point_forces
from fem.mechanics.pressed_body import PressedBody
from fem.mechanics.stress import ElasticFields, elastic_fields
from fem.partition import Partition
from meshes.frame import AnatomicalFrame
from meshes.tetmesh import TetMesh


class NeighbourProblem(AbstractContextManager["NeighbourProblem"]):
    """The neighbour on its fixed plate; leaving the context releases its PETSc objects."""

    def __init__(self, neighbour: Neighbour, degree: int, comm: MPI.Comm) -> None:
        """Set up its elastic problem on all ranks."""
        self._neighbour, self._comm = neighbour, comm
        self._partition = Partition.build(neighbour.specimen.mesh, comm)
        self._body = PressedBody(self._partition, degree, neighbour.near, neighbour.far)

    def __exit__(self, *_: object) -> None:
        """Release the PETSc objects."""
        self._body.destroy()

    def load(self, mesh: TetMesh, fields: ElasticFields | None, frame: AnatomicalFrame) -> NeighbourLoad | None:
        """Press on it what the case's vertebra passes on, and tell on rank 0 what that does.

        Args:
            mesh: of the case's specimen, discs included.
            fields: on it, on rank 0.
            frame: that the mesh lies in.

        Raises:
            InputError: the faces of the discs do not meet.
            ConvergenceError: the solver did not reach its tolerance.
        """
        neighbour, material = self._neighbour, self._neighbour.material

        def passed_on() -> NDArray[np.float64]:
            if fields is None:
                raise ValueError("rank 0 has no fields")
            face = point_forces(mesh, fields.stress, neighbour.giving)
            places = frame.to_scanner(mesh.points[face.points])
            return neighbour.pressures(places, face.pressure, float(face.axial.sum()))

        displacement = self._body.solve(material, on_root(self._comm, passed_on)).displacement
        found = elastic_fields(self._partition, displacement, material)
        if found is None:
            return None
        bone = neighbour.specimen.bone_mesh
        strain, volumes = found.effective_strain(material)[: len(bone.cells)], bone.cell_volumes
        found = found.first(len(bone.points), len(bone.cells))
        return NeighbourLoad(
            level=neighbour.level,
            strain_energy_mj=float(found.energy_density @ volumes),
            bone_effective_strain=PeakStrain(**peaks(strain, volumes)),
            von_mises_mpa=PeakStress(**peaks(found.von_mises, volumes)),
            endplate_pressure=pressure_results(endplate_pressure(bone, found.stress, neighbour.facing)),
        )
