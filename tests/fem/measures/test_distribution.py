import numpy as np
import pytest
from block_grid import block_grid, filled
from phantoms import box

from fem.measures.distribution import Distribution, measure_distribution, sagittal_section_areas
from meshes.tetmesh import TetMesh

LEFT, RIGHT = ((2.0, 8.0), (-4.0, 4.0), (-4.0, 4.0)), ((-8.0, -2.0), (-4.0, 4.0), (-4.0, 4.0))


@pytest.fixture(scope="module")
def grid() -> TetMesh:
    return block_grid((20, 8, 8))


def measured(mesh: TetMesh, saturation: np.ndarray, porosity: float = 0.8) -> Distribution:
    return measure_distribution(mesh, np.flatnonzero(saturation > 0.5), saturation * porosity * mesh.cell_volumes)


def bridge(depth: float, height: float) -> tuple[tuple[float, float], ...]:
    return ((-3.0, 3.0), (0.0, depth), (0.0, height))


def test_two_masses_are_separated(grid: TetMesh):
    found = measured(grid, filled(grid, LEFT, (*RIGHT[:2], (-4.0, 2.0))))
    assert found.pattern == "separated"
    np.testing.assert_allclose(found.component_volumes, [0.8 * 6 * 64, 0.8 * 6 * 48], rtol=1e-12)
    assert found.bridge_area == 0.0
    assert found.bridge_share == 0.0
    assert found.largest_section == pytest.approx(64.0, rel=1e-12)


@pytest.mark.parametrize("offset", [0.0, 0.3])
@pytest.mark.parametrize(
    ("depth", "height", "pattern"), [(2.0, 2.0, "confluent"), (3.0, 1.0, "separated"), (4.0, 4.0, "confluent")]
)
def test_a_bridge_of_known_area(offset: float, depth: float, height: float, pattern: str):
    """The section of 64 mm2 asks for a bridge of 3.2 mm2."""
    grid = block_grid((20, 8, 8), offset=offset)
    moved = filled(block_grid((20, 8, 8)), LEFT, RIGHT, bridge(depth, height))
    found = measured(grid, moved)
    assert found.bridge_area == pytest.approx(depth * height, rel=1e-12)
    assert found.largest_section == pytest.approx(64.0, rel=1e-12)
    assert found.bridge_share == pytest.approx(depth * height / 64.0, rel=1e-12)
    assert found.components == 1
    assert found.pattern == pattern


def test_masses_that_share_an_edge_only_are_two(grid: TetMesh):
    touching = filled(grid, ((0.0, 5.0), (0.0, 4.0), (-4.0, 4.0)), ((-5.0, 0.0), (-4.0, 0.0), (-4.0, 4.0)))
    assert measured(grid, touching).components == 2


def test_cement_beside_the_midline_is_one_sided(grid: TetMesh):
    found = measured(grid, filled(grid, LEFT))
    assert found.pattern == "one_sided"
    assert found.bridge_area == 0.0


def test_a_mass_with_a_small_tongue_across_is_one_sided_until_five_percent_lie_beyond(grid: TetMesh):
    """384 mm3 of bone on the left; the tongue of 1 mm2 carries 2 mm3 across, or 32 mm3 with its foot."""
    short = filled(grid, LEFT, ((-2.0, 3.0), (0.0, 1.0), (0.0, 1.0)))
    assert measured(grid, short).pattern == "one_sided"
    long = filled(grid, LEFT, ((-8.0, 3.0), (0.0, 1.0), (0.0, 1.0)), ((-8.0, -5.0), (0.0, 3.0), (0.0, 3.0)))
    assert measured(grid, long).pattern == "separated"


def test_small_masses_are_dropped(grid: TetMesh):
    drop = ((-3.0, 1.0), (-4.0, 1.0), (-3.0, 3.0))  # 120 mm3 of bone
    saturation = filled(grid, LEFT, drop)
    assert measured(grid, saturation, porosity=0.8).pattern == "one_sided"
    assert measured(grid, saturation, porosity=0.8).bridge_area == 0.0
    assert measured(grid, saturation, porosity=0.9).components == 2
    assert measured(grid, filled(grid, drop)) == Distribution((), 0.0, 0.0, None)
    assert measured(grid, np.zeros(len(grid.cells))).bridge_share is None


def test_cement_that_ends_on_the_midsagittal_plane_counts_half(grid: TetMesh):
    """The mean of the sections on either side, so that mirrored bodies have equal bridges."""
    for side in ((0.0, 5.0), (-5.0, 0.0)):
        found = measured(grid, filled(grid, (side, (-4.0, 4.0), (-4.0, 4.0))))
        assert found.bridge_area == pytest.approx(32.0, rel=1e-12)


def test_sections_of_a_tetrahedral_box_are_exact():
    """Planes through the inside of cells of an unstructured mesh, the ends and outside."""
    mesh = box((10.0, 4.0, 3.0), 1.3)
    planes = np.array([-1.0, 0.0, 0.123, 3.0, 7.7, 9.99, 10.0, 12.0])
    areas = sagittal_section_areas(mesh, np.arange(len(mesh.cells)), planes)
    np.testing.assert_allclose(areas, 12.0 * np.array([0, 0.5, 1, 1, 1, 1, 0.5, 0]), rtol=1e-12, atol=1e-12)


def test_sections_add_up_to_the_volume():
    mesh = box((10.0, 4.0, 3.0), 1.3)
    some = np.flatnonzero(np.linalg.norm(mesh.cell_centroids - [5.0, 2.0, 1.5], axis=1) < 1.5)
    planes = np.linspace(2.0, 8.0, 4001)
    areas = sagittal_section_areas(mesh, some, planes)
    assert np.trapezoid(areas, planes) == pytest.approx(mesh.cell_volumes[some].sum(), rel=1e-5)
