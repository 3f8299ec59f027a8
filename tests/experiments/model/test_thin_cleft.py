"""Clefts thinner than the cells: their volume, on every mesh, and what they do to the cells that they cut."""

import math

import numpy as np
import pytest
from phantoms import box

from experiments.model.thin_cleft import thin_gap
from meshes.errors import InputError

CENTRE = np.array([10.0, 10.0, 6.0])


def test_gap_has_the_volume_of_the_ellipsoid() -> None:
    mesh, semi_axes = box((20.0, 20.0, 12.0), 1.5), np.array([8.0, 6.0, 0.3])
    gap = thin_gap(mesh, CENTRE, semi_axes)
    assert gap is not None
    volume = float(mesh.cell_volumes[gap.cells] @ gap.share)
    assert volume == pytest.approx(4.0 / 3.0 * math.pi * float(np.prod(semi_axes)), rel=0.05)
    assert gap.aperture.max() == pytest.approx(0.6, rel=0.01)
    assert gap.normal.tolist() == [0.0, 0.0, 1.0]
    assert (gap.share <= 1.0).all()


def test_wide_clefts_are_cells_and_clefts_outside_are_refused() -> None:
    mesh = box((20.0, 20.0, 12.0), 1.5)
    assert thin_gap(mesh, CENTRE, np.array([8.0, 6.0, 1.0])) is None
    with pytest.raises(InputError, match="lies outside of the body"):
        thin_gap(mesh, CENTRE + 40.0, np.array([8.0, 6.0, 0.3]))
