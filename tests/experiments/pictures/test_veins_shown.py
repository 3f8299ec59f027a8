"""A network of veins is seen and told wherever its case is: file, pictures, scene, report and summary."""

from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from pyvista import PolyData

from experiments.cli.summary import result_rows
from experiments.export.writing import Format, export
from experiments.model.vein_draw import draw_veins
from experiments.pictures import figures
from experiments.pictures.animation import _Page
from experiments.pictures.catalogue import pictures_of
from experiments.pictures.drawing import CaseDrawing
from experiments.pictures.front import FrontCourse
from experiments.pictures.static_bodies import static_bodies
from experiments.pictures.style import VEIN_COLOR
from experiments.pictures.veins import joined_cement, shown_cement, vein_tubes
from experiments.report.outcome import headlines, outcome_tables
from experiments.results.builders import vein_results
from experiments.results.finished_case import VEIN_CEMENT, VEINS, FinishedCase
from experiments.results.parts.results import Results
from experiments.results.vein_cement import write_vein_cement
from materials.vein_distributions import VeinDistributions
from meshes.vein_file import read_veins, write_veins
from meshes.vein_grid import VeinGrid
from meshes.vein_layout import lay_veins
from meshes.vein_network import VeinNetwork

SHOWING_VEINS = {
    "leaks": CaseDrawing.leaks,
    "density": CaseDrawing.density,
    "mesh": CaseDrawing.mesh,
    "pressure": CaseDrawing.pressure,
    "front_times": CaseDrawing.front_times,
}

SEED = 7
SAID = "one draw of a random network of veins, seed 7"


@pytest.fixture(scope="module")
def network(demo_vertebra) -> VeinNetwork:
    return lay_veins(draw_veins(VeinDistributions(), SEED), demo_vertebra)


@pytest.fixture(scope="module")
def veined(finished_demo: FinishedCase, network: VeinNetwork, tmp_path_factory) -> FinishedCase:
    """The demo with a network in its folder and its results."""
    folder = tmp_path_factory.mktemp("veined") / "demo"
    copytree(finished_demo.folder, folder)
    write_veins(folder / VEINS, network, finished_demo.frame)
    pieces = VeinGrid.of_network(network)
    fillings = [(pieces.segment < step).astype(float) for step in range(len(finished_demo.times()))]
    write_vein_cement(folder / VEIN_CEMENT, network, finished_demo.frame, fillings)
    results = Results.model_validate({**finished_demo.results.plain(), "veins": vein_results(network, SEED).plain()})
    return replace(finished_demo, folder=folder, results=results)


def test_the_numbers_are_those_of_the_network(network: VeinNetwork) -> None:
    told = vein_results(network, SEED)
    assert (told.source, told.seed) == ("random", SEED)
    assert sum(told.exits.values()) == len(network.exit_sites)
    assert told.branches == len(network.exit_sites) - told.exits["basivertebral_foramen"]
    assert told.volume_ml == pytest.approx(1e-3 * network.volume)
    assert told.length_mm == pytest.approx(network.lengths.sum())
    below = network.lengths[network.diameters < told.calibre_median_mm].sum()
    assert below <= 0.5 * told.length_mm <= below + network.lengths[network.diameters == told.calibre_median_mm].sum()
    assert "seed" not in vein_results(network, None).plain()
    assert vein_results(network, None).source == "file"


def test_the_file_gives_the_network_back_and_is_one_that_a_case_takes(veined, network, demo_vertebra) -> None:
    again = veined.veins()
    assert again is not None
    np.testing.assert_allclose(again.nodes, network.nodes, atol=1e-9)
    np.testing.assert_array_equal(again.segments, network.segments)
    np.testing.assert_allclose(again.diameters, network.diameters)
    assert again.exit_sites == dict(network.exit_sites)
    given = read_veins(veined.folder / VEINS, demo_vertebra)
    assert given.volume == pytest.approx(network.volume, rel=1e-3)
    assert sorted(given.exit_sites.values()) == sorted(network.exit_sites.values())


def test_tubes_have_the_calibre_of_the_veins(network: VeinNetwork) -> None:
    assert vein_tubes(network).volume == pytest.approx(network.volume, rel=0.05)  # 16 sides


