"""Pictures show what they should: colours are looked for where the bodies lie."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from numpy.typing import NDArray

from experiments.pictures.figures import (
    LeakMark,
    SiteOpening,
    Snapshot,
    draw_density,
    draw_fill_front,
    draw_filled,
    draw_leaks,
    draw_mesh,
    plot_history,
)
from experiments.pictures.scene import (
    ANTERIOR_RIGHT,
    AXIAL,
    INCLUSION_COLORS,
    POSTERIOR_LEFT,
    SAGITTAL,
    NeedlePose,
    View,
    cement_surface,
    inclusion_surface,
    outline_of,
    pale,
    render,
    surface_of,
)
from experiments.pictures.style import CEMENT_COLOR, CLASS_COLORS, LINE_COLORS, NEEDLE_COLOR, REGION_COLORS
from fem.walls import LEAK_CLASSES
from meshes.phantoms import ball
from meshes.tetmesh import FACET_REGIONS, TetMesh

TIP = np.array([3.0, -4.0, 0.0])
NEEDLE = NeedlePose(TIP, np.array([0.0, -1.0, 0.0]), 3.05)
OTHER = NeedlePose(TIP * [-1.0, 1.0, 1.0], np.array([0.6, -0.8, 0.0]), 3.05)
PAIR = [NEEDLE, OTHER]
TIME = np.linspace(0.0, 80.0, 161)


@pytest.fixture(scope="module")
def body() -> TetMesh:
    """A ball of radius 15 mm whose upper half is an endplate and whose lower half is a wall."""
    mesh = ball(15.0, 3.0)
    above = mesh.facet_centroids[:, 2] > 0.0
    return mesh.with_regions({"superior_endplate": np.flatnonzero(above), "left_wall": np.flatnonzero(~above)})


def snapshot(body: TetMesh, radius: float) -> Snapshot:
    inside = np.linalg.norm(body.cell_centroids - TIP, axis=1) < radius
    return Snapshot(61.0, 3.05, inside.astype(float))


def near(picture: NDArray[np.float64], color: str | tuple[float, float, float], tolerance: float) -> NDArray[np.bool_]:
    """Pixels whose colour lies within ``tolerance`` of ``color`` in every channel."""
    return (np.abs(picture[..., :3] - to_rgb(color)) < tolerance).all(axis=-1)


def share_of(path: Path, color: str | tuple[float, float, float], tolerance: float = 0.12) -> float:
    """Share of the pixels of this colour."""
    return float(near(imread(path), color, tolerance).mean())


def panels_of(path: Path) -> NDArray[np.float64]:
    """The picture without its lowest eighth, where the legend stands."""
    picture = imread(path)
    return picture[: picture.shape[0] * 7 // 8]


@pytest.mark.parametrize(
    ("view", "right", "up"),
    [(AXIAL, (1, 0, 0), (0, -1, 0)), (SAGITTAL, (0, 1, 0), (0, 0, 1))],
)
def test_views_follow_the_radiological_convention(
    view: View, right: tuple[int, int, int], up: tuple[int, int, int]
) -> None:
    axes = view.axes
    np.testing.assert_allclose(axes[0], right, atol=1e-12)
    np.testing.assert_allclose(axes[1], up, atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)


def test_two_views_show_every_side() -> None:
    np.testing.assert_allclose(POSTERIOR_LEFT.axes[2], -ANTERIOR_RIGHT.axes[2], atol=1e-12)


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
    assert len({CEMENT_COLOR, *CLASS_COLORS.values(), *INCLUSION_COLORS}) == len(CLASS_COLORS) + len(INCLUSION_COLORS)


def test_the_mesh_shows_its_regions(body: TetMesh, tmp_path: Path) -> None:
    path = draw_mesh(body, tmp_path / "mesh.png")
    assert share_of(path, REGION_COLORS["superior_endplate"], 0.2) > 0.05
    assert share_of(path, REGION_COLORS["left_wall"], 0.2) > 0.05


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
    picture = imread(draw_fill_front(body, snapshots, [NEEDLE], tmp_path / "fill.png"))[..., :3]
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


def test_every_needle_is_drawn(body: TetMesh, tmp_path: Path) -> None:
    last = snapshot(body, 4.0)
    paths = [
        draw_filled(body, last.saturation, "", needles, tmp_path / f"{len(needles)}.png")
        for needles in ([], [NEEDLE], PAIR)
    ]
    grey = [share_of(path, NEEDLE_COLOR, 0.2) for path in paths]
    assert grey[1] > grey[0] + 0.005
    assert grey[2] > grey[1] + 0.005


@pytest.mark.parametrize("thickness", [2.0, 8.0])
def test_the_surface_of_an_inclusion_holds_the_volume_of_its_cells(body: TetMesh, thickness: float) -> None:
    """Even where the layer is thinner than a cell is long."""
    x, y, z = body.cell_centroids.T
    cells = np.flatnonzero((np.abs(z) < 0.5 * thickness) & (np.hypot(x, y) < 9.0))
    surface = inclusion_surface(body, cells)
    assert surface.is_manifold
    assert surface.volume == pytest.approx(body.cell_volumes[cells].sum(), rel=0.05)


def test_inclusions_are_drawn_and_explained(body: TetMesh, tmp_path: Path) -> None:
    lesion = np.flatnonzero(np.linalg.norm(body.cell_centroids - [0, 4, 4], axis=1) < 6.0)
    cleft = np.flatnonzero(np.linalg.norm(body.cell_centroids - [0, 0, -6], axis=1) < 5.0)
    empty, inclusions = np.zeros(len(body.cells)), {"lesion": lesion, "cleft": cleft}
    without = panels_of(draw_filled(body, empty, "", [], tmp_path / "without.png"))
    for path in (
        draw_filled(body, empty, "", [], tmp_path / "with.png", inclusions),
        draw_leaks(body, [], tmp_path / "leaks.png", inclusions=inclusions),
    ):
        panels, legend = panels_of(path), imread(path)[-imread(path).shape[0] // 8 :]
        # The lesion is wine red and the cleft olive: less green, or less blue, than the other two channels.
        for strong, weak, color in ((0, 1, INCLUSION_COLORS[0]), (1, 2, INCLUSION_COLORS[1])):
            assert (panels[..., strong] > panels[..., weak] + 0.17).sum() > 2000
            assert (without[..., strong] > without[..., weak] + 0.17).sum() < 200
            red, green, blue = (0.6 * part + 0.4 for part in to_rgb(color))
            assert near(legend, (red, green, blue), 0.02).sum() > 100


def test_openings_are_pale_until_cement_leaves(body: TetMesh, tmp_path: Path) -> None:
    """In the colour of their class, above and below, each of them facing one of the two views."""
    above, below = (np.flatnonzero(sign * body.facet_centroids[:, 2] > 13.0) for sign in (1.0, -1.0))
    openings = [SiteOpening("disc_superior", "disc", above), SiteOpening("canal_posterior_wall", "canal", below)]
    leak = LeakMark("disc_superior", "disc", 0.1, body.facet_centroids[above])
    elsewhere = LeakMark("paravertebral_left", "paravertebral", 0.1, body.points[body.points[:, 0] > 13.0])
    dry = panels_of(draw_leaks(body, [], tmp_path / "dry.png", openings=openings))
    leaking = panels_of(draw_leaks(body, [leak, elsewhere], tmp_path / "leaks.png", snapshot(body, 3.0), openings))
    colors = [CLASS_COLORS[opening.leak_class] for opening in openings]
    full = [[near(picture, color, 0.05).sum() for color in colors] for picture in (dry, leaking)]
    faint = [[near(picture, pale(color), 0.05).sum() for color in colors] for picture in (dry, leaking)]
    assert full[1][0] > 5000
    assert faint[1][0] < 0.02 * full[1][0]
    # A dry opening is as large, and its outline has the full colour.
    assert faint[0][0] + full[0][0] == pytest.approx(full[1][0], rel=0.1)
    assert 0.02 * full[1][0] < full[0][0] < 0.3 * full[1][0]
    assert faint[0][1] == pytest.approx(faint[0][0], rel=0.2)
    assert (full[1][1], faint[1][1]) == pytest.approx((full[0][1], faint[0][1]), rel=0.02)
    # A leak without an opening of its own shows as balls.
    balls = [near(picture, CLASS_COLORS["paravertebral"], 0.12).sum() for picture in (dry, leaking)]
    assert balls[0] == 0
    assert balls[1] > 500


def test_the_outline_is_where_the_surface_ends(body: TetMesh) -> None:
    outline = outline_of(surface_of(body, np.flatnonzero(body.facet_centroids[:, 2] > 0.0)))
    assert np.abs(outline.points[:, 2]).max() < 3.0
    assert np.hypot(*outline.points[:, :2].T).min() > 14.0
    angles = np.sort(np.arctan2(outline.points[:, 1], outline.points[:, 0]))
    assert np.diff(angles).max() < 3.0 / 15.0 * 1.5  # all around, an edge of the mesh at a time
    assert outline_of(surface_of(body)).n_cells == 0


def test_the_history_of_one_needle(tmp_path: Path) -> None:
    path = plot_history(
        TIME,
        {"needle 1": 1.0 + TIME / 20.0},
        {"needle 1": 1000.0 + TIME},
        {"needle 1": np.full_like(TIME, 3.0)},
        TIME / 20.0,
        TIME / 20.0,
        {"disc_superior": np.full_like(TIME, 1e-9)},
        tmp_path / "history.png",
    )
    assert share_of(path, LINE_COLORS["syringe"], 0.05) > 1e-3
    assert share_of(path, LINE_COLORS["tip"], 0.05) > 1e-3
    assert share_of(path, CLASS_COLORS["paravertebral"], 0.05) > 1e-4  # the line of all leaks
    assert imread(path).shape[0] == 1050  # 7 inches: no panel for a leak that rounds to nothing


def test_the_history_of_needles_in_turn(tmp_path: Path) -> None:
    first, second = TIME < 30.0, TIME > 50.0
    tip = {"left": np.where(first, 20.0, 0.0), "right": np.where(second, 20.0, 0.0)}
    leaked = np.maximum(TIME - 60.0, 0.0) / 100.0
    path = plot_history(
        TIME,
        tip,
        {name: 3.0 * series for name, series in tip.items()},
        {name: 0.15 * series for name, series in tip.items()},
        TIME / 20.0,
        TIME / 20.0 - leaked,
        {"canal_posterior_wall": leaked, "disc_superior": 0.5 * leaked, "needle_track": 0.0 * leaked},
        tmp_path / "history.png",
    )
    picture = imread(path)
    assert picture.shape[0] == 1350
    # Both needles reach the same tip pressure, the first with a solid line, the second with a broken one.
    line = near(picture, LINE_COLORS["tip"], 0.05)
    row = line[:600].sum(axis=1).argmax()
    columns = np.flatnonzero(line[row])
    gap = np.diff(columns).argmax()
    assert len(columns[: gap + 1]) == np.ptp(columns[: gap + 1]) + 1
    assert 0.4 < len(columns[gap + 1 :]) / (np.ptp(columns[gap + 1 :]) + 1) < 0.9
    assert np.diff(columns)[gap] / np.ptp(columns) == pytest.approx(20.0 / 80.0, abs=0.02)
    for name in ("canal", "disc"):
        assert near(picture[1000:], CLASS_COLORS[name], 0.05).sum() > 300
    assert near(picture[:600], CLASS_COLORS["disc"], 0.05).sum() == 0
