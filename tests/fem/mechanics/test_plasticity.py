"""Elastic-plastic bodies between plates: balance of energy, unchanged states after a failed step, wrong materials."""

import numpy as np
import pytest
from phantoms import box

from fem.errors import ConvergenceError
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.load_curve import OFFSET, load_curve
from fem.mechanics.plastic_material import PlasticMaterial
from fem.mechanics.plasticity import PlasticPlates
from fem.mechanics.plates import axial_stiffness
from fem.partition import Partition

LENGTHS = (12.0, 10.0, 14.0)
PLATES = {"superior": "z_max", "inferior": "z_min"}


def uneven(mesh, surface="drucker_prager", hardening=0.001):
    """Bone whose modulus and strength rise threefold across the box, with a weak corner."""
    across = mesh.cell_centroids[:, 0] / LENGTHS[0]
    modulus = 100.0 * (1.0 + 2.0 * across)
    strength = np.where(across + mesh.cell_centroids[:, 2] / LENGTHS[2] < 0.6, 0.5, 1.0) * modulus
    return PlasticMaterial(
        ElasticMaterial.isotropic(modulus, 0.3), 0.007 * strength, 0.0077 * strength, surface, hardening
    )


def curve_of_a_box(comm, surface):
    """The columns of the curve by name, and the plastic strain, on rank 0."""
    partition = Partition.build(box(LENGTHS, 5.0) if comm.rank == 0 else None, comm)
    with PlasticPlates(partition, uneven(partition.source, surface), **PLATES) as body:
        curve = load_curve(body, LENGTHS[2], steps=3)
    assert (curve.plastic_strain is None) == (comm.rank > 0)
    if curve.plastic_strain is None:
        return None
    names = ("position", "force", "work", "dissipation", "failed_volume", "plastic_strain")
    return {name: getattr(curve, name) for name in names} | {"strength": np.array([curve.strength])}


@pytest.fixture(scope="module")
def bone():
    return Partition.build(box(LENGTHS, 5.0))


@pytest.fixture(scope="module")
def curve(bone):
    with PlasticPlates(bone, uneven(bone.source), **PLATES) as body:
        return load_curve(body, LENGTHS[2])


def test_the_work_is_stored_or_dissipated(bone):
    """With the mean stress of a step the balance is exact, for plates that turn as well as for those that sink."""
    motion = np.array([0.3, -0.1, -1.0, 0.02, 0.01, 0.03])
    with PlasticPlates(bone, uneven(bone.source), **PLATES, motion=motion) as body:
        for part in (0.7, 1.2, 1.8):
            body.move(part * body.yield_position)
        assert 0.2 * body.work < body.dissipation < 0.8 * body.work
        assert body.stored_energy == pytest.approx(body.work - body.dissipation, rel=1e-6)


def test_half_the_steps_give_the_same_strength(bone, curve):
    with PlasticPlates(bone, uneven(bone.source), **PLATES) as body:
        coarser = load_curve(body, LENGTHS[2], steps=4)
    assert len(coarser.force) < 0.7 * len(curve.force)
    assert coarser.strength == pytest.approx(curve.strength, rel=0.005)


def test_failure_is_where_the_offset_line_meets_the_curve(curve):
    position = curve.at_failure(curve.position)
    assert curve.strength == pytest.approx(curve.stiffness * (position - OFFSET * LENGTHS[2]))
    assert curve.force[-2] < curve.strength < curve.force[-1]
    assert np.diff(curve.force).min() > 0.0
    assert np.diff(curve.dissipation).min() >= 0.0
    assert curve.failed_volume[-1] > 0.2 * np.prod(LENGTHS)
    assert 0.0 < curve.at_failure(curve.dissipation) < curve.at_failure(curve.work)


def test_strength_goes_with_the_yield_stress(bone, curve):
    stronger = uneven(bone.source)
    stronger = PlasticMaterial(
        stronger.elastic, 2.0 * stronger.tension, 2.0 * stronger.compression, "drucker_prager", 0.001
    )
    with PlasticPlates(bone, stronger, **PLATES) as body:
        found = load_curve(body, 2.0 * LENGTHS[2])  # the offset has to go with it
    assert found.strength == pytest.approx(2.0 * curve.strength, rel=1e-5)


def test_a_step_that_fails_leaves_everything_as_it_was(bone, monkeypatch):
    with (
        PlasticPlates(bone, uneven(bone.source), **PLATES) as body,
        PlasticPlates(bone, uneven(bone.source), **PLATES) as same,
    ):
        far = 1.4 * body.yield_position
        for one in (body, same):
            one.move(0.7 * far)
        before = (body.position, body.force, body.work, body.dissipation)
        body.allow(newton_steps=1)
        with pytest.raises(ConvergenceError, match="did not balance: PETSc reason -"):
            body.move(far)
        assert (body.position, body.force, body.work, body.dissipation) == before
        body.allow(newton_steps=20)
        for one in (body, same):
            one.move(far)
        assert body.force == pytest.approx(same.force, rel=1e-7)


