"""Pictures show what they should: colours are looked for where the bodies lie."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize, to_rgb
from matplotlib.image import imread
from matplotlib.patches import Patch
from numpy.typing import NDArray
from phantoms import ball, box

from experiments.pictures import scene
from experiments.pictures.cross_sections import OPACITY, WINDOW, ScannedBody, Section, draw_sections
from experiments.pictures.curves import plot_history, plot_leak_sites, plot_stiffness
from experiments.pictures.figures import (
    draw_fill_front,
    draw_filled,
    draw_front_times,
    draw_leaks,
    draw_mesh,
    time_colors,
)
from experiments.pictures.lattice import Lattice
from experiments.pictures.scene import (
    ANTERIOR_RIGHT,
    AXIAL,
    LIFT,
    POSTERIOR_LEFT,
    SAGITTAL,
    View,
    explain,
    new_figure,
    opening_surface,
    outline_of,
    render,
)
from experiments.pictures.style import (
    BONE_COLOR,
    CEMENT_COLOR,
    CLASS_COLORS,
    DENSITY_MAP,
    INCLUSION_COLORS,
    LINE_COLORS,
    NEEDLE_COLOR,
    REGION_COLORS,
    pale,
)
from experiments.results.finished_case import NeedlePose, Snapshot
from experiments.results.grids import surface_of
from experiments.results.open_sites import OpenSite
from experiments.results.parts.stiffness import StateStiffness, StiffnessResults
from meshes.frame import AnatomicalFrame
from meshes.images.image import Image
from meshes.leak_sites import LEAK_CLASSES
from meshes.tetmesh import FACET_REGIONS, TetMesh

TIP = np.array([3.0, -4.0, 0.0])
NEEDLE = NeedlePose(TIP, np.array([0.0, -1.0, 0.0]), 3.05)
OTHER = NeedlePose(TIP * [-1.0, 1.0, 1.0], np.array([0.6, -0.8, 0.0]), 3.05)
PAIR = [NEEDLE, OTHER]
TIME = np.linspace(0.0, 80.0, 161)


@pytest.fixture
def coarse_panels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half the usual resolution, which is drawn faster."""
    monkeypatch.setattr(scene, "PANEL_PIXELS", 450)


@pytest.fixture(scope="module")
def body() -> TetMesh:
    """A ball of radius 15 mm whose upper half is an endplate and whose lower half is a wall."""
    mesh = ball(15.0, 3.0)
    above = mesh.facet_centroids[:, 2] > 0.0
    return mesh.with_regions({"superior_endplate": np.flatnonzero(above), "left_wall": np.flatnonzero(~above)})


@pytest.fixture(scope="module")
def lattice(body: TetMesh) -> Lattice:
    return Lattice.of(body)


@pytest.fixture(scope="module")
def scanned(body: TetMesh, lattice: Lattice) -> ScannedBody:
    """The ball in a CT of 1000 HU on the left and -1000 HU on the right, 0 behind, turned by 90 degrees against it."""
    axes = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    frame = AnatomicalFrame(np.array([100.0, 50.0, -20.0]), axes, np.array([[-15, 15]] * 3), "")
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = frame.origin - 20.0
    x, y, _ = np.moveaxis(frame.to_frame(np.moveaxis(np.indices((41, 41, 41)), 0, -1) + affine[:3, 3]), -1, 0)
    return ScannedBody(body, lattice, Image(np.where(y > 0.0, 0.0, 1000.0 * np.sign(x)), affine), frame)


def snapshot(body: TetMesh, radius: float) -> Snapshot:
    inside = np.linalg.norm(body.cell_centroids - TIP, axis=1) < radius
    return Snapshot(61.0, 3.05, inside.astype(float))


def near(picture: NDArray[np.float64], color: str | tuple[float, float, float], tolerance: float) -> NDArray[np.bool_]:
    """Pixels whose colour lies within ``tolerance`` of ``color`` in every channel."""
    return (np.abs(picture[..., :3] - to_rgb(color)) < tolerance).all(axis=-1)


