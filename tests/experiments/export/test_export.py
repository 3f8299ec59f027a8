"""What other programs read is what the run wrote: values, times, place and side, by readers of their own."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import pyvista
import SimpleITK
from nibabel.affines import apply_affine
from scipy.spatial import cKDTree
from typer.testing import CliRunner

from experiments.cli.main import app
from experiments.export import segmentation
from experiments.export.nifti import saturation_on_scan
from experiments.export.segmentation import segments_of
from experiments.export.surfaces import cement_body, front
from experiments.pictures import style
from experiments.results.finished_case import FinishedCase
from fem.measures.isosurface import isosurface
from meshes.demo_patient import DemoPatient
from meshes.line_markup import read_line
from meshes.scanned_cement import read_cement_mask
from meshes.vertebra import Vertebra


@pytest.fixture(scope="module")
def exported(finished_demo: FinishedCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that the command writes, from a folder that is not the current one."""
    folder = tmp_path_factory.mktemp("export") / "out"
    done = CliRunner().invoke(app, ["export", str(finished_demo.folder), "-o", str(folder)])
    assert done.exit_code == 0, done.output
    return folder


@pytest.mark.parametrize("name", ["fields.pvd", "fields.xdmf"])
def test_the_series_has_the_times_and_values_of_the_run(finished_demo: FinishedCase, exported: Path, name: str) -> None:
    reader = pyvista.get_reader(exported / name)
    np.testing.assert_allclose(reader.time_values, finished_demo.times(), rtol=1e-12)
    for step in (0, 2, 4):
        reader.set_active_time_value(reader.time_values[step])
        read, stored = reader.read(), finished_demo.grid(step)
        grid = read[0]  # of an XDMF series, VTK gives the mesh that all times share as a second block
        np.testing.assert_allclose(grid.points, finished_demo.frame.to_scanner(stored.points), atol=1e-5)
        assert set(stored.cell_data) <= set(grid.cell_data)
        for array in ("saturation", "pressure_kpa", "bmd_mg_per_cm3", "cell_region"):
            np.testing.assert_array_equal(grid.cell_data[array], stored.cell_data[array])
        turned = np.asarray(stored.cell_data["darcy_velocity_mm_per_s"]) @ finished_demo.frame.axes
        np.testing.assert_allclose(grid.cell_data["darcy_velocity_mm_per_s"], turned, atol=1e-5)


def test_the_surfaces_are_those_of_the_measures(finished_demo: FinishedCase, exported: Path) -> None:
    """Against the volume and the area that the fill measures compute without making a surface."""
    exact = isosurface(finished_demo.mesh, finished_demo.saturation(), 0.5)
    assert exact is not None
    body, edge = (pyvista.read(exported / f"{name}.stl") for name in ("cement", "front"))
    assert body.volume == pytest.approx(exact.volume, rel=1e-5)
    assert body.area == pytest.approx(exact.area, rel=1e-5)
    assert body.clean().is_manifold
    assert 0.0 < edge.area <= body.area * (1.0 + 1e-6)
    np.testing.assert_allclose(
        body.center_of_mass(), finished_demo.frame.to_scanner(cement_body(finished_demo).center_of_mass()), atol=1e-3
    )
    assert cement_body(finished_demo, 0).n_cells == front(finished_demo, 0).n_cells == 0


def test_slicer_finds_the_saturation_over_the_scan(
    finished_demo: FinishedCase, exported: Path, demo_files: DemoPatient
) -> None:
    """Read with nibabel, whose world is RAS: the patient's left has the smaller x."""
    image, scan = nib.load(exported / "saturation.nii.gz"), nib.load(demo_files.ct)
    values = np.asarray(image.dataobj)
    assert image.get_data_dtype() == np.float32
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, 1)
    assert image.header.get_xyzt_units()[0] == "mm"
    # the voxels are those of the scan: whole numbers of its steps apart
    corners = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T * (np.array(values.shape) - 1)
    there = apply_affine(np.linalg.inv(scan.affine) @ image.affine, corners)
    np.testing.assert_allclose(there, np.round(there), atol=1e-3)
    assert (there > -0.5).all()
    assert (there < np.array(scan.shape) - 0.5).all()
    # the cement is where the tetrahedra have it
    mesh, saturation = finished_demo.mesh, finished_demo.saturation()
    occupied = saturation * mesh.cell_volumes
    centroid = finished_demo.frame.to_scanner(occupied @ mesh.cell_centroids / occupied.sum())
    voxels = np.argwhere(values > 0.0)
    weights = values[values > 0.0]
    found = apply_affine(image.affine, weights @ voxels / weights.sum())
    np.testing.assert_allclose(found, centroid * [-1.0, -1.0, 1.0], atol=0.05)
    spacing = np.linalg.norm(image.affine[:3, :3], axis=0)
    assert weights.sum() * spacing.prod() == pytest.approx(occupied.sum(), rel=0.01)
    # left is left: the needle came from the patient's left
    origin = finished_demo.frame.origin * [-1.0, -1.0, 1.0]
    assert found[0] < origin[0] - 2.0


