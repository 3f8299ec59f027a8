"""The main figures look as they did: drawn from coarse phantoms and compared with small pictures that were looked at.

Pictures are compared after their pixels are averaged to a width of 160, so that another driver of OpenGL or another
version of a library, which move edges by a pixel, does not count; a front, a colour or an orientation that is wrong
does, which the last test shows. After a change that is meant, look at the new pictures and store them with

    STORE_REFERENCE_PICTURES=1 python -m pytest tests/experiments/pictures/test_reference_pictures.py
"""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray
from phantoms import ball
from PIL import Image as Picture
from scipy.spatial.transform import Rotation

from experiments.pictures import cross_sections, curves, figures, heat, mechanics
from experiments.pictures.lattice import Lattice
from experiments.pictures.style import DENSITY_MAP, PRESSURE_MAP, Style, drawn_in
from experiments.results.finished_case import NeedlePose, Snapshot
from experiments.results.grids import volume_of
from experiments.results.heat_map import HeatMap
from experiments.results.open_sites import OpenSite
from meshes.frame import AnatomicalFrame
from meshes.images.image import Image
from meshes.tetmesh import TetMesh

REFERENCES = Path(__file__).with_name("reference_pictures")
STORE = bool(os.environ.get("STORE_REFERENCE_PICTURES"))

WIDTH = 160
"""Pixels of a stored picture."""

STRAY = 20.0
"""Of 255 levels, by which a pixel may differ in the mean of its channels before it counts."""

ALLOWED = 0.01
"""Share of the pixels that may count."""

TIP = np.array([4.0, -3.0, 1.0])
NEEDLE = NeedlePose(TIP, np.array([-0.43, -0.89, -0.16]) / np.linalg.norm([0.43, 0.89, 0.16]), 3.05)
TIMES = np.linspace(0.0, 80.0, 41)


def squeezed() -> TetMesh:
    """An egg of 30 x 24 x 20 mm that is thicker on the left and behind, so that no two sides look the same."""
    round_one = ball(10.0, 2.0)
    points = round_one.points * [1.5, 1.2, 1.0]
    points[:, 2] *= 1.0 + 0.015 * points[:, 0] + 0.01 * points[:, 1]
    mesh = TetMesh(points, round_one.cells, round_one.facets)
    x, y, z = mesh.facet_normals.T
    names = ("left_wall", "right_wall", "posterior_wall", "anterior_wall", "superior_endplate", "inferior_endplate")
    side = np.argmax([x, -x, y, -y, z, -z], axis=0)
    regions = {name: np.flatnonzero(side == number) for number, name in enumerate(names)}
    return mesh.with_regions(regions, {"cancellous": np.arange(len(mesh.cells))})


