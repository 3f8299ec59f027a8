"""What a run wrote comes back as it was: geometry, names, fields, needles, leak sites, CT and displacements."""

import json
import shutil
from dataclasses import replace
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.model.preparation import InjectionSetup
from experiments.model.region_numbers import cell_numbers, region_numbers
from experiments.results.finished_case import FinishedCase
from experiments.results.store import write_manifest, write_results
from experiments.run.output import CaseOutcome
from meshes.errors import InputError
from meshes.leak_sites import SITES

SINGLE = 2e-7
"""Relative error of single precision."""


@pytest.fixture(scope="module")
def outcome(stored_demo: tuple[CaseOutcome, Path]) -> CaseOutcome:
    return stored_demo[0]


def test_the_mesh_and_its_regions_come_back(outcome: CaseOutcome, finished_demo: FinishedCase) -> None:
    read, written = finished_demo.mesh, outcome.mesh
    np.testing.assert_allclose(read.points, written.points, atol=1e-9)
    np.testing.assert_array_equal(read.cells, written.cells)
    np.testing.assert_array_equal(read.facets, written.facets)
    assert list(read.facet_regions) == list(written.facet_regions)
    for name, facets in written.facet_regions.items():
        np.testing.assert_array_equal(read.facet_regions[name], np.sort(facets))
    for name, cells in written.cell_regions.items():
        np.testing.assert_array_equal(read.cell_regions[name], np.sort(cells))
    np.testing.assert_allclose(finished_demo.frame.matrix, outcome.vertebra.frame.matrix, atol=1e-12)


def test_the_fields_come_back_at_every_time(outcome: CaseOutcome, finished_demo: FinishedCase) -> None:
    np.testing.assert_array_equal(finished_demo.times(), [shot.record.time for shot in outcome.snapshots])
    for step, shot in enumerate(outcome.snapshots):
        grid = finished_demo.grid(step)
        np.testing.assert_allclose(grid.points, outcome.mesh.points, atol=1e-9)
        np.testing.assert_allclose(grid.cell_data["saturation"], shot.saturation, atol=SINGLE)
        np.testing.assert_allclose(grid.cell_data["pressure_kpa"], 1e3 * shot.pressure, rtol=SINGLE, atol=1e-12)
        speed = np.abs(shot.velocity).max()
        np.testing.assert_allclose(grid.cell_data["darcy_velocity_mm_per_s"], shot.velocity, atol=1e-6 * speed)
        snapshot = finished_demo.snapshot(step)
        assert snapshot.injected_ml == pytest.approx(1e-3 * shot.record.injected, abs=1e-9)
        np.testing.assert_array_equal(snapshot.saturation, grid.cell_data["saturation"])
    assert finished_demo.snapshot().clock == "1:20 min, 4.00 ml injected"
    with pytest.raises(IndexError, match="step 5 of 5"):
        finished_demo.grid(5)


def test_needles_leak_sites_and_inclusions_come_back(outcome: CaseOutcome, finished_demo: FinishedCase) -> None:
    (needle,), (path,) = finished_demo.needles(), outcome.paths
    np.testing.assert_allclose(needle.tip, path.tip)
    np.testing.assert_allclose(needle.direction, path.direction)
    assert needle.diameter == path.outer_diameter
    assert list(finished_demo.needle_courses()) == ["left"]
    assert isinstance(outcome.cement, InjectionSetup)
    numbers = outcome.cement.walls.site
    sites = {site.site: site for site in finished_demo.leak_sites()}
    in_walls = {SITES[number] for number in np.unique(numbers[numbers >= 0])}
    assert outcome.veins is not None
    assert set(sites) == in_walls | set(outcome.veins.exit_sites.values())
    assert in_walls
    for name, site in sites.items():
        assert site.leaked_ml == outcome.results.injection.leaks[name].volume_ml
        if name in in_walls:
            np.testing.assert_array_equal(site.facets, np.flatnonzero(numbers == SITES.index(name)))
    assert sites["basivertebral_foramen"].leak_class == "canal"
    assert finished_demo.inclusions() == {}


