"""The command ``mesh``: from a CT with labels to a mesh file with its quality report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.case.identity import identify
from experiments.case.schema import Case
from experiments.case.units import to_internal
from experiments.model.patient import read_patient
from experiments.model.region_numbers import mesh_names, mesh_numbers
from experiments.results.builders import mesh_results
from experiments.results.format import FORMAT_VERSION
from experiments.results.parts.manifest import MeshManifest
from experiments.results.parts.mesh import MeshResults
from experiments.results.parts.results import FileOfResults
from experiments.results.progress import Progress
from experiments.results.store import case_directory, check_target, write_manifest, write_results
from experiments.run.environment import command, now, versions
from meshes.body_mesh import mesh_body
from meshes.data_set_file import save
from meshes.quality import measure_quality
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

EXPECTED_SECONDS = {"vertebra": 3.0, "mesh": 5.0, "quality": 2.0, "pictures": 2.0}


def mesh_and_store(case: Case, out: Path, progress: Progress) -> tuple[MeshResults, tuple[str, ...]]:
    """Mesh the vertebra of ``case`` and write ``mesh.vtu``, ``results.json``, ``manifest.json`` and pictures.

    Args:
        case: its ``patient`` and ``mesh.size_mm`` are used.
        out: directory to write.
        progress: where stages are announced.

    Returns:
        The part ``mesh`` of the results, and the warnings of the manifest.

    Raises:
        InputError: the images, the level or ``out`` cannot be used.
    """
    check_target(out)
    progress.plan(EXPECTED_SECONDS)
    with progress.stage("vertebra"):
        vertebra = read_patient(case)
    with progress.stage("mesh"):
        mesh = mesh_body(vertebra, to_internal(case.mesh.size_mm, "mm"))
    with progress.stage("quality"):
        results = FileOfResults(format_version=FORMAT_VERSION, mesh=mesh_results(measure_quality(mesh, vertebra)))
    identity = identify(case)
    with case_directory(out) as folder:
        with progress.stage("pictures"):
            from experiments.pictures.figures import draw_mesh
            from experiments.pictures.plan import Plan, draw_plan_sections

            pictures = folder / "pictures"
            pictures.mkdir()
            draw_mesh(mesh, pictures / "mesh.png")
            draw_plan_sections(Plan.of(vertebra, mesh), pictures / "outline.png")
        write_mesh(folder / "mesh.vtu", mesh, vertebra.frame.to_scanner(mesh.points))
        write_results(folder, results)
        write_manifest(
            folder,
            MeshManifest(
                case=case.model_dump(mode="json", include={"patient": True, "mesh": {"size_mm"}}),
                inputs=dict(identity.inputs),
                code=identity.code,
                finished=now(),
                command=command(),
                versions=versions(),
                regions=mesh_names(mesh),
                vertebra=describe_vertebra(vertebra),
                warnings=vertebra.warnings,
                seconds=progress.seconds,
                peak_memory_mb=max(record.peak_memory_mb for record in progress.records),
            ),
        )
    return results.mesh, vertebra.warnings


def describe_vertebra(vertebra: Vertebra) -> dict[str, Any]:
    """Level, label, conventions and frame of a vertebra for the manifest."""
    return {
        "level": vertebra.level,
        "label": vertebra.label,
        "label_map": vertebra.label_map,
        "frame_method": vertebra.frame.method,
        "scanner_to_anatomical": vertebra.frame.matrix.tolist(),
        **vertebra.provenance,
    }


def write_mesh(path: Path, mesh: TetMesh, points: NDArray[np.float64]) -> None:
    """Write tetrahedra and boundary triangles as VTU with the numbers of their regions; -1 on those of the other kind.

    Args:
        path: file to write.
        mesh: the mesh.
        points: (n, 3) coordinates to write, in the frame that the reader expects.
    """
    from experiments.results.grids import whole_of

    grid, numbers = whole_of(mesh), mesh_numbers(mesh)
    grid.points = points
    cells, facets = (np.full(len(part), -1, dtype=np.int32) for part in (mesh.cells, mesh.facets))
    grid.cell_data["cell_region"] = np.concatenate([numbers["cell_region"], facets])
    grid.cell_data["facet_region"] = np.concatenate([cells, numbers["facet_region"]])
    save(grid, path)