class Phantom:
    """The egg in a CT of stripes that is turned against it, with cement around the needle's tip."""

    def __init__(self) -> None:
        self.mesh = squeezed()
        self.lattice = Lattice.of(self.mesh)
        axes = Rotation.from_euler("xyz", [10.0, -8.0, 15.0], degrees=True).as_matrix()
        self.frame = AnatomicalFrame(
            np.array([30.0, -20.0, 50.0]), axes, np.array([[-15, 15], [-12, 12], [-10, 10]]), ""
        )
        affine = np.diag([1.5, 1.5, 1.5, 1.0])
        affine[:3, 3] = self.frame.origin - 0.75 * 27
        voxels = np.moveaxis(np.indices((28, 28, 28)), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
        x, _, z = np.moveaxis(self.frame.to_frame(voxels), -1, 0)
        self.ct = Image(300.0 * np.sin(0.5 * x) + 20.0 * z, affine)
        self.body = cross_sections.ScannedBody(self.mesh, self.lattice, self.ct, self.frame)

    def saturation(self, radius: float) -> NDArray[np.float64]:
        return (np.linalg.norm(self.mesh.cell_centroids - TIP, axis=1) < radius).astype(float)

    def loaded(self) -> object:
        """Fields of the egg pressed together, stiffer around the cement."""
        x, _, z = self.mesh.cell_centroids.T
        cement = self.saturation(6.0)
        grid = volume_of(self.mesh, {"saturation": cement})
        for state, factor in (("intact", 1.0), ("augmented", 0.6)):
            share = factor if state == "intact" else 1.0 + 2.0 * cement
            grid.cell_data[f"von_mises_{state}_mpa"] = (1.0 + 0.05 * x) * share
            grid.cell_data[f"effective_strain_{state}"] = 0.002 * (1.0 + 0.03 * z) / share
            pressed = np.zeros_like(self.mesh.points)
            pressed[:, 2] = -0.002 * factor * (self.mesh.points[:, 2] + 12.0)
            grid.point_data[f"displacement_{state}_mm"] = pressed
        return grid


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return Phantom()


@pytest.fixture(autouse=True)
def coarse_panels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third of the usual resolution, which is drawn faster."""
    monkeypatch.setattr("experiments.pictures.scene.PANEL_PIXELS", 300)


def mesh(phantom: Phantom, path: Path) -> None:
    figures.draw_mesh(phantom.mesh, path)


def fill_front(phantom: Phantom, path: Path, radii: tuple[float, ...] = (3.0, 4.5, 6.0, 7.0)) -> None:
    shots = [Snapshot(20.0 * n, 1.0 * n, phantom.saturation(radius)) for n, radius in enumerate(radii, start=1)]
    lesion = np.flatnonzero(np.linalg.norm(phantom.mesh.cell_centroids - [-7.0, 0.0, 0.0], axis=1) < 4.0)
    figures.draw_fill_front(phantom.mesh, phantom.lattice, shots, [NEEDLE], path, {"lesion_1": lesion})


def front_times(phantom: Phantom, path: Path, largest: float = 7.0) -> None:
    found = [(f"{r:g} mm", phantom.lattice.front_distance(phantom.saturation(r))) for r in (3.0, 5.0, largest)]
    fronts = [(label, distance) for label, distance in found if distance is not None]
    figures.draw_front_times(phantom.body, fronts, TIP, path)


def leaks(phantom: Phantom, path: Path, wet: str = "canal_posterior_wall") -> None:
    regions = phantom.mesh.facet_regions
    sites = [
        OpenSite("canal_posterior_wall", "canal", regions["posterior_wall"][::9], 0.0),
        OpenSite("disc_superior", "disc", regions["superior_endplate"][:30], 0.0),
        OpenSite("segmental_veins_left", "vessel", regions["left_wall"][:12], 0.0),
    ]
    sites = [OpenSite(s.site, s.leak_class, s.facets, 0.2 if s.site == wet else 0.0) for s in sites]
    figures.draw_leaks(phantom.mesh, phantom.lattice, sites, path, phantom.saturation(6.0))


def density(phantom: Phantom, path: Path, towards: float = 1.0) -> None:
    bmd = 100.0 + 6.0 * towards * phantom.mesh.cell_centroids[:, 0]
    cross_sections.draw_sections(phantom.body, bmd, "density [mg/cm³]", DENSITY_MAP, np.zeros(3), path)


def pressure_dark(phantom: Phantom, path: Path, radius: float = 6.0) -> None:
    away = np.linalg.norm(phantom.mesh.cell_centroids - TIP, axis=1)
    with drawn_in(Style.DARK):
        cross_sections.draw_sections(
            phantom.body, 5.0 * np.exp(-away / 4.0), "pressure [kPa]", PRESSURE_MAP, TIP, path, "1:00 min",
            phantom.saturation(radius),
        )  # fmt: skip


def stress(phantom: Phantom, path: Path) -> None:
    mechanics.draw_mechanics(phantom.loaded(), "500 N", path)  # type: ignore[arg-type]


def history(phantom: Phantom, path: Path, delay: float = 60.0) -> None:
    leaked = np.maximum(TIMES - delay, 0.0) / 100.0
    tip, syringe, rate = ({"left": series} for series in (5.0 + TIMES / 20.0, 40.0 + TIMES, np.full_like(TIMES, 3.0)))
    sites = {"canal_posterior_wall": leaked}
    curves.plot_history(TIMES, tip, syringe, rate, TIMES / 20.0, TIMES / 20.0 - leaked, sites, path)


def heat_map(phantom: Phantom, height: float, width: float, base: float) -> HeatMap:
    """A bump around the needle's tip on voxels of 2 mm in the axes of the egg."""
    first = -np.array([27.0, 25.0, 23.0])
    points = first + 2.0 * np.moveaxis(np.indices((28, 34, 24)), 0, -1)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = 2.0 * phantom.frame.axes.T, phantom.frame.to_scanner(first)
    away = np.linalg.norm(points - TIP, axis=-1)
    return HeatMap(Image(base + height * np.exp(-((away / width) ** 2)), affine))


def warmth(phantom: Phantom, path: Path, height: float = 40.0) -> None:
    peak = heat_map(phantom, height, 8.0, 37.0)
    heat.draw_heat(phantom.body, peak, TIP, phantom.saturation(6.0), "cement up to 77 °C", path)


def necrosis(phantom: Phantom, path: Path, width: float = 6.0) -> None:
    damage, told = heat_map(phantom, 10.0, width, 0.0), SimpleNamespace(necrosis_ml={"bone": 0.31, "neural": 0.0})
    saturation = phantom.saturation(6.0)
    heat.draw_necrosis(phantom.mesh, phantom.lattice, damage, saturation, phantom.frame, told, path)  # type: ignore[arg-type]


FIGURES: list[Callable[[Phantom, Path], None]] = [
    *(mesh, fill_front, front_times, leaks, density, pressure_dark, warmth, necrosis, stress, history),
]


def small(path: Path) -> NDArray[np.float64]:
    """(height, width, 3) levels of a picture, averaged to :data:`WIDTH` pixels."""
    with Picture.open(path) as picture:
        size = (WIDTH, round(WIDTH * picture.height / picture.width))
        return np.asarray(picture.convert("RGB").resize(size, Picture.Resampling.BOX)).astype(float)


def stray_share(path: Path, name: str) -> float:
    """Share of the pixels of a picture that are not as in the stored one."""
    found = small(path)
    if STORE:
        REFERENCES.mkdir(exist_ok=True)
        # in all its colours: a palette would lose that of a small leak
        Picture.fromarray(found.astype(np.uint8)).save(REFERENCES / f"{name}.png", optimize=True)
    with Picture.open(REFERENCES / f"{name}.png") as stored:
        expected = np.asarray(stored.convert("RGB")).astype(float)
    assert abs(expected.shape[0] - found.shape[0]) <= 1, f"{name} has other proportions"
    rows = min(len(expected), len(found))
    return float((np.abs(found[:rows] - expected[:rows]).mean(axis=-1) > STRAY).mean())


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.__name__)
def test_the_figure_looks_as_it_did(phantom: Phantom, tmp_path: Path, figure: Callable[[Phantom, Path], None]) -> None:
    path = tmp_path / "figure.png"
    figure(phantom, path)
    assert stray_share(path, figure.__name__) <= ALLOWED


