"""The command ``mesh``: from a CT with labels to a mesh file with its quality report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import meshio
import numpy as np
from numpy.typing import NDArray

from experiments.case.identity import identify
from experiments.case.schema import Case
from experiments.case.units import to_internal
from experiments.results.progress import Progress
from experiments.results.results import mesh_results
from experiments.results.store import case_directory, check_target, write_manifest, write_results
from experiments.run.environment import versions
from meshes.body_mesh import mesh_body
from meshes.quality import measure_quality
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra, read_vertebra

EXPECTED_SECONDS = {"vertebra": 3.0, "mesh": 5.0, "quality": 2.0, "pictures": 2.0}


def mesh_and_store(case: Case, out: Path, progress: Progress) -> dict[str, Any]:
    """Mesh the vertebra of ``case`` and write ``mesh.vtu``, ``results.json``, ``manifest.json`` and a picture.

    Args:
        case: its ``patient`` and ``mesh.size_mm`` are used.
        out: directory to write.
        progress: where stages are announced.

    Returns:
        The content of ``results.json``.

    Raises:
        InputError: the images, the level or ``out`` cannot be used.
    """
    check_target(out)
    progress.plan(EXPECTED_SECONDS)
    patient = case.patient
    if patient.ct is None or patient.mask is None:
        raise ValueError("mesh_and_store needs the files of a patient")
    with progress.stage("vertebra"):
        vertebra = read_vertebra(patient.ct, patient.mask, patient.level, patient.labels, patient.subregions)
    with progress.stage("mesh"):
        mesh = mesh_body(vertebra, to_internal(case.mesh.size_mm, "mm"))
    with progress.stage("quality"):
        results = {"mesh": mesh_results(measure_quality(mesh, vertebra))}
    identity = identify(case)
    with case_directory(out) as folder:
        with progress.stage("pictures"):
            from experiments.pictures.figures import draw_mesh

            (folder / "pictures").mkdir()
            draw_mesh(mesh, folder / "pictures" / "mesh.png")
        numbers = write_mesh(folder / "mesh.vtu", mesh, vertebra.frame.to_scanner(mesh.points))
        write_results(folder, results)
        write_manifest(
            folder,
            {
                "case": case.model_dump(mode="json", include={"patient": True, "mesh": {"size_mm"}}),
                "inputs": dict(identity.inputs),
                "code": identity.code,
                "versions": versions(),
                "regions": numbers,
                "vertebra": describe_vertebra(vertebra),
                "warnings": list(vertebra.warnings),
                "seconds": progress.seconds,
                "peak_memory_mb": max(record.peak_memory_mb for record in progress.records),
            },
        )
    return results


def describe_vertebra(vertebra: Vertebra) -> dict[str, Any]:
    """Level, label, conventions and frame of a vertebra for the manifest."""
    return {
        "level": vertebra.level,
        "label": vertebra.label,
        "label_map": vertebra.label_map,
        "frame_method": vertebra.frame.method,
        "scanner_to_anatomical": vertebra.frame.matrix,
        **vertebra.provenance,
    }


def write_mesh(path: Path, mesh: TetMesh, points: NDArray[np.float64]) -> dict[str, dict[str, int]]:
    """Write tetrahedra and boundary triangles with the numbers of their regions.

    Args:
        path: file whose ending, such as ``.vtu``, names a format of meshio.
        mesh: the mesh.
        points: (n, 3) coordinates to write, in the frame that the reader expects.

    Returns:
        ``facet_region`` and ``cell_region``: name -> number in the file; 0 stands for none.
    """
    facet_numbers, facets = _number(mesh.facet_regions, len(mesh.facets))
    cell_numbers, cells = _number(mesh.cell_regions, len(mesh.cells))
    file = meshio.Mesh(
        points,
        [("tetra", mesh.cells), ("triangle", mesh.facets)],
        cell_data={
            "cell_region": [cells, np.zeros_like(facets)],
            "facet_region": [np.zeros_like(cells), facets],
        },
    )
    file.write(path)
    return {"facet_region": facet_numbers, "cell_region": cell_numbers}


def _number(regions: Mapping[str, NDArray[np.int64]], count: int) -> tuple[dict[str, int], NDArray[np.int32]]:
    """Numbers from 1 for the names of ``regions`` and the number of each of ``count`` entities."""
    numbers = {name: index for index, name in enumerate(regions, start=1)}
    marks = np.zeros(count, dtype=np.int32)
    for name, entities in regions.items():
        marks[entities] = numbers[name]
    return numbers, marks
