"""A uniform pressure on a column without lateral contraction, against its exact shortening and as a soft plate bends.

The top of a column of two materials side by side is free to take any shape: far from its foot each half is as short as
if it stood alone. A plate would make both the same.
"""

import numpy as np
import pytest

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plates import PlateProblem
from fem.mechanics.pressed_body import PressedBody
from fem.mechanics.stress import elastic_fields
from fem.partition import Partition

LENGTHS, MODULUS, FORCE = (8.0, 6.0, 5.0), 150.0, 240.0
SHORTENING = FORCE * LENGTHS[2] / (MODULUS * LENGTHS[0] * LENGTHS[1])


@pytest.mark.parametrize("degree", [1, 2])
def test_a_uniform_column_shortens_by_hooke(evidence, structured_box, degree):
    partition = Partition.build(structured_box(LENGTHS, (3, 3, 3)))
    material = ElasticMaterial.isotropic(np.full(len(partition.source.cells), MODULUS), 0.0)
    with PressedBody(partition, degree, "z_max", "z_min") as body:
        found = body.solve(material, body.uniform(FORCE))
    evidence.check(
        case=f"uniform column under pressure, degree {degree}",
        quantity="shortening [mm]",
        expected=SHORTENING,
        computed=-found.displacement.x.array.reshape(-1, 3)[:, 2].min(),
        within=1e-7,
        source="exact; Hooke",
        kind="verification",
    )
    assert found.energy == pytest.approx(FORCE * SHORTENING, rel=1e-6)


def test_the_face_is_free_and_the_foot_bears_the_pressure(structured_box):
    partition = Partition.build(structured_box(LENGTHS, (4, 3, 4)))
    mesh = partition.source
    left = mesh.cell_centroids[:, 0] > 0.5 * LENGTHS[0]
    material = ElasticMaterial.isotropic(np.where(left, 3.0 * MODULUS, MODULUS), 0.3)
    with PressedBody(partition, 2, "z_max", "z_min") as body:
        fields = elastic_fields(partition, body.solve(material, body.uniform(FORCE)).displacement, material)
    top = np.unique(mesh.facets[mesh.facet_regions["z_max"]])
    sunk = -fields.displacement[top, 2]
    assert sunk[mesh.points[top, 0] < 1.0].mean() > 1.8 * sunk[mesh.points[top, 0] > LENGTHS[0] - 1.0].mean()
    below = mesh.cell_centroids[:, 2] < 1.25
    stress = np.average(fields.stress[below, 2, 2], weights=mesh.cell_volumes[below])
    assert stress * LENGTHS[0] * LENGTHS[1] == pytest.approx(-FORCE, rel=0.02)
    with PlateProblem(partition, 2, "z_max", "z_min") as plates:
        plates.assemble(material)
        stiffness = -plates.solve([0.0, 0.0, -1.0, 0.0, 0.0, 0.0]).reaction_superior[2]
    assert np.average(sunk) > 1.1 * FORCE / stiffness


def pressed_box(comm):
    """Displacements of a box under pressure, on rank 0."""
    from phantoms import box

    partition = Partition.build(box((40.0, 30.0, 27.0), 8.0) if comm.rank == 0 else None, comm)
    material = ElasticMaterial.isotropic(np.linspace(100.0, 900.0, len(partition.source.cells)), 0.3)
    with PressedBody(partition, 2, "z_max", "z_min") as body:
        found = body.solve(material, body.uniform(FORCE))
        fields = elastic_fields(partition, found.displacement, material)
    return None if fields is None else (found.energy, fields.displacement)


@pytest.mark.mpi
def test_ranks_agree(on_ranks):
    one, two = (on_ranks(ranks, pressed_box) for ranks in (1, 2))
    assert two[0] == pytest.approx(one[0], rel=1e-7)
    assert np.abs(two[1] - one[1]).max() < 1e-6 * np.abs(one[1]).max()
