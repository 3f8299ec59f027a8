"""The same fields on one and two MPI ranks, in the order of the whole mesh."""

import numpy as np
import pytest
from phantoms import box
from test_elasticity import random_material

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.integration import POINTS
from fem.mechanics.plates import PlateProblem
from fem.mechanics.stress import elastic_fields, superposed
from fem.partition import Partition


def fields_of_a_box(comm):
    """The arrays by name, on rank 0."""
    partition = Partition.build(box((40.0, 30.0, 27.0), 6.0) if comm.rank == 0 else None, comm)
    inside = np.random.default_rng(6).uniform(0.5, 2.0, (len(partition.source.cells), POINTS))
    modulus = random_material(partition.source).axial_modulus[:, None] * inside
    material = ElasticMaterial.isotropic(modulus, 0.3)
    with PlateProblem(partition, 2, "z_max", "z_min") as problem:
        problem.assemble(material)
        responses = [problem.solve(motion) for motion in np.eye(6)[2:4]]
    displacement = superposed([each.displacement for each in responses], [-0.5, 0.02])
    fields = elastic_fields(partition, displacement, material)
    assert (fields is None) == (comm.rank > 0)
    if fields is None:
        return None
    return dict(vars(fields))


@pytest.fixture(scope="module")
def fields(on_ranks):
    """Ranks -> the arrays of rank 0."""
    return {ranks: on_ranks(ranks, fields_of_a_box) for ranks in (1, 2)}


@pytest.mark.mpi
def test_ranks_agree(fields):
    for name, one in fields[1].items():
        assert np.abs(fields[2][name] - one).max() < 1e-6 * np.abs(one).max(), name


@pytest.mark.mpi
def test_the_fields_are_worth_comparing(fields):
    shapes = {name: values.shape[1:] for name, values in fields[1].items()}
    assert shapes == {"displacement": (3,), "strain": (3, 3), "stress": (3, 3), "energy_density": ()}
    assert fields[1]["energy_density"].min() > 0.0
    assert np.ptp(fields[1]["energy_density"]) > 10.0 * np.median(fields[1]["energy_density"])
