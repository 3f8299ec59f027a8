from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest

from experiments import preparation
from meshes.body import mesh_body
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra


@pytest.fixture(scope="module")
def quick_demo(demo_vertebra: Vertebra) -> Iterator[None]:
    """Cases of the demo patient read it once, and mesh it once for equal sizes."""

    @lru_cache(maxsize=8)
    def mesh_once(size: float, finer: tuple[Any, ...]) -> TetMesh:
        return mesh_body(demo_vertebra, size, list(finer))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation, "read_patient", lambda case: demo_vertebra)
        patch.setattr(preparation, "mesh_body", lambda vertebra, size, finer: mesh_once(size, tuple(finer)))
        yield
