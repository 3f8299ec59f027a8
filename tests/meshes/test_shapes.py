"""Ellipsoids take exactly the volume that they are asked for, and have the size of the exact solid."""

import numpy as np
import pytest
from phantoms import ball

from meshes.errors import InputError
from meshes.shapes import ellipsoid_of_capacity
from meshes.tetmesh import TetMesh

ORIGIN, ROUND = np.zeros(3), np.ones(3)


@pytest.fixture(scope="module")
def body() -> TetMesh:
    return ball(15.0, 2.0)


def test_the_volume_is_met_and_the_axes_are_those_of_the_exact_ellipsoid(body: TetMesh) -> None:
    proportions = np.array([2.0, 1.0, 0.5])
    nothing = np.zeros(len(body.cells))
    share, axes = ellipsoid_of_capacity(body, ORIGIN, proportions, body.cell_volumes, 1000.0, nothing)
    assert share @ body.cell_volumes == pytest.approx(1000.0, rel=1e-12)
    assert axes == pytest.approx(proportions * (3.0 * 1000.0 / (4.0 * np.pi)) ** (1.0 / 3.0), rel=0.01)
    assert share.min() == 0.0
    assert share.max() == 1.0


def test_cells_count_by_what_they_can_take(body: TetMesh) -> None:
    nothing = np.zeros(len(body.cells))
    share, axes = ellipsoid_of_capacity(body, ORIGIN, ROUND, 0.8 * body.cell_volumes, 1000.0, nothing)
    assert share @ body.cell_volumes == pytest.approx(1250.0, rel=1e-12)
    assert axes == pytest.approx((3.0 * 1250.0 / (4.0 * np.pi)) ** (1.0 / 3.0), rel=0.01)


def test_what_reaches_out_of_the_body_grows_elsewhere(body: TetMesh) -> None:
    nothing = np.zeros(len(body.cells))
    share, axes = ellipsoid_of_capacity(body, np.array([14.0, 0.0, 0.0]), ROUND, body.cell_volumes, 1000.0, nothing)
    assert share @ body.cell_volumes == pytest.approx(1000.0, rel=1e-12)
    assert axes[0] > 1.2 * (3.0 * 1000.0 / (4.0 * np.pi)) ** (1.0 / 3.0)


def test_shapes_that_overlap_hold_their_volumes_together(body: TetMesh) -> None:
    taken, _ = ellipsoid_of_capacity(
        body, np.array([2.0, 0.0, 0.0]), ROUND, body.cell_volumes, 1000.0, np.zeros(len(body.cells))
    )
    both, axes = ellipsoid_of_capacity(body, np.array([-2.0, 0.0, 0.0]), ROUND, body.cell_volumes, 500.0, taken)
    assert both @ body.cell_volumes == pytest.approx(1500.0, rel=1e-12)
    assert (both >= taken).all()
    assert axes[0] > (3.0 * 500.0 / (4.0 * np.pi)) ** (1.0 / 3.0)


def test_more_than_the_body_holds_is_refused(body: TetMesh) -> None:
    with pytest.raises(InputError, match=r"15 ml of cement do not fit: 14 ml of the body's pores are free"):
        ellipsoid_of_capacity(body, ORIGIN, ROUND, body.cell_volumes, 15000.0, np.zeros(len(body.cells)))
