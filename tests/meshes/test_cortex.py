"""The shell's mineral per area: a known shell in a blurred image, and the real one of the demo patient."""

import numpy as np
import pytest
import pyvista
from scipy.special import erf

from meshes.cortex import mineral_per_area
from meshes.wall_damage import SHELL_WALLS

INSIDE, OUTSIDE, SHELL = 0.05, 0.02, 1.0  # g/cm3


@pytest.fixture(scope="module")
def body(demo_mesh):
    return demo_mesh(3.0)


@pytest.fixture(scope="module")
def depth(demo_vertebra, body):
    """Depth in mm of every voxel below the mesh's surface, negative outside."""
    faces = np.column_stack([np.full(len(body.facets), 3), body.facets]).ravel()
    surface = pyvista.PolyData(body.points, faces)
    shape = demo_vertebra.ct.values.shape
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 3)
    to_anatomical = demo_vertebra.frame.matrix @ demo_vertebra.ct.affine
    points = index @ to_anatomical[:3, :3].T + to_anatomical[:3, 3]
    near = pyvista.PolyData(points).compute_implicit_distance(surface)
    return -np.asarray(near["implicit_distance"]).reshape(shape)


@pytest.mark.parametrize("thickness", [0.2, 0.35, 0.8])
def test_blur_keeps_the_mineral_of_a_thin_shell(demo_vertebra, body, depth, thickness):
    """A shell much thinner than the voxels of 1.5 mm, seen through a blur of 0.7 mm."""
    step = [0.5 * (1.0 + erf((depth - start) / (np.sqrt(2.0) * 0.7))) for start in (0.0, thickness)]
    density = OUTSIDE + (SHELL - OUTSIDE) * step[0] + (INSIDE - SHELL) * step[1]
    found = mineral_per_area(body, demo_vertebra, density, INSIDE, 3.0)
    assert set(found) == set(SHELL_WALLS)
    for wall, excess in found.items():
        assert excess == pytest.approx(thickness * (SHELL - INSIDE), rel=0.06), wall