def test_a_full_body_fills_its_mask(finished_demo: FinishedCase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Voxels deep inside have 1, those outside 0, and together they have the body's volume."""
    monkeypatch.setattr(FinishedCase, "saturation", lambda self, step: np.ones(len(self.mesh.cells)))
    image = saturation_on_scan(finished_demo)
    assert image.values.sum() * image.voxel_volume == pytest.approx(finished_demo.mesh.volume, rel=2e-3)
    indices = np.round(image.to_indices(finished_demo.frame.origin[None])).astype(int)[0]
    assert image.values[tuple(indices)] == 1.0
    assert image.values[0].max() == image.values[-1].max() == 0.0


def test_slicer_finds_the_segments_over_the_scan(finished_demo: FinishedCase, exported: Path) -> None:
    """Read with ITK, whose world is LPS."""
    stored = SimpleITK.ReadImage(str(exported / "segmentation.seg.nrrd"))
    names = [stored.GetMetaData(f"Segment{k}_Name") for k in range(20) if stored.HasMetaDataKey(f"Segment{k}_Name")]
    assert names[:2] == ["L3 body", "cement"]
    assert len(names) == len(segments_of(finished_demo))
    layers = SimpleITK.GetArrayFromImage(stored)
    layers = layers[..., None] if layers.ndim == 3 else layers
    places = np.array([stored.GetSpacing()]), np.reshape(stored.GetDirection(), (3, 3)), np.array(stored.GetOrigin())
    found = {}
    for k, name in enumerate(names):
        number, layer = (int(stored.GetMetaData(f"Segment{k}_{field}")) for field in ("LabelValue", "Layer"))
        voxels = np.argwhere(layers[..., layer] == number)[:, ::-1]
        found[name] = voxels * places[0] @ places[1].T + places[2]
        red, green, blue = (float(part) for part in stored.GetMetaData(f"Segment{k}_Color").split())
        assert max(red, green, blue) <= 1.0
    size = float(np.prod(places[0]))
    assert len(found["L3 body"]) * size == pytest.approx(finished_demo.mesh.volume, rel=0.02)
    surface = isosurface(finished_demo.mesh, finished_demo.saturation(), 0.5)
    assert surface is not None
    assert len(found["cement"]) * size == pytest.approx(surface.volume, rel=0.1)
    # the cement came from the patient's left, which is +x in LPS
    assert found["cement"].mean(axis=0)[0] > found["L3 body"].mean(axis=0)[0] + 2.0
    veins = finished_demo.veins()
    assert ("veins" in found) == (veins is not None)
    if veins is not None:
        nodes = finished_demo.frame.to_scanner(veins.nodes)
        apart, _ = cKDTree(found["veins"]).query(nodes)
        assert apart.max() < 2.0 * places[0].max()
    for site in finished_demo.leak_sites():
        name = f"{site.site.replace('_', ' ')}, {site.leaked_ml:.2f} ml leaked"
        centres = finished_demo.frame.to_scanner(finished_demo.mesh.facet_centroids[site.facets])
        assert name in names
        if name in found and len(found[name]):
            assert cKDTree(centres).query(found[name])[0].max() < 6.0


def test_segments_have_the_colours_of_pictures() -> None:
    assert segmentation.LEAK_COLORS == style.CLASS_COLORS
    assert segmentation.CEMENT_COLOR == style.CEMENT_COLOR
    assert segmentation.VEIN_COLOR == style.VEIN_COLOR
    assert segmentation.BONE_COLOR == style.BONE_COLOR


def test_our_own_reader_takes_the_cement_back(
    finished_demo: FinishedCase, exported: Path, demo_vertebra: Vertebra
) -> None:
    cement = read_cement_mask(exported / "segmentation.seg.nrrd", demo_vertebra)
    shown = [segment.voxels for segment in segments_of(finished_demo) if "cement" in segment.name]
    ct = finished_demo.ct()
    assert (cement.inside + cement.outside) == pytest.approx(np.any(shown, axis=0).sum() * ct.voxel_volume)


def test_needles_go_to_slicer_and_back(finished_demo: FinishedCase, exported: Path) -> None:
    for number, needle in enumerate(finished_demo.needles(), 1):
        start, tip = finished_demo.frame.to_frame(read_line(exported / f"needle_{number}.mrk.json"))
        np.testing.assert_allclose(tip, needle.tip, atol=1e-9)
        np.testing.assert_allclose((tip - start) / np.linalg.norm(tip - start), needle.direction, atol=1e-9)


def test_what_cannot_be_exported_is_refused(finished_demo: FinishedCase, exported: Path) -> None:
    folder = str(finished_demo.folder)
    wrong = CliRunner().invoke(app, ["export", folder, "--format", "obj"])
    assert wrong.exit_code == 2
    assert "choose vtu, xdmf, stl, nifti, slicer" in wrong.stderr
    taken = CliRunner().invoke(app, ["export", folder, "-o", str(exported)])
    assert taken.exit_code == 2
    assert "is there already" in taken.stderr
