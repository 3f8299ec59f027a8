"""Marrow."""

import pytest

from materials.marrow import NewtonianMarrow


def test_marrow_range():
    assert NewtonianMarrow().viscosity == 1e-7
    NewtonianMarrow(1e-3)
    with pytest.raises(ValueError, match=r"NewtonianMarrow\.viscosity"):
        NewtonianMarrow(2e-3)
