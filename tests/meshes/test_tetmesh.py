"""A mesh comes back from its file as it was."""

from pathlib import Path

import numpy as np
from phantoms import box

from meshes.tetmesh import TetMesh


def test_a_mesh_comes_back_bit_by_bit(tmp_path: Path) -> None:
    mesh = box((4.0, 4.0, 4.0), 2.0)
    half = np.arange(len(mesh.cells) // 2)
    mesh = mesh.with_regions(cell_regions={"cortical_shell": half, "cancellous": half[::-1] + len(half)})
    mesh.save(tmp_path / "mesh.npz")
    again = TetMesh.load(tmp_path / "mesh.npz")
    for name in ("points", "cells", "facets"):
        np.testing.assert_array_equal(getattr(again, name), getattr(mesh, name))
    for kind in ("facet_regions", "cell_regions"):
        assert list(getattr(again, kind)) == list(getattr(mesh, kind))
        for name, members in getattr(mesh, kind).items():
            np.testing.assert_array_equal(getattr(again, kind)[name], members)
    assert [path.name for path in tmp_path.iterdir()] == ["mesh.npz"]
