"""The wall of a body along rays: where they come in and where they leave."""

import numpy as np
import pytest

from meshes.body_wall import BodyWall
from meshes.vertebra import Vertebra


def test_a_ray_comes_in_where_its_opposite_leaves(demo_vertebra: Vertebra) -> None:
    wall, frame = BodyWall(demo_vertebra), demo_vertebra.frame
    middle, backwards = frame.point(0.0, 0.4, 0.5), np.array([0.0, 1.0, 0.0])
    before = middle - 40.0 * backwards
    entry = wall.entry(before, backwards)
    assert entry == pytest.approx(wall.exit(middle, -backwards), abs=1e-2)
    assert wall.contains(np.array([entry - 0.1 * backwards, entry + 0.1 * backwards])).tolist() == [False, True]
    assert wall.entry(middle, backwards) == pytest.approx(middle)


def test_rays_that_never_cross_the_wall_are_refused(demo_vertebra: Vertebra) -> None:
    wall, upwards = BodyWall(demo_vertebra), np.array([0.0, 0.0, 1.0])
    above = demo_vertebra.frame.point(0.0, 0.4, 0.5) + 40.0 * upwards
    with pytest.raises(ValueError, match="never crosses"):
        wall.entry(above, upwards)
    with pytest.raises(ValueError, match="must start in the body"):
        wall.exit(above, upwards)
