"""An image of densities is the CT whose numbers mean these densities: every number of a case is the same."""

import nibabel as nib
import numpy as np
import pytest

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.model.image_noise import noise_warnings
from experiments.model.preparation import prepare
from experiments.pictures.cross_sections import ScannedBody, Section
from experiments.pictures.lattice import Lattice
from experiments.results.progress import Progress
from materials.bone import LinearCalibration
from meshes.wall_damage import missing_shell

PER_HU = 1e3 * LinearCalibration().slope
BODY, ARCH = [1, 2], [3]


@pytest.fixture(scope="module")
def prepared(demo_files, tmp_path_factory):
    """The demo's L3 with some cement that a mask shows, by its CT numbers and by its densities."""
    folder = tmp_path_factory.mktemp("density")
    ct, mask, subregions = (nib.load(path) for path in (demo_files.ct, demo_files.mask, demo_files.subregions))
    parts = np.where(mask.get_fdata() == 22, subregions.get_fdata(), 0)
    index = np.moveaxis(np.indices(parts.shape), 0, -1)
    cement = np.linalg.norm(index - index[parts == 50].mean(axis=0), axis=-1) < 4.0
    images = {
        "hu": ct.get_fdata(),
        "density": PER_HU * ct.get_fdata(),
        "parts": np.select([parts == 50, parts == 49, parts > 0], [*BODY, *ARCH], 0),
        "cement": cement.astype(float),
    }
    for name, values in images.items():
        nib.save(nib.Nifti1Image(values.astype(np.float32), ct.affine), folder / f"{name}.nii")
    return {units: preparation(folder, name, units) for units, name in (("hu", "hu"), ("mg/cm3", "density"))}


def preparation(folder, name, units):
    patient = {"ct": f"{name}.nii", "mask": "parts.nii", "level": "L3", "body_labels": BODY, "arch_labels": ARCH}
    content = {
        "patient": patient,
        "bone": {"units": units},
        "prescribed_cement": {"mask": "cement.nii"},
        "mesh": {"size_mm": 4.0},
        "mechanics": {"degree": 1, "cortex": "shell"},
    }
    case = build_case(content, "case.toml", folder)
    return prepare(case, Laws.of_case(case), Progress())


def test_bone_and_cement(prepared):
    by_number, by_density = prepared.values()
    for name in ("bmd", "porosity", "permeability_axial", "modulus"):
        np.testing.assert_allclose(getattr(by_density.bone, name), getattr(by_number.bone, name), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(by_density.cement.saturation, by_number.cement.saturation)
    for name, cells in by_number.mesh.cell_regions.items():
        np.testing.assert_array_equal(by_density.mesh.cell_regions[name], cells)
        assert len(cells)


def test_names_of_results_say_what_they_count(prepared):
    by_number, by_density = prepared.values()
    assert "image_noise_hu" not in by_density.noise
    assert by_density.noise["image_noise_mg_per_cm3"] == pytest.approx(PER_HU * by_number.noise["image_noise_hu"])
    assert by_density.noise["image_noise_ln_k"] == pytest.approx(by_number.noise["image_noise_ln_k"])
    decisive = by_density.noise | {"image_noise_ln_k": 1.0}
    assert " mg/cm3 in a voxel) still scatters" in noise_warnings(decisive, mechanics=False)[0]
    given, told = by_number.cement.results, by_density.cement.results
    assert told.replaced_bone_hu is None
    assert told.replaced_bone_mg_per_cm3 == pytest.approx(PER_HU * given.replaced_bone_hu)
    assert any(f"{told.replaced_bone_mg_per_cm3:.0f} mg/cm3" in warning for warning in by_density.warnings)
    assert not any("HU" in warning for warning in by_density.warnings)


def test_the_shell(prepared):
    by_number, by_density = prepared.values()
    assert by_density.cortex.thickness == pytest.approx(by_number.cortex.thickness, rel=1e-4)
    gaps = [missing_shell(one.mesh, one.vertebra, share=0.5) for one in (by_number, by_density)]
    assert gaps[0].keys() == gaps[1].keys() != set()
    for wall, facets in gaps[0].items():
        np.testing.assert_array_equal(gaps[1][wall], facets)


def test_pictures_of_the_image(prepared):
    drawn = []
    for one in prepared.values():
        vertebra = one.vertebra
        body = ScannedBody(one.mesh, Lattice.of(one.mesh), vertebra.ct, vertebra.frame, vertebra.units)
        drawn.append(Section.of(one.mesh, "axial", np.zeros(3)).scan(body))
    assert np.ptp(drawn[0]) == 1.0
    np.testing.assert_allclose(drawn[1], drawn[0], atol=1e-5)
