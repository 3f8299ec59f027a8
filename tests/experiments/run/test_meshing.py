"""The command ``mesh`` on the demo patient, and its file read back by two readers."""

import json
from pathlib import Path

import meshio
import numpy as np
import pytest
import pyvista as pv
from phantoms import ball

from experiments.case.schema import build_case
from experiments.results.finished_case import FinishedCase
from experiments.results.format import FORMAT_VERSION
from experiments.results.parts.manifest import MeshManifest
from experiments.results.parts.mesh import MeshResults
from experiments.results.parts.results import FileOfResults
from experiments.results.progress import Progress
from experiments.run.meshing import mesh_and_store, write_mesh
from meshes.demo_patient import demo_patient
from meshes.tetmesh import CELL_REGIONS, FACET_REGIONS


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MeshResults]:
    patient = demo_patient()
    files = {"ct": str(patient.ct), "mask": str(patient.mask), "subregions": str(patient.subregions)}
    case = build_case({"patient": {**files, "level": "L3"}, "mesh": {"size_mm": 4.0}})
    out = tmp_path_factory.mktemp("mesh") / "out"
    return out, mesh_and_store(case, out, Progress())[0]


def test_the_report_is_what_is_stored(stored: tuple[Path, MeshResults]) -> None:
    out, mesh = stored
    found = FileOfResults.model_validate_json((out / "results.json").read_text())
    assert found == FileOfResults(format_version=FORMAT_VERSION, mesh=mesh)
    MeshManifest.model_validate_json((out / "manifest.json").read_text())
    assert mesh.volume_ml == pytest.approx(mesh.mask_volume_ml, rel=5e-3)
    assert mesh.gamma_min > 0.15
    assert (out / "pictures" / "mesh.png").is_file()


def test_the_file_lies_in_the_scanner_frame_with_its_regions(stored: tuple[Path, MeshResults]) -> None:
    out, mesh = stored
    manifest = json.loads((out / "manifest.json").read_text())
    grid = pv.read(out / "mesh.vtu")
    tets = grid.extract_cells(grid.celltypes == pv.CellType.TETRA)
    assert tets.n_cells == mesh.cells
    assert tets.volume / 1e3 == pytest.approx(mesh.volume_ml, rel=1e-9)
    matrix = np.array(manifest["vertebra"]["scanner_to_anatomical"])
    centroid = tets.compute_cell_sizes()["Volume"] @ tets.cell_centers().points / tets.volume
    np.testing.assert_allclose((matrix @ [*centroid, 1.0])[:3], 0.0, atol=0.2)


def test_regions_are_numbered_as_in_runs(stored: tuple[Path, MeshResults], finished_demo: FinishedCase) -> None:
    numbers = json.loads((stored[0] / "manifest.json").read_text())["regions"]
    assert numbers == {name: getattr(finished_demo.manifest.regions, name) for name in ("facet_region", "cell_region")}
    grid = pv.read(stored[0] / "mesh.vtu")
    for array, kind, names in (
        ("facet_region", pv.CellType.TRIANGLE, FACET_REGIONS),
        ("cell_region", pv.CellType.TETRA, CELL_REGIONS),
    ):
        assert numbers[array] == {name: number for number, name in enumerate(names)}
        marks = grid.cell_data[array]
        assert set(marks[grid.celltypes == kind]) == set(numbers[array].values())
        assert set(marks[grid.celltypes != kind]) == {-1}


def test_meshio_reads_cells_and_region_numbers(tmp_path: Path) -> None:
    mesh = ball(1.0, 0.5)
    mesh = mesh.with_regions({"left": np.arange(3), "right": np.arange(3, len(mesh.facets))})
    write_mesh(tmp_path / "ball.vtu", mesh, mesh.points)
    read = meshio.read(tmp_path / "ball.vtu")
    np.testing.assert_allclose(read.points, mesh.points)
    np.testing.assert_array_equal(read.cells_dict["tetra"], mesh.cells)
    np.testing.assert_array_equal(read.cells_dict["triangle"], mesh.facets)
    marks = read.get_cell_data("facet_region", "triangle")
    np.testing.assert_array_equal(marks, np.repeat([0, 1], [3, len(mesh.facets) - 3]))