def share_of(path: Path, color: str | tuple[float, float, float], tolerance: float = 0.12) -> float:
    """Share of the pixels of this colour."""
    return float(near(imread(path), color, tolerance).mean())


def pixels_of_hue(picture: NDArray[np.float64], color: str) -> int:
    """How many pixels have this colour, however it is lit."""
    brightest = picture.max(axis=-1, keepdims=True)
    hue = np.divide(picture, brightest, out=np.zeros_like(picture), where=brightest > 0.1)
    return int(near(hue, tuple(np.array(to_rgb(color)) / max(to_rgb(color))), 0.12).sum())


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
    found = [CEMENT_COLOR, *CLASS_COLORS.values(), *INCLUSION_COLORS]
    assert len(set(found)) == len(found)


@pytest.mark.usefixtures("coarse_panels")
def test_the_mesh_shows_its_regions(body: TetMesh, tmp_path: Path) -> None:
    path = draw_mesh(body, tmp_path / "mesh.png")
    assert share_of(path, REGION_COLORS["superior_endplate"], 0.2) > 0.05
    assert share_of(path, REGION_COLORS["left_wall"], 0.2) > 0.05


def test_a_section_lies_on_its_ct_as_radiologists_look_at_it(scanned: ScannedBody) -> None:
    """The patient's left is at the right of an axial section, and behind is below."""
    section = Section.of(scanned.mesh, "axial", np.zeros(3))
    image = section.scan(scanned)[..., 0]
    rows, columns = (np.arange(size) for size in image.shape)
    right, upper = columns[-len(columns) // 4], rows[len(rows) // 4]
    left, lower = columns[len(columns) // 4], rows[-len(rows) // 4]
    behind = -WINDOW[0] / (WINDOW[1] - WINDOW[0])
    assert (image[upper, right], image[upper, left]) == (1.0, 0.0)
    assert image[lower, [left, right]] == pytest.approx(behind)
    inside = section.cells >= 0
    assert inside.mean() * (2.0 * section.half) ** 2 == pytest.approx(np.pi * 15.0**2, rel=0.02)
    # every pixel has the cell that is there
    mesh, cells = scanned.mesh, section.cells[inside]
    away = np.linalg.norm(mesh.cell_centroids[cells] - section.points[inside], axis=1)
    corners = np.linalg.norm(mesh.points[mesh.cells] - mesh.cell_centroids[:, None], axis=2).max(axis=1)
    assert (away <= corners[cells] + 1e-6).all()


@pytest.mark.parametrize(
    ("name", "title"), [("coronal", "coronal, 4.0 mm in front of"), ("sagittal", "3.0 mm left of")]
)
def test_a_section_says_where_it_lies(scanned: ScannedBody, name: str, title: str) -> None:
    assert title in Section.of(scanned.mesh, name, TIP).title


def test_colours_lie_over_the_ct_inside_the_body_alone(scanned: ScannedBody) -> None:
    section = Section.of(scanned.mesh, "axial", np.zeros(3))
    bare = section.panel(scanned).image.astype(float)
    red = ScalarMappable(Normalize(0.0, 1.0), ListedColormap(["#FF0000"]))
    colored = section.panel(scanned, np.ones(len(scanned.mesh.cells)), red).image.astype(float)
    inside = section.cells >= 0
    np.testing.assert_array_equal(colored[~inside], bare[~inside])
    expected = OPACITY * np.array([255.0, 0.0, 0.0]) + (1.0 - OPACITY) * bare[inside]
    np.testing.assert_allclose(colored[inside], expected, atol=1.0)


def test_the_density_is_highest_where_it_should_be(scanned: ScannedBody, tmp_path: Path) -> None:
    density = np.where(scanned.mesh.cell_centroids[:, 0] > 0.0, 200.0, 50.0)
    path = draw_sections(scanned, density, "density", DENSITY_MAP, np.zeros(3), tmp_path / "density.png")
    picture = imread(path)
    axial = picture[:, : picture.shape[1] * 3 // 10]
    yellow = (axial[..., 0] > 0.7) & (axial[..., 1] > 0.65) & (axial[..., 2] < 0.55)
    blue = (axial[..., 2] > axial[..., 0] + 0.1) & (axial[..., 0] < 0.3)
    # the patient's left is at the right of an axial section
    assert np.nonzero(yellow)[1].mean() > np.nonzero(blue)[1].mean() + 100


def test_the_cement_surface_encloses_the_filled_cells(body: TetMesh, lattice: Lattice) -> None:
    filled = snapshot(body, 8.0).saturation
    surface = lattice.cement_surface(filled)
    assert surface.is_manifold
    assert surface.volume == pytest.approx(body.cell_volumes @ filled, rel=0.1)
    np.testing.assert_allclose(surface.center, TIP, atol=0.7)
    assert lattice.cement_surface(0.0 * filled).n_cells == 0


@pytest.mark.usefixtures("coarse_panels")
def test_the_front_grows_from_panel_to_panel(body: TetMesh, lattice: Lattice, tmp_path: Path) -> None:
    snapshots = [snapshot(body, radius) for radius in (4.0, 6.0, 8.0, 10.0)]
    picture = imread(draw_fill_front(body, lattice, snapshots, [NEEDLE], tmp_path / "fill.png"))[..., :3]
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


def test_a_front_that_stood_still_has_the_colour_of_its_earliest_time(
    body: TetMesh, lattice: Lattice, scanned: ScannedBody, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a line, and as seen into the half that is left; two surfaces at one place would show speckles of both."""
    monkeypatch.setattr("experiments.pictures.scene.PANEL_PIXELS", 300)
    distance = lattice.front_distance(snapshot(body, 8.0).saturation)
    assert distance is not None
    fronts = [(f"{share} %", distance) for share in (25, 50, 100)]
    picture = imread(draw_front_times(scanned, fronts, TIP, tmp_path / "still.png"))[:260, :, :3]
    first, second, last = time_colors(3)
    lines = [near(picture[:, 300:], color, 0.05).sum() for color in (first, second, last)]
    assert lines[0] > 50
    assert lines[1:] == [0, 0]
    inside, ahead = (pixels_of_hue(picture[:, :300], color) for color in (first, second))
    assert inside > 1000
    assert ahead < 0.05 * inside


def test_the_last_front_is_the_brightest_however_many_there_are() -> None:
    assert [time_colors(count)[-1] for count in (1, 2, 4)] == time_colors(4)[-1:] * 3
    assert time_colors(2)[0] == time_colors(4)[0]


def test_every_needle_is_drawn(
    body: TetMesh, lattice: Lattice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.pictures.scene.PANEL_PIXELS", 300)
    last = snapshot(body, 4.0)
    paths = [
        draw_fill_front(body, lattice, [last] * 4, needles, tmp_path / f"{len(needles)}.png")
        for needles in ([], [NEEDLE], PAIR)
    ]
    grey = [share_of(path, NEEDLE_COLOR, 0.2) for path in paths]
    assert grey[1] > grey[0] + 0.005
    assert grey[2] > grey[1] + 0.005


@pytest.mark.parametrize("thickness", [2.0, 8.0])
def test_the_surface_of_an_inclusion_holds_the_volume_of_its_cells(
    body: TetMesh, lattice: Lattice, thickness: float
) -> None:
    """Even where the layer is thinner than a cell is long."""
    x, y, z = body.cell_centroids.T
    cells = np.flatnonzero((np.abs(z) < 0.5 * thickness) & (np.hypot(x, y) < 9.0))
    surface = lattice.surface_around(cells)
    assert surface.is_manifold
    assert surface.volume == pytest.approx(body.cell_volumes[cells].sum(), rel=0.05)


@pytest.mark.usefixtures("coarse_panels")
def test_inclusions_are_drawn_and_explained(body: TetMesh, lattice: Lattice, tmp_path: Path) -> None:
    lesion = np.flatnonzero(np.linalg.norm(body.cell_centroids - [0, 4, 4], axis=1) < 6.0)
    cleft = np.flatnonzero(np.linalg.norm(body.cell_centroids - [0, 0, -6], axis=1) < 5.0)
    empty, inclusions = np.zeros(len(body.cells)), {"lesion": lesion, "cleft": cleft}
    without = panels_of(draw_filled(body, lattice, empty, "", tmp_path / "without.png"))
    for path in (
        draw_filled(body, lattice, empty, "", tmp_path / "with.png", inclusions),
        draw_leaks(body, lattice, [], tmp_path / "leaks.png", inclusions=inclusions),
    ):
        panels, legend = panels_of(path), imread(path)[-imread(path).shape[0] // 8 :]
        # The lesion is wine red and the cleft olive: less green, or less blue, than the other two channels.
        for strong, weak, color in ((0, 1, INCLUSION_COLORS[0]), (1, 2, INCLUSION_COLORS[1])):
            assert (panels[..., strong] > panels[..., weak] + 0.17).sum() > 2000
            assert (without[..., strong] > without[..., weak] + 0.17).sum() < 200
            red, green, blue = (0.6 * part + 0.4 for part in to_rgb(color))
            assert near(legend, (red, green, blue), 0.02).sum() > 100


@pytest.mark.usefixtures("coarse_panels")
def test_openings_are_pale_until_cement_leaves(body: TetMesh, lattice: Lattice, tmp_path: Path) -> None:
    """In the colour of their class, above and below, each of them facing one of the two views."""
    above, below = (np.flatnonzero(sign * body.facet_centroids[:, 2] > 13.0) for sign in (1.0, -1.0))
    canal = OpenSite("canal_posterior_wall", "canal", below, 0.0)
    sites = [OpenSite("disc_superior", "disc", above, 0.0), canal]
    wet = [OpenSite("disc_superior", "disc", above, 0.1), canal]
    dry = panels_of(draw_leaks(body, lattice, sites, tmp_path / "dry.png"))
    leaking = panels_of(draw_leaks(body, lattice, wet, tmp_path / "leaks.png", snapshot(body, 3.0).saturation))
    colors = [CLASS_COLORS[site.leak_class] for site in sites]
    full = [[near(picture, color, 0.05).sum() for color in colors] for picture in (dry, leaking)]
    faint = [[near(picture, pale(color), 0.05).sum() for color in colors] for picture in (dry, leaking)]
    assert full[1][0] > 5000
    assert faint[1][0] < 0.02 * full[1][0]
    # A dry opening is as large, and its outline has the full colour.
    assert faint[0][0] + full[0][0] == pytest.approx(full[1][0], rel=0.1)
    assert 0.02 * full[1][0] < full[0][0] < 0.3 * full[1][0]
    assert faint[0][1] == pytest.approx(faint[0][0], rel=0.2)
    assert (full[1][1], faint[1][1]) == pytest.approx((full[0][1], faint[0][1]), rel=0.02)


@pytest.mark.usefixtures("coarse_panels")
def test_a_leak_is_full_where_cement_left_and_pale_beside(body: TetMesh, lattice: Lattice, tmp_path: Path) -> None:
    above = np.flatnonzero(body.facet_centroids[:, 2] > 13.0)
    spot = above[body.facet_centroids[above, 0] > 4.0]
    color = CLASS_COLORS["disc"]
    counts = {}
    for name, part in (("all", None), ("spot", spot)):
        site = OpenSite("disc_superior", "disc", above, 0.1, part)
        picture = panels_of(draw_leaks(body, lattice, [site], tmp_path / f"{name}.png"))
        counts[name] = [near(picture, shade, 0.05).sum() for shade in (color, pale(color))]
    # the opening is as large, and part of it is pale
    assert sum(counts["spot"]) == pytest.approx(counts["all"][0], rel=0.1)
    assert 0.2 < counts["spot"][1] / counts["all"][0] < 0.8


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


@pytest.mark.usefixtures("coarse_panels")
def test_the_history_shows_what_is_in_veins_and_openings_where_there_is_any(tmp_path: Path) -> None:
    def drawn(in_veins: float, in_conduits: float = 0.0, remark: str = "") -> bytes:
        series = ({"needle 1": TIME + 1.0},) * 3
        path = tmp_path / f"{in_veins:g}_{in_conduits:g}.png"
        volumes = TIME, TIME, {}, path, in_veins * TIME, in_conduits * TIME
        return plot_history(TIME, *series, *volumes, remark).read_bytes()

    assert drawn(0.01) != drawn(0.0) == drawn(1e-9) == drawn(0.0, 1e-9)
    assert len({drawn(0.01), drawn(0.0, 0.01), drawn(0.01, 0.01)}) == 3
    assert drawn(0.01, remark="one draw of a random network of veins, seed 1") != drawn(0.01)


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


def test_the_longest_bar_is_the_largest_leak_in_the_colour_of_its_class(tmp_path: Path) -> None:
    none = np.empty(0, dtype=np.int64)
    leaks = {
        "disc_superior": ("disc", 0.2),
        "canal_posterior_wall": ("canal", 0.1),
        "needle_track": ("needle_track", 0.0),
    }
    sites = [OpenSite(site, name, none, volume) for site, (name, volume) in leaks.items()]
    path = plot_leak_sites(sites, tmp_path / "sites.png")
    disc, canal = (near(imread(path), CLASS_COLORS[name], 0.05).any(axis=0).sum() for name in ("disc", "canal"))
    assert disc == pytest.approx(2 * canal, rel=0.02)
    text = path.with_suffix(".svg").read_text()
    assert "disc superior (disc)" in text
    assert "needle track" not in text


def test_the_bars_of_stiffness_stand_in_their_ratio(tmp_path: Path) -> None:
    def state(value: float) -> StateStiffness:
        matrix, place = tuple(tuple(row) for row in np.eye(6).tolist()), (0.0, 0.0, 0.0)
        numbers = {name: value for name, field in StateStiffness.model_fields.items() if field.annotation is float}
        return StateStiffness(matrix=matrix, pole_mm=place, flexion_centre_mm=place, **numbers)

    stiffness = StiffnessResults(
        intact_n_per_mm=10000.0, augmented_n_per_mm=15000.0, intact=state(20.0), augmented=state(30.0)
    )
    path = plot_stiffness(stiffness, tmp_path / "stiffness.png")
    picture = imread(path)
    before, after = (near(picture, color, 0.02).any(axis=1).sum() for color in (BONE_COLOR, CEMENT_COLOR))
    assert after / before == pytest.approx(1.5, rel=0.02)
    text = path.with_suffix(".svg").read_text()
    assert text.count("(1.50 ×)") == 4
    assert text.count("15000") == 2  # above the bar and at the axis
    assert text.count("30.0") == 3
    assert "stiffness in lateral bending" in text


def test_openings_stand_before_what_touches_the_wall() -> None:
    mesh = box((10.0, 8.0, 6.0), 3.0)
    facets = mesh.facet_regions["z_max"]
    points = np.asarray(opening_surface(mesh, facets).points)[np.unique(mesh.facets[facets])]
    np.testing.assert_allclose(points[:, 2], mesh.points[:, 2].max() + LIFT)
    assert mesh.points[:, 2].max() < points[:, 2].min()  # the mesh stays what it was


def test_a_legend_of_long_names_stays_in_the_picture() -> None:
    figure, _ = new_figure(1, 2)
    explain(figure, [Patch(label="a long name of something that can be seen in the picture") for _ in range(9)])
    figure.canvas.draw()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0.0
    assert box.x1 <= figure.bbox.width
