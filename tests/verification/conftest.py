"""Boxes cut into layers and columns, whose stiffness is known exactly."""

import itertools

import numpy as np
import pytest

from meshes.tetmesh import TetMesh


def _structured_box(lengths, divisions):
    """Box with one corner at the origin, each of its bricks cut into six tetrahedra along one diagonal."""
    axes = [np.linspace(0.0, length, count + 1) for length, count in zip(lengths, divisions, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    number = np.arange(len(points)).reshape([count + 1 for count in divisions])
    corner = np.stack(np.meshgrid(*map(np.arange, divisions), indexing="ij"), axis=-1).reshape(-1, 3)
    steps = np.eye(3, dtype=int)
    cells = []
    for order in itertools.permutations(range(3)):
        path = [corner]
        for axis in order:
            path.append(path[-1] + steps[axis])
        tetrahedra = np.stack([number[tuple(p.T)] for p in path], axis=1)
        even = np.linalg.det(steps[list(order)]) > 0
        cells.append(tetrahedra if even else tetrahedra[:, [0, 2, 1, 3]])
    cells = np.concatenate(cells)
    # the face opposite to each vertex, with its normal pointing out of a positively oriented cell
    faces = cells[:, [[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]]].reshape(-1, 3)
    _, first, times = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    mesh = TetMesh(points, cells, faces[first[times == 1]])
    sides = {}
    for axis, name in enumerate("xyz"):
        sides[f"{name}_min"] = np.flatnonzero(mesh.facet_normals[:, axis] < -0.9)
        sides[f"{name}_max"] = np.flatnonzero(mesh.facet_normals[:, axis] > 0.9)
    return mesh.with_regions(facet_regions=sides)


@pytest.fixture(scope="session")
def structured_box():
    return _structured_box
