"""Small meshes and media that the tests of the flow share."""

import numpy as np
import pytest

from fem.partition import Partition
from fem.porous import PorousMedium
from meshes.phantoms import box
from meshes.tetmesh import TetMesh

BOX = (6.0, 5.0, 4.0)


@pytest.fixture(scope="session")
def box_mesh() -> TetMesh:
    """An unstructured box of a few hundred cells with its corner at the origin."""
    return box(BOX, 1.2)


@pytest.fixture(scope="session")
def box_partition(box_mesh: TetMesh) -> Partition:
    return Partition.build(box_mesh)


@pytest.fixture(scope="session")
def single_cell() -> Partition:
    """One tetrahedron of 1 / 6 mm3."""
    points = np.vstack([np.zeros(3), np.eye(3)])
    return Partition.build(
        TetMesh(points, np.array([[0, 1, 2, 3]]), np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]))
    )


def rotation(seed: int) -> np.ndarray:
    """A random proper rotation."""
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))


@pytest.fixture(scope="session")
def tilted_medium():
    """Call with a mesh: porosity 0.6 to 0.9 and tensors of random size (x20), ratio 2 and direction in every cell."""

    def build(mesh: TetMesh) -> PorousMedium:
        generator = np.random.default_rng(7)
        count = len(mesh.cells)
        axes, _ = np.linalg.qr(generator.normal(size=(count, 3, 3)))
        principal = 1e-2 * 20.0 ** generator.uniform(-0.5, 0.5, size=(count, 1)) * np.array([1.0, 1.0, 2.05])
        tensors = np.einsum("tai,ti,tbi->tab", axes, principal, axes)
        return PorousMedium(generator.uniform(0.6, 0.9, size=count), 0.5 * (tensors + tensors.transpose(0, 2, 1)))

    return build