def test_pictures_show_the_veins(veined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.pictures.scene.PANEL_PIXELS", 300)
    remarks = []
    monkeypatch.setattr(figures, "draw_leaks", lambda *content: remarks.append(content[-3:]))
    drawing = CaseDrawing(veined)
    drawing.veins(tmp_path / "veins.png")
    drawing.leaks(tmp_path / "leaks.png")
    assert purple(tmp_path / "veins.png") > 0.004
    assert remarks[0][2] == SAID
    assert remarks[0][0].exit_sites == veined.veins().exit_sites
    assert remarks[0][1].filling.sum() > 0.0
    assert "veins" in [picture.name for picture in pictures_of(veined)]


def test_leaks_and_fronts_are_drawn_with_veins_inside(veined, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("experiments.pictures.scene.PANEL_PIXELS", 300)
    drawing = CaseDrawing(veined)
    bare = CaseDrawing(replace(veined, results=without_veins(veined)))
    for name, draw in SHOWING_VEINS.items():
        draw(drawing, tmp_path / f"{name}.png")
        draw(bare, tmp_path / f"{name}_bare.png")
        assert not np.array_equal(imread(tmp_path / f"{name}.png"), imread(tmp_path / f"{name}_bare.png")), name
    for name in ("leaks", "mesh", "front_times"):
        assert purple(tmp_path / f"{name}.png") > purple(tmp_path / f"{name}_bare.png"), name


def test_between_stored_times_cement_in_veins_goes_on(veined) -> None:
    course = FrontCourse(veined, CaseDrawing(veined).lattice)
    first, last = course.times[-2:]
    before, after, between = (course.vein_cement(time) for time in (first, last, 0.25 * first + 0.75 * last))
    assert (after.filling - before.filling).max() > 0.5
    np.testing.assert_allclose(between.filling, 0.25 * before.filling + 0.75 * after.filling, atol=1e-6)
    alone = course.surface(last).n_cells - CaseDrawing(veined).lattice.contour(course.distance(last), 0.0).n_cells
    assert alone == joined_cement(PolyData(), after).n_cells > 0


def test_the_film_says_that_it_shows_one_draw(veined) -> None:
    page = _Page(veined)
    assert SAID in [text.get_text() for text in page.figure.texts]


def test_scene_report_and_summary_tell_of_them(veined) -> None:
    assert "veins" in {body.layer for body in static_bodies(veined, CaseDrawing(veined).lattice)}
    (headline,) = [entry for entry in headlines(veined) if entry.name == "Volume of the veins"]
    assert headline.detail.startswith(f"One{SAID.removeprefix('one')}: ")
    (table,) = [entry for entry in outcome_tables(veined) if entry.title == "Veins in the body"]
    assert "only the share over many seeds" in table.note
    assert ("seed of the veins", "7") in table.rows
    assert SAID in dict(result_rows(veined.results))["veins in the body"]


def test_exits_are_sites_of_their_own_at_the_wall(veined, network: VeinNetwork) -> None:
    sites = {site.site: site for site in veined.leak_sites()}
    assert set(network.exit_sites.values()) <= set(sites)
    for node, name in network.exit_sites.items():
        centroids = veined.mesh.facet_centroids[sites[name].facets]
        assert np.linalg.norm(centroids - network.nodes[node], axis=1).min() < 1.5
    assert sites["anterior_veins"].leak_class == "vessel"


def test_cement_in_veins_is_drawn_with_that_in_the_pores(veined, network: VeinNetwork) -> None:
    lattice, last = CaseDrawing(veined).lattice, veined.snapshot()
    assert last.in_veins is not None
    in_pores = lattice.cement_surface(last.saturation).n_cells
    assert veined.vein_cement(0).filling.max() == 0.0
    assert shown_cement(lattice, last.saturation, veined.vein_cement(0)).n_cells == in_pores
    alone = shown_cement(lattice, 0.0 * last.saturation, last.in_veins)
    filled = network.segments[: len(veined.times()) - 1]
    low, high = (limit(network.nodes[filled].reshape(-1, 3), axis=0) for limit in (np.min, np.max))
    reach = 0.5 * network.diameters.max() + 0.2
    assert (alone.points >= low - reach).all()
    assert (alone.points <= high + reach).all()
    assert shown_cement(lattice, last.saturation, last.in_veins).n_cells == alone.n_cells + in_pores


def test_an_export_holds_them(veined, tmp_path: Path) -> None:
    export(veined, tmp_path / "out", [Format.VTU])
    assert (tmp_path / "out" / VEINS).read_bytes() == (veined.folder / VEINS).read_bytes()


def without_veins(case: FinishedCase) -> Results:
    return Results.model_validate({key: part for key, part in case.results.plain().items() if key != "veins"})


def purple(path: Path) -> float:
    """Share of the pixels with about the hue of veins."""
    image = imread(path)[..., :3]
    direction = np.array(to_rgb(VEIN_COLOR)) - np.mean(to_rgb(VEIN_COLOR))
    own = image - image.mean(axis=-1, keepdims=True)
    size = np.linalg.norm(own, axis=-1)
    alike = (own @ direction) / np.maximum(size * np.linalg.norm(direction), 1e-9)
    return float(((alike > 0.95) & (size > 0.1)).mean())