def test_the_ct_comes_back_at_its_place(outcome: CaseOutcome, finished_demo: FinishedCase) -> None:
    read, written = finished_demo.ct(), outcome.vertebra.ct
    np.testing.assert_array_equal(read.values, np.round(written.values))
    np.testing.assert_allclose(read.affine, written.affine, atol=1e-4)


def test_the_displacements_come_back(outcome: CaseOutcome, finished_demo: FinishedCase) -> None:
    bone = finished_demo.mechanics()
    assert bone is not None
    assert outcome.loaded is not None
    np.testing.assert_allclose(bone.points, outcome.loaded.mesh.points, atol=1e-9)
    for state, loaded in outcome.loaded.states.items():
        moved = loaded.fields.displacement
        np.testing.assert_allclose(bone[f"displacement_{state}_mm"], moved, atol=1e-6 * np.abs(moved).max())
        np.testing.assert_allclose(bone[f"von_mises_{state}_mpa"], loaded.fields.von_mises, rtol=1e-6)


@pytest.mark.parametrize("name", ["surface.vtp", "ct.nii.gz", "mechanics.vtu"])
def test_a_folder_that_lacks_a_file_is_refused(finished_demo: FinishedCase, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(finished_demo.folder, copy, ignore=shutil.ignore_patterns("pictures", name))
    with pytest.raises(InputError, match="is damaged, was edited or comes from another version"):
        FinishedCase.read(copy)


def test_the_manifest_names_the_numbers_in_the_files(outcome: CaseOutcome, finished_demo: FinishedCase) -> None:
    regions = json.loads((finished_demo.folder / "manifest.json").read_text())["regions"]
    assert regions["tissue"] == {"bone": 0}
    assert regions["site"] == {"closed": 0, **{name: number for number, name in enumerate(SITES, start=1)}}
    assert (finished_demo.grid(0).cell_data["tissue"] == 0).all()
    posterior = np.flatnonzero(outcome.mesh.cell_centroids[:, 1] > 0.0)
    tissues = replace(outcome.tissues, cells={"lesion_1": posterior})
    assert region_numbers(outcome.mesh, tissues)["tissue"] == {"bone": 0, "lesion_1": 1}
    numbers = cell_numbers(outcome.mesh, tissues)["tissue"]
    np.testing.assert_array_equal(np.flatnonzero(numbers == 1), posterior)


@pytest.mark.parametrize(
    "keys",
    [
        ("manifest", "frame"),
        ("manifest", "regions", "tissue"),
        ("manifest", "regions", "site", "disc_superior"),
        ("manifest", "warnings"),
        ("manifest", "needles"),
        ("manifest", "needles", 0),
        ("manifest", "needles", 0, "outer_diameter_mm"),
        ("results", "fill", "pattern"),
        ("results", "injection"),
        ("results", "injection", "leaks", "needle_track", "volume_ml"),
        ("results", "injection", "course", "needles", 0, "rate_ml_per_min"),
        ("results", "stiffness"),
        ("results", "stiffness", "augmented", "torsion_nm_per_deg"),
    ],
    ids=lambda keys: ".".join(map(str, keys)),
)
def test_a_whole_folder_of_another_version_is_refused(
    finished_demo: FinishedCase, tmp_path: Path, keys: tuple[str | int, ...]
) -> None:
    for entry in finished_demo.folder.iterdir():
        if entry.is_file() and entry.suffix != ".json":
            (tmp_path / entry.name).symlink_to(entry)
    content: Any = {
        name: json.loads((finished_demo.folder / f"{name}.json").read_text()) for name in ("manifest", "results")
    }
    *outer, last = keys
    del reduce(getitem, outer, content)[last]
    write_results(tmp_path, content["results"])
    write_manifest(tmp_path, {key: value for key, value in content["manifest"].items() if key != "seal"})
    with pytest.raises(InputError, match="comes from another version; run the case again"):
        FinishedCase.read(tmp_path)
