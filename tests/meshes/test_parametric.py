from math import gamma as gamma_function

import numpy as np
import pytest

from meshes.errors import InputError
from meshes.parametric import EXPONENT, level_dimensions, parametric_body
from meshes.quality import gamma
from meshes.regions import region_area
from meshes.tetmesh import FACET_REGIONS, TetMesh

LEVELS = [f"T{number}" for number in range(5, 13)] + [f"L{number}" for number in range(1, 6)]


@pytest.fixture(scope="module")
def lumbar() -> TetMesh:
    return parametric_body("L3", 2.0)


def test_all_levels_from_t5_to_l5_are_known_and_grow_downwards():
    dimensions = level_dimensions()
    assert list(dimensions) == LEVELS
    widths = [dimensions[level].width for level in LEVELS]
    assert widths == sorted(widths)
    assert all(15.0 < dimensions[level].height < 30.0 for level in LEVELS)


@pytest.mark.parametrize("level", ["T5", "L5"])
def test_the_mesh_has_the_level_s_dimensions(level):
    mesh, expected = parametric_body(level, 2.5), level_dimensions()[level]
    extents = np.ptp(mesh.points, axis=0)
    np.testing.assert_allclose(extents, [expected.width, expected.depth, expected.height], rtol=2e-3)
    assert gamma(mesh).min() > 0.15


def test_the_volume_is_the_super_ellipse_s(lumbar):
    dimensions = level_dimensions()["L3"]
    share = gamma_function(1.0 + 1.0 / EXPONENT) ** 2 / gamma_function(1.0 + 2.0 / EXPONENT)
    area = dimensions.width * dimensions.depth * share
    assert lumbar.volume == pytest.approx(area * dimensions.height, rel=2e-3)
    np.testing.assert_allclose(lumbar.centroid, 0.0, atol=0.01)
    for name in ("superior_endplate", "inferior_endplate"):
        assert region_area(lumbar, lumbar.facet_regions[name]) == pytest.approx(area, rel=0.03)


def test_the_body_has_all_regions(lumbar):
    assert tuple(lumbar.facet_regions) == FACET_REGIONS
    assert all(len(facets) > 0 for facets in lumbar.facet_regions.values())
    assert sum(map(len, lumbar.facet_regions.values())) == len(lumbar.facets)
    left, right = (region_area(lumbar, lumbar.facet_regions[f"{side}_pedicle"]) for side in ("left", "right"))
    assert left == pytest.approx(right, rel=0.1)
    assert len(lumbar.cell_regions["cancellous"]) == len(lumbar.cells)


def test_an_unknown_level_is_refused():
    with pytest.raises(InputError, match="T5, T6"):
        parametric_body("C7", 2.0)


def test_a_size_out_of_range_is_refused():
    with pytest.raises(InputError, match=r"0\.5 to 5 mm"):
        parametric_body("L3", 9.0)
