"""Pictures show what they should: colours are looked for where the bodies lie."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from experiments.figures import (
    LeakMark,
    NeedlePose,
    Snapshot,
    cement_surface,
    draw_density,
    draw_fill_front,
    draw_filled,
    draw_leaks,
    draw_mesh,
    plot_history,
)
from experiments.scene import AXIAL, POSTERIOR_LEFT, SAGITTAL, render, surface_of
from experiments.style import CLASS_COLORS, REGION_COLORS
from fem.walls import LEAK_CLASSES
from meshes.phantoms import ball
from meshes.tetmesh import FACET_REGIONS, TetMesh

TIP = np.array([3.0, -4.0, 0.0])
NEEDLE = NeedlePose(TIP, np.array([0.0, -1.0, 0.0]), 3.05)


@pytest.fixture(scope="module")
def body() -> TetMesh:
    """A ball of radius 15 mm whose upper half is an endplate and whose lower half is a wall."""
    mesh = ball(15.0, 3.0)
    above = mesh.facet_centroids[:, 2] > 0.0
    return mesh.with_regions({"superior_endplate": np.flatnonzero(above), "left_wall": np.flatnonzero(~above)})


def snapshot(body: TetMesh, radius: float) -> Snapshot:
    inside = np.linalg.norm(body.cell_centroids - TIP, axis=1) < radius
    return Snapshot(61.0, 3.05, inside.astype(float))


def share_of(path: Path, color: tuple[float, float, float], tolerance: float = 0.12) -> float:
    """Share of the pixels whose colour lies within ``tolerance`` of ``color`` in every channel."""
    return float((np.abs(imread(path)[..., :3] - color) < tolerance).all(axis=-1).mean())


@pytest.mark.parametrize(
    ("view", "right", "up"),
    [(AXIAL, (1, 0, 0), (0, -1, 0)), (SAGITTAL, (0, 1, 0), (0, 0, 1))],
)
def test_views_follow_the_radiological_convention(view: object, right: object, up: object) -> None:
    axes = view.axes  # type: ignore[attr-defined]
    np.testing.assert_allclose(axes[0], right, atol=1e-12)
    np.testing.assert_allclose(axes[1], up, atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)


def test_the_scale_bar_holds(body: TetMesh) -> None:
    """A ball of 15 mm fills as many pixels as its diameter says."""

    def draw(plotter: object) -> None:
        plotter.add_mesh(surface_of(body), color="black", lighting=False)  # type: ignore[attr-defined]

    panel = render(draw, POSTERIOR_LEFT, body.points)
    dark = panel.image.max(axis=-1) < 128
    pixels = dark.any(axis=0).sum()
    assert pixels / dark.shape[1] * 2.0 * panel.half == pytest.approx(30.0, abs=0.3)


def test_every_region_and_every_class_has_a_colour_of_its_own() -> None:
    assert set(REGION_COLORS) == set(FACET_REGIONS)
    assert len(set(REGION_COLORS.values())) == len(REGION_COLORS)
    assert set(CLASS_COLORS) == {*LEAK_CLASSES, "needle_track"}


def test_the_mesh_shows_its_regions(body: TetMesh, tmp_path: Path) -> None:
    path = draw_mesh(body, tmp_path / "mesh.png")
    assert share_of(path, (0x88 / 255, 0xCC / 255, 0xEE / 255), 0.2) > 0.05


def test_the_density_is_highest_where_it_should_be(body: TetMesh, tmp_path: Path) -> None:
    density = np.where(body.cell_centroids[:, 0] > 0.0, 200.0, 50.0)
    picture = imread(draw_density(body, density, tmp_path / "density.png"))
    axial = picture[:, picture.shape[1] // 2 : picture.shape[1] * 9 // 10]
    yellow = (axial[..., 0] > 0.9) & (axial[..., 1] > 0.8) & (axial[..., 2] < 0.4)
    blue = (axial[..., 2] > axial[..., 0] + 0.15) & (axial[..., 0] < 0.1)
    # the patient's left is at the right of an axial section
    assert np.nonzero(yellow)[1].mean() > np.nonzero(blue)[1].mean() + 100


def test_the_cement_surface_encloses_the_filled_cells(body: TetMesh) -> None:
    filled = snapshot(body, 8.0).saturation
    surface = cement_surface(body, filled)
    assert surface.is_manifold
    assert surface.volume == pytest.approx(body.cell_volumes @ filled, rel=0.1)
    np.testing.assert_allclose(surface.center, TIP, atol=0.7)
    assert cement_surface(body, 0.0 * filled).n_cells == 0


def test_the_front_grows_from_panel_to_panel(body: TetMesh, tmp_path: Path) -> None:
    snapshots = [snapshot(body, radius) for radius in (4.0, 6.0, 8.0, 10.0)]
    picture = imread(draw_fill_front(body, snapshots, NEEDLE, tmp_path / "fill.png"))[..., :3]
    middle = np.array(picture.shape[:2]) // 2
    panels = [
        picture[: middle[0], : middle[1]],
        picture[: middle[0], middle[1] :],
        picture[middle[0] :, : middle[1]],
        picture[middle[0] :, middle[1] :],
    ]
    cement = [(panel[..., 2] > panel[..., 0] + 0.12).sum() for panel in panels]
    assert cement == sorted(cement)
    assert cement[0] > 0


def test_one_time_alone(body: TetMesh, tmp_path: Path) -> None:
    assert draw_filled(body, snapshot(body, 8.0), NEEDLE, tmp_path / "filled.png").stat().st_size > 10_000


def test_leaks_have_the_colour_of_their_class(body: TetMesh, tmp_path: Path) -> None:
    nowhere = draw_leaks(body, [], tmp_path / "none.png")
    points = body.points[np.linalg.norm(body.points - [0, 15, 0], axis=1) < 5.0]
    leak = LeakMark("canal_posterior_wall", "canal", 0.1, points)
    somewhere = draw_leaks(body, [leak], tmp_path / "leaks.png", snapshot(body, 8.0))
    orange = (0xD5 / 255, 0x5E / 255, 0.0)
    assert share_of(nowhere, orange) == 0.0
    assert share_of(somewhere, orange) > 1e-4


def test_the_history_is_drawn(tmp_path: Path) -> None:
    time = np.linspace(0.0, 80.0, 20)
    leaked = np.maximum(time - 60.0, 0.0) / 100.0
    path = plot_history(
        time, 1.0 + time / 20.0, 1000.0 + time, time / 20.0, time / 20.0 - leaked, leaked, tmp_path / "history.png"
    )
    assert share_of(path, (0.0, 0x72 / 255, 0xB2 / 255), 0.05) > 1e-4
