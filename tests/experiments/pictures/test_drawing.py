"""A run writes the pictures of the catalogue, they can be drawn again, and the dark ones are dark."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from typer.testing import CliRunner

from experiments.cli.main import app
from experiments.pictures import drawing
from experiments.pictures.catalogue import CATALOGUE, pictures_of
from experiments.pictures.drawing import DRAWN
from experiments.pictures.mechanics import enlargement
from experiments.pictures.style import PAPERS, Style, drawn_in, ink_color, pale, visible
from experiments.results.finished_case import PICTURES, FinishedCase


def test_a_run_writes_the_pictures_of_the_catalogue(finished_demo: FinishedCase) -> None:
    written = {path.name for path in (finished_demo.folder / PICTURES).iterdir()}
    assert written == {name for picture in pictures_of(finished_demo) for name in picture.files}
    assert {picture.name for picture in CATALOGUE} - {picture.name for picture in pictures_of(finished_demo)} == {
        "filled",
        "load_curves",
        "failed",
        "cement_in_ct",
        "leaks_in_ct",
    }


def test_every_picture_of_the_catalogue_is_drawn_by_something() -> None:
    assert list(DRAWN) == [picture.name for picture in CATALOGUE]
    assert len({picture.title for picture in CATALOGUE}) == len(CATALOGUE)
    assert all(picture.caption.endswith(".") for picture in CATALOGUE)


def test_what_a_case_has_decides_on_its_pictures(finished_demo: FinishedCase) -> None:
    results = finished_demo.results
    assert results.injection is not None
    assert "leak_sites" in {picture.name for picture in pictures_of(finished_demo)}
    leaks = {name: leak.with_values(volume_ml=0.0) for name, leak in results.injection.leaks.items()}
    dry = results.with_values(injection=results.injection.with_values(leaks=leaks))
    assert "leak_sites" not in {picture.name for picture in pictures_of(replace(finished_demo, results=dry))}
    bare = results.with_values(injection=None, load=None, veins=None, heat=None)
    names = [picture.name for picture in pictures_of(replace(finished_demo, results=bare))]
    assert names == ["mesh", "density", "filled"]


def test_pictures_are_drawn_again_on_dark_paper(
    finished_demo: FinishedCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = tuple(picture for picture in CATALOGUE if picture.name in ("fill_front", "history"))
    monkeypatch.setattr(drawing, "pictures_of", lambda case: few)
    monkeypatch.setattr("experiments.pictures.scene.PANEL_PIXELS", 300)
    out = tmp_path / "dark"
    command = ["draw", str(finished_demo.folder), "--style", "dark", "-o", str(out)]
    assert CliRunner().invoke(app, command).exit_code == 0
    paper, ink, _ = (to_rgb(color) for color in PAPERS[Style.DARK])
    for name in ("fill_front.png", "history.png"):
        picture = imread(out / name)[..., :3]
        corners = picture[[0, 0, -1, -1], [0, -1, 0, -1]]
        np.testing.assert_allclose(corners, [paper] * 4, atol=0.01)
        assert (np.abs(picture - ink).max(axis=-1) < 0.05).mean() > 0.001
    assert "</svg>" in (out / "history.svg").read_text()
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    assert CliRunner().invoke(app, ["draw", str(finished_demo.folder), "--style", "blue"]).exit_code == 2


def test_few_stored_times_give_as_many_fronts(
    finished_demo: FinishedCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.pictures.scene.PANEL_PIXELS", 100)
    drawn: list[str] = []
    monkeypatch.setattr(
        drawing.figures, "draw_front_times", lambda _, fronts, *rest: drawn.extend(label for label, _ in fronts)
    )
    for times in ([0.0, 12.5], [0.0, 30.0, 75.0, 80.0]):
        monkeypatch.setattr(FinishedCase, "times", lambda self, times=times: np.array(times))
        drawing.CaseDrawing(finished_demo).front_times(tmp_path / "fronts.png")
    assert drawn == ["100 %, 12.5 s", "38 %, 30 s", "94 %, 75 s", "100 %, 80 s"]
    for times, shape in (([0.0, 12.5], (100, 100)), ([0.0, 6.0, 12.5], (100, 200))):
        monkeypatch.setattr(FinishedCase, "times", lambda self, times=times: np.array(times))
        drawing.CaseDrawing(finished_demo).fill_front(tmp_path / "fill.png")
        assert imread(tmp_path / "fill.png").shape[:2] == shape


def test_black_is_ink_and_pale_is_near_the_paper() -> None:
    assert (visible("#000000"), visible("#D55E00")) == ("black", "#D55E00")
    with drawn_in(Style.DARK):
        assert visible("#000000") == ink_color() == PAPERS[Style.DARK][1]
        assert max(pale("#D55E00")) < 0.3
    assert min(pale("#D55E00")) > 0.7


@pytest.mark.parametrize(("largest", "factor"), [(0.03, 50.0), (0.021, 100.0), (3.0, 0.5), (0.0, 1.0)])
def test_displacements_are_enlarged_by_a_round_factor(largest: float, factor: float) -> None:
    fields = [np.array([[0.0, 0.0, -largest]]), np.array([[0.5 * largest, 0.0, 0.0]])]
    assert enlargement(fields, 24.0) == pytest.approx(factor)
