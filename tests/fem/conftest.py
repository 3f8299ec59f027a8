"""Small meshes that the tests of the flow share."""

import numpy as np
import pytest
from phantoms import box

from fem.partition import Partition
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
