"""The written problem of :mod:`benchmarks.cube_problem` in this program, as a process of its own.

Run it as ``python -m benchmarks.cube_own MESH FACTOR`` with a mesh of :meth:`meshes.tetmesh.TetMesh.save`; FACTOR
multiplies the number of steps. It prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)

import numpy as np

from benchmarks.cube_problem import CEMENT, EDGE, MARROW, OPENING, PERMEABILITY, POROSITY, RATE, VOLUME, Answer, radii
from benchmarks.processes import ROOT, python, run
from fem.injection.displaced_phase import DisplacedFluids
from fem.injection.injection import Injection
from fem.injection.needle_opening import NeedleOpening
from fem.injection.plan import Bolus, InjectionPlan, Needle, Stage
from fem.injection.walls import Walls
from fem.partition import Partition
from fem.porous import PorousMedium
from materials.cannula import Cannula
from materials.cement import newtonian_cement
from meshes.occ_geometry import OccGeometry
from meshes.tetmesh import TetMesh

WIDE_OPEN = 1e6
"""Conductance of the faces in mm3/(s MPa) per mm2: their pressure is that outside."""


def solve(folder: Path, size: float, factor: float) -> Answer:
    """Run it with edges of ``size`` mm and ``factor`` times the usual number of steps.

    Raises:
        ProcessError: it did not end well.
    """
    path = folder / f"cube_{size:g}mm.npz"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with OccGeometry() as geometry:
            geometry.add_box([0.0, 0.0, 0.0], 3 * [EDGE])
            geometry.fill(f"{size:.17g}").save(path)
    cost, text = run(python("benchmarks.cube_own", path, factor), ROOT)
    return Answer(wall=cost.wall, processor=cost.processor, **json.loads(text.splitlines()[-1]))


def main(path: Path, factor: float) -> None:
    """Inject, and print."""
    start, mesh = perf_counter(), TetMesh.load(path)
    tensor = np.full(len(mesh.cells), PERMEABILITY)
    medium = PorousMedium.transversely_isotropic(np.full(len(mesh.cells), POROSITY), tensor, tensor)
    middle = np.full(3, 0.5 * EDGE)
    needle = Needle(NeedleOpening.place(mesh, medium, middle, OPENING), Cannula())
    nothing, nowhere = np.zeros(len(mesh.facets)), np.full(len(mesh.facets), -1)
    walls = Walls(WIDE_OPEN * mesh.facet_areas, nothing, nowhere, nothing, ())
    usual = InjectionPlan((Stage((Bolus(0, VOLUME, RATE),)),))
    plan = InjectionPlan(
        usual.stages,
        front_advance=usual.front_advance / factor,
        least_steps=round(usual.least_steps * factor),
    )
    injection = Injection.build(
        Partition.build(mesh), medium, walls, [needle], newtonian_cement(CEMENT), DisplacedFluids(MARROW), plan
    )
    history = injection.run()
    injection.destroy()
    if history.saturation is None:
        raise ValueError("a run on one rank has its saturation there")
    radius, moment_radius = radii(history.saturation, mesh.cell_volumes, mesh.cell_centroids - middle)
    print(
        json.dumps(
            {
                "radius": radius,
                "moment_radius": moment_radius,
                "pressure": history.last.tip_pressure,
                "loop": perf_counter() - start,
                "cells": len(mesh.cells),
                "steps": len(history.records) - 1,
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