MUTATIONS: dict[str, tuple[str, Callable[[Phantom, Path], None]]] = {
    "a front that is 1 mm ahead": ("fill_front", lambda p, path: fill_front(p, path, (4.0, 5.5, 7.0, 8.0))),
    "an outer front that lags 1 mm": ("front_times", lambda p, path: front_times(p, path, 6.0)),
    "a leak at another site": ("leaks", lambda p, path: leaks(p, path, "disc_superior")),
    "left and right confused": ("density", lambda p, path: density(p, path, -1.0)),
    "the edge of the cement 1.5 mm ahead": ("pressure_dark", lambda p, path: pressure_dark(p, path, 7.5)),
    "temperatures that are 12 K too low": ("warmth", lambda p, path: warmth(p, path, 28.0)),
    "killed tissue that reaches 1 mm less far": ("necrosis", lambda p, path: necrosis(p, path, 5.3)),
    "a leak that begins late": ("history", lambda p, path: history(p, path, 30.0)),
}


@pytest.mark.skipif(STORE, reason="references are being stored")
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_wrong_figure_is_found(phantom: Phantom, tmp_path: Path, mutation: str) -> None:
    name, figure = MUTATIONS[mutation]
    figure(phantom, tmp_path / "wrong.png")
    assert stray_share(tmp_path / "wrong.png", name) > 2.0 * ALLOWED


@pytest.mark.skipif(STORE, reason="references are being stored")
def test_wrong_colours_are_found(phantom: Phantom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.pictures.scene.CEMENT_COLOR", "#D55E00")
    fill_front(phantom, tmp_path / "orange.png")
    assert stray_share(tmp_path / "orange.png", "fill_front") > 2.0 * ALLOWED
    pressures = "experiments.pictures.style.PRESSURE_MAP"
    monkeypatch.setattr(pressures, DENSITY_MAP)
    monkeypatch.setattr(f"{__name__}.PRESSURE_MAP", DENSITY_MAP)
    pressure_dark(phantom, tmp_path / "blue.png")
    assert stray_share(tmp_path / "blue.png", "pressure_dark") > 2.0 * ALLOWED
