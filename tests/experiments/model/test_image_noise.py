"""The scatter of ln k that noise leaves, against that of the cells of a noisy image of even bone."""

import numpy as np
import pytest
from imaged_ball import RADIUS, imaged_ball

from experiments.case.laws import Laws
from experiments.model.image_noise import noise_of, noise_warnings
from materials.bone import BoneModel
from meshes.interior import interior_values
from vertebroplasty import build_case


def uniform(points):
    return np.full(points.shape[:-1], 50.0)


def laws(**bone):
    return Laws.of_case(build_case({"patient": {"demo": True}, "bone": bone}))


@pytest.mark.parametrize(("voxel", "sd"), [(1.0, 40.0), (1.5, 20.0)])
def test_scatter_of_the_permeability(voxel, sd):
    vertebra, law = imaged_ball(uniform, voxel, sd), BoneModel()
    found = noise_of(laws(), vertebra)
    assert found["image_noise_hu"] == pytest.approx(sd, rel=0.15)
    assert found["image_correlation"] == pytest.approx(0.0, abs=0.1)
    values = interior_values(vertebra, law.material_length, law.blurred_shell.reach(vertebra.ct.spacing))
    index = np.argwhere(np.ones(values.shape, dtype=bool))
    core = np.linalg.norm(vertebra.ct.to_world(index), axis=1).reshape(values.shape) < RADIUS - 6.0
    scatter = np.log(law.permeability.axial(law.porosity.porosity(law.calibration.density(values[core])))).std()
    assert found["image_noise_ln_k"] == pytest.approx(scatter, rel=0.35)
    scatter = np.log(law.modulus.modulus(law.calibration.density(values[core]))).std()
    assert found["image_noise_ln_modulus"] == pytest.approx(scatter, rel=0.35)


def test_warns_where_noise_decides():
    vertebra = imaged_ball(uniform, 1.5, 90.0)
    assert not noise_warnings(noise_of(laws(), vertebra), mechanics=True)
    raw = noise_of(laws(material_length_mm=0.0), vertebra)
    flow, solid = noise_warnings(raw, mechanics=True)
    assert "scatters ln k by" in flow
    assert "scatters ln E by" in solid
    assert all("material_length_mm" in warning for warning in (flow, solid))
    assert noise_warnings(raw, mechanics=False) == [flow]


def test_a_body_too_thin_for_an_estimate_has_none():
    vertebra = imaged_ball(uniform, 3.0)
    vertebra.body[:] = False
    vertebra.body[2, 2, 2:4] = True
    assert noise_of(laws(), vertebra) == {}
    assert noise_warnings({}, mechanics=True) == []