def test_a_curve_that_cannot_go_on_has_no_strength(bone):
    with PlasticPlates(bone, uneven(bone.source), **PLATES) as body:
        body.allow(newton_steps=1)
        curve = load_curve(body, LENGTHS[2], steps=2)
    assert curve.strength is None
    assert curve.at_failure(curve.work) is None
    assert curve.reason is not None
    assert "did not converge" in curve.reason


def test_a_curve_that_never_fails_has_no_strength(bone):
    """With nearly all of its stiffness left, the body never comes down to the offset line."""
    with PlasticPlates(bone, uneven(bone.source, hardening=0.97), **PLATES) as body:
        curve = load_curve(body, LENGTHS[2], steps=1)
    assert curve.strength is None
    assert curve.reason is not None
    assert "no failure up to" in curve.reason


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("surface", "several"),
    [
        ("mohr_coulomb", 3),
        pytest.param("mohr_coulomb", 2, marks=pytest.mark.slow),
        pytest.param("drucker_prager", 3, marks=pytest.mark.slow),
    ],
)
def test_ranks_agree(on_ranks, surface, several):
    one, other = (on_ranks(ranks, curve_of_a_box, surface) for ranks in (1, several))
    assert one["dissipation"][-1] > 0.1 * one["work"][-1]
    for name, values in one.items():
        assert np.abs(other[name] - values).max() < 1e-6 * np.abs(values).max(), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tension": np.array([0.7])}, "the shape"),
        ({"tension": np.array([0.7, 0.0])}, "must be positive"),
        ({"tension": np.array([0.7, 0.9])}, "not above those in compression"),
        ({"hardening": 1.0}, "below 1"),
    ],
)
def test_impossible_materials_are_refused(change, message):
    given = {
        "elastic": ElasticMaterial.isotropic([100.0, 200.0], 0.3),
        "tension": np.array([0.7, 0.7]),
        "compression": np.array([0.8, 0.8]),
        "surface": "drucker_prager",
        "hardening": 0.0,
    }
    with pytest.raises(ValueError, match=message):
        PlasticMaterial(**(given | change))


def test_transversely_isotropic_bone_is_that_of_linear_elasticity_until_it_yields(bone):
    """And its work is stored or dissipated as that of isotropic bone."""
    usual = uneven(bone.source)
    elastic = ElasticMaterial.transversely_isotropic(
        usual.elastic.axial_modulus, 0.4 * usual.elastic.axial_modulus, 0.3
    )
    material = PlasticMaterial(elastic, usual.tension, usual.compression, usual.surface, 0.001)
    linear = axial_stiffness(bone, elastic, 2, **PLATES).stiffness
    with PlasticPlates(bone, material, **PLATES) as body:
        assert body.stiffness == pytest.approx(linear, rel=1e-7)
        body.move(0.1 * body.yield_position)
        assert body.force == pytest.approx(linear * body.position, rel=1e-6)
        for part in (0.7, 1.2, 1.8):
            body.move(part * body.yield_position)
        assert 0.2 * body.work < body.dissipation < 0.8 * body.work
        assert body.stored_energy == pytest.approx(body.work - body.dissipation, rel=1e-6)


def test_bone_yields_across_as_it_does_along_at_equal_energy():
    """Bars along and across the stiff axis, of one reference: stress at yield goes with the root of the modulus."""
    bar = Partition.build(box((3.0, 3.0, 12.0), 2.5))
    found = {}
    for name, (axial, transverse) in {"along": (200.0, 50.0), "across": (50.0, 200.0)}.items():
        count = len(bar.source.cells)
        elastic = ElasticMaterial.transversely_isotropic(np.full(count, axial), np.full(count, transverse), 0.2)
        strength = np.full(count, 0.7)
        with PlasticPlates(bar, PlasticMaterial(elastic, strength, strength, "drucker_prager", 0.0), **PLATES) as body:
            for part in (0.6, 0.9, 1.1, 1.3, 1.6, 2.0):
                body.move(part * 12.0 * 0.7 / np.sqrt(50.0 * 200.0) * np.sqrt(100.0 / axial))
            found[name] = body.force / 9.0
    assert found["along"] == pytest.approx(0.7 * 2.0**0.5, rel=0.1)
    assert found["across"] == pytest.approx(0.7 / 2.0**0.5, rel=0.1)
