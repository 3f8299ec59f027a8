"""The numbers of the veins."""

import pytest

from materials.vein import IntraosseousVeins


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match="wall_entry_factor"):
        IntraosseousVeins(wall_entry_factor=2.0)
