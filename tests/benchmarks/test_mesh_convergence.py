"""The stiffness of the demo's body answers little to the mesh and to the noise of its image; slow: to its voxels."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.mesh_convergence import images, materials, read, solve
from fem.mechanics.plates import axial_stiffness
from fem.partition import Partition
from meshes.body_mesh import mesh_body
from meshes.demo_patient import demo_patient


def stiffness(vertebra, size):
    """(intact, augmented) axial stiffness in N/mm."""
    mesh = mesh_body(vertebra, size)
    partition = Partition.build(mesh)
    return np.array([axial_stiffness(partition, material.elastic).stiffness for material in materials(vertebra, mesh)])


def test_neither_noise_nor_the_mesh_decides(demo_vertebra):
    values = demo_vertebra.ct.values
    noise = np.random.default_rng(1).normal(0.0, 60.0, values.shape).astype(values.dtype)
    noisy = replace(demo_vertebra, ct=replace(demo_vertebra.ct, values=values + noise))
    coarse, fine, shaken = stiffness(demo_vertebra, 4.0), stiffness(demo_vertebra, 3.0), stiffness(noisy, 4.0)
    assert fine == pytest.approx(coarse, rel=0.05)
    assert shaken == pytest.approx(coarse, rel=0.03)
    assert coarse[1] > 1.15 * coarse[0]


@pytest.mark.slow
def test_other_images_of_the_same_body_are_as_stiff(tmp_path):
    demo = demo_patient()
    asked = solve("as it is", read(demo), 2.0, 2).stiffness
    for name, patient in images(demo, tmp_path):
        if name != "voxels of 3 mm":
            assert solve(name, read(patient), 2.0, 2).stiffness == pytest.approx(asked, rel=0.055), name
