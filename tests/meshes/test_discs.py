from dataclasses import replace

import numpy as np
import pytest
from phantoms import box

from meshes.discs import DISC_CELLS, DISC_PLATES, DISC_SIDES, STEEPEST, bearing_facets, with_discs
from meshes.errors import InputError
from meshes.quality import gamma
from meshes.tetmesh import TetMesh
from meshes.volume_mesh import tetmesh_from_arrays

LENGTHS = (12.0, 10.0, 9.0)
THICKNESS = 2.0


def deformed(mesh: TetMesh, points: np.ndarray) -> TetMesh:
    """The mesh with its points moved and its ends named as endplates."""
    regions = {"superior_endplate": mesh.facet_regions["z_max"], "inferior_endplate": mesh.facet_regions["z_min"]}
    sides = [mesh.facet_regions[name] for name in ("x_min", "x_max", "y_min", "y_max")]
    moved = TetMesh(points, mesh.cells, mesh.facets)
    return moved.with_regions({**regions, "wall": np.concatenate(sides)}, mesh.cell_regions)


@pytest.fixture(scope="module")
def dished() -> TetMesh:
    """A box whose top is hollow and whose bottom is wavy."""
    mesh = box(LENGTHS, 1.5)
    x, y, z = mesh.points.T
    hollow = 0.04 * ((x - 6.0) ** 2 + (y - 5.0) ** 2)
    wave = 0.8 * np.sin(0.7 * x) * np.cos(0.5 * y)
    share = z / LENGTHS[2]
    return deformed(mesh, np.column_stack([x, y, z + share * hollow + (1.0 - share) * wave]))


def test_the_body_comes_first_and_is_untouched(dished):
    whole = with_discs(dished, THICKNESS)
    np.testing.assert_array_equal(whole.points[: len(dished.points)], dished.points)
    np.testing.assert_array_equal(whole.cells[: len(dished.cells)], dished.cells)
    np.testing.assert_array_equal(whole.cell_regions["cancellous"], dished.cell_regions["cancellous"])
    assert sorted(np.concatenate(list(whole.cell_regions.values()))) == list(range(len(whole.cells)))
    assert sorted(np.concatenate(list(whole.facet_regions.values()))) == list(range(len(whole.facets)))


def test_discs_fill_the_space_up_to_a_plane(dished):
    whole = with_discs(dished, THICKNESS)
    assert whole.cell_volumes.min() > 0.0
    for region, disc, plate, upwards in zip(
        ("superior_endplate", "inferior_endplate"), DISC_CELLS, DISC_PLATES, (1.0, -1.0), strict=True
    ):
        facets = dished.facet_regions[region]
        heights = upwards * dished.points[dished.facets[facets]][..., 2]
        plane = heights.max() + THICKNESS
        projected = dished.facet_areas[facets] * np.abs(dished.facet_normals[facets, 2])
        rows = whole.facet_regions[plate]
        np.testing.assert_allclose(upwards * whole.points[whole.facets[rows]][..., 2], plane, rtol=0, atol=1e-12)
        np.testing.assert_allclose(upwards * whole.facet_normals[rows, 2], 1.0)
        assert whole.facet_areas[rows].sum() == pytest.approx(projected.sum(), rel=1e-12)
        exact = projected @ (plane - heights.mean(axis=1))
        assert whole.cell_volumes[whole.cell_regions[disc]].sum() == pytest.approx(exact, rel=1e-12)


def test_prisms_share_their_faces(dished):
    rng = np.random.default_rng(1)
    shuffled = rng.permutation(len(dished.points))
    points = np.empty_like(dished.points)
    points[shuffled] = dished.points
    for mesh in (dished, TetMesh(points, shuffled[dished.cells], shuffled[dished.facets], dished.facet_regions)):
        whole = with_discs(mesh, THICKNESS)
        # A face that two prisms cut along different diagonals would stay on the boundary.
        inside = ("wall", *DISC_PLATES, *DISC_SIDES)
        assert sum(len(whole.facet_regions[name]) for name in inside) == len(whole.facets)
        horizontal = [np.abs(whole.facet_normals[whole.facet_regions[name], 2]).max() for name in DISC_SIDES]
        assert max(horizontal) < 1e-12
        across = np.concatenate([whole.facets[whole.facet_regions[name]] for name in DISC_SIDES])
        x, y = whole.points[across].mean(axis=1)[:, :2].T
        on_rim = np.minimum.reduce([x, LENGTHS[0] - x, y, LENGTHS[1] - y])
        assert on_rim.max() < 1e-9
        np.testing.assert_allclose((whole.facet_areas[:, None] * whole.facet_normals).sum(axis=0), 0.0, atol=1e-9)


def test_high_discs_have_several_layers(dished):
    thin, thick = (with_discs(dished, thickness) for thickness in (0.5, 12.0))
    assert len(thick.cell_regions["superior_disc"]) >= 5 * len(thin.cell_regions["superior_disc"])
    assert gamma(thick)[len(dished.cells) :].min() > 0.1


def test_steep_and_overhanging_facets_stay_free():
    mesh = box(LENGTHS, 1.5)
    x, y, z = mesh.points.T
    # The rim of the top is pulled down and inwards: its outermost facets look sideways and down.
    distance = np.minimum.reduce([x, LENGTHS[0] - x, y, LENGTHS[1] - y])
    rim = (z > 0.99 * LENGTHS[2]) & (distance < 1e-9)
    centre = np.array([6.0, 5.0, 0.0])
    points = np.where(rim[:, None], centre + (mesh.points - centre) * [0.86, 0.86, 0.75], mesh.points)
    body = deformed(mesh, points)
    top = body.facet_regions["superior_endplate"]
    assert body.facet_normals[top, 2].min() < 0.0
    bearing = bearing_facets(body, "superior_endplate", 1.0)
    assert 0 < len(bearing) < len(top)
    assert body.facet_normals[bearing, 2].min() >= np.cos(np.radians(STEEPEST))
    whole = with_discs(body, THICKNESS)
    assert whole.cell_volumes[whole.cell_regions["superior_disc"]].min() > 0.0
    assert len(whole.facet_regions["superior_endplate"]) == len(top) - len(bearing)


def test_refuses_what_cannot_bear_a_disc(dished):
    with pytest.raises(InputError, match="thickness"):
        with_discs(dished, 0.0)
    upside_down = replace(
        dished,
        facet_regions={
            **dished.facet_regions,
            "superior_endplate": dished.facet_regions["inferior_endplate"],
            "inferior_endplate": dished.facet_regions["superior_endplate"],
        },
    )
    with pytest.raises(InputError, match="no facet of the region 'superior_endplate'"):
        with_discs(upside_down, THICKNESS)


def test_discs_of_a_real_body(demo_mesh):
    body = demo_mesh(3.0)
    whole = with_discs(body, 3.0)
    shape = gamma(whole)
    assert whole.cell_volumes.min() > 0.0
    assert shape[len(body.cells) :].min() > 0.1
    for region, upwards in (("superior_endplate", 1.0), ("inferior_endplate", -1.0)):
        bearing = bearing_facets(body, region, upwards)
        assert body.facet_areas[bearing].sum() > 0.97 * body.facet_areas[body.facet_regions[region]].sum()
    again = tetmesh_from_arrays(whole.points, whole.cells)
    np.testing.assert_array_equal(again.facets, whole.facets)
