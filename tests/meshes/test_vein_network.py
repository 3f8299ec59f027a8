"""Networks of veins: trees whose ends alone leave the bone."""

import numpy as np
import pytest

from meshes.vein_network import VeinNetwork


def test_lengths_and_volume_are_those_of_cylinders() -> None:
    nodes = np.array([(0.0, 0.0, 0.0), (3.0, 4.0, 0.0), (3.0, 4.0, 2.0)])
    network = VeinNetwork(nodes, np.array([(0, 1), (1, 2)]), np.array([2.0, 1.0]), {0: "anterior_veins"})
    assert network.lengths.tolist() == [5.0, 2.0]
    assert network.volume == pytest.approx(np.pi * 5.0 + 0.25 * np.pi * 2.0)


def test_each_site_has_the_diameter_of_its_widest_exit() -> None:
    nodes = np.array([(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)])
    segments = np.array([(1, 0), (0, 2), (0, 3)])
    exits = {1: "anterior_veins", 2: "segmental_veins_left", 3: "segmental_veins_left"}
    found = VeinNetwork(nodes, segments, np.array([8.0, 2.0, 3.0]), exits).exit_diameters
    assert found == {"anterior_veins": 8.0, "segmental_veins_left": 3.0}


@pytest.mark.parametrize(
    ("nodes", "segments", "diameters", "exits", "message"),
    [
        ([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1), (1, 2), (2, 0)], [1, 1, 1], {}, "loop"),
        ([(0, 0, 0), (1, 0, 0)], [(0, 1), (1, 0)], [1, 1], {}, "loop"),
        ([(0, 0, 0), (0, 0, 0)], [(0, 1)], [1], {}, "length"),
        ([(0, 0, 0), (1, 0, 0)], [(0, 1)], [0], {}, "diameter"),
        ([(0, 0, 0), (1, 0, 0)], [(0, 1)], [1], {1: "nowhere"}, "leak site"),
        ([(0, 0, 0), (1, 0, 0), (2, 0, 0)], [(0, 1), (1, 2)], [1, 1], {1: "needle_track"}, "end of a vein"),
    ],
)
def test_what_is_no_tree_of_veins_is_refused(nodes, segments, diameters, exits, message) -> None:
    with pytest.raises(ValueError, match=message):
        VeinNetwork(np.array(nodes, float), np.array(segments), np.array(diameters, float), exits)
