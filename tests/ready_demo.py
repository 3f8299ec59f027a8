"""The demo patient's L3, read once and meshed once for equal sizes in a whole test run."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from shared import Shared

from experiments.case.schema import Case
from meshes.body_mesh import Hole, mesh_body
from meshes.demo_patient import demo_patient
from meshes.dimensions import pedicle_diameter
from meshes.quality import measure_quality
from meshes.sampling import voxel_weights
from meshes.sizing import Refinement
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra, read_vertebra


def demo_vertebra(shared: Shared) -> Vertebra:
    """L3 of the demo patient with its subregions."""
    files = demo_patient()
    return shared("vertebra", lambda: read_vertebra(files.ct, files.mask, files.level, subregions=files.subregions))


def demo_mesh(
    shared: Shared, size: float, refinements: Sequence[Refinement] = (), holes: Sequence[Hole] = ()
) -> TetMesh:
    """Its mesh by size in mm, refinements and holes."""
    finer, outlined = list(refinements), list(holes)
    name = hashlib.sha256(repr((float(size), finer, outlined)).encode()).hexdigest()
    return shared(f"mesh-{name[:16]}", lambda: mesh_body(demo_vertebra(shared), size, finer, outlined))


@contextmanager
def ready_made(shared: Shared) -> Iterator[None]:
    """Cases of the demo patient find it read, and its sound body meshed and measured."""
    from experiments.model import preparation

    read = preparation.read_patient
    known: dict[Any, Any] = {}

    def once[T](measure: Callable[..., T]) -> Callable[..., T]:
        """The function of mesh and vertebra, called once for the sound body and each of its meshes."""

        def measured(*of: Any) -> T:
            if not all(map(shared.holds, of)):
                return measure(*of)
            asked = measure, *map(id, of)
            if asked not in known:
                known[asked] = measure(*of)
            found: T = known[asked]
            return found

        return measured

    def patient(case: Case) -> Vertebra:
        return demo_vertebra(shared) if case.patient.demo else read(case)

    def mesh(vertebra: Vertebra, *how: Any) -> TetMesh:
        sound = vertebra is demo_vertebra(shared)
        return demo_mesh(shared, *how) if sound else mesh_body(vertebra, *how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation, "read_patient", patient)
        patch.setattr(preparation, "mesh_body", mesh)
        for measure in (voxel_weights, measure_quality, pedicle_diameter):
            patch.setattr(preparation, measure.__name__, once(measure))
        yield
