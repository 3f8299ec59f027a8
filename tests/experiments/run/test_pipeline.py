"""The whole way on the real L3, at coarse size: results, case directory, orientations, ranks, refusals.

Load-bearing: the same patient written in other voxel orders gives the same results to 1e-6, turned by 20 degrees to
2 %, and any number of ranks gives the same results to 1e-6.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvista
from numpy.typing import NDArray

from experiments.case.schema import Case
from experiments.results.fields import read_step, read_times
from experiments.run.output import CaseOutcome
from materials.outlets import OUTLET_SHARES
from meshes.demo_patient import DemoPatient
from meshes.errors import InputError
from meshes.leak_sites import LEAK_CLASSES, SITES
from vertebroplasty import build_case, demo_case, run

SCALES = {"ml": 1e-6, "s": 1e-3, "kpa": 1e-3, "mm": 1e-3}
"""Unit at the end of a name -> the size below which differences are absolute: 1e-6 ml, 1 ms, 1 Pa, 1e-3 N/mm."""


def coarse(case: Case, needle: dict[str, Any] | None = None, **sections: dict[str, Any]) -> Case:
    """``case`` at 3 mm, with fewer outputs and no pictures, and other values in the needles and some sections."""
    content = case.model_dump(exclude_unset=True)
    content["patient"] = {
        key: str(value) if isinstance(value, Path) else value for key, value in content["patient"].items()
    }
    changes: dict[str, dict[str, Any]] = {
        "mesh": {"size_mm": 3.0, "needle_size_mm": 1.0},
        "output": {"pictures": False, "field_times": 4},
        "mechanics": {"degree": 1},
    }
    for name, values in [*changes.items(), *sections.items()]:
        content[name] = {**content.get(name, {}), **values}
    content["needles"] = [{**table, **(needle or {})} for table in content.get("needles", [{}])]
    return build_case(content)


def of_files(files: DemoPatient, **sections: dict[str, Any]) -> Case:
    """The coarse demo with the patient read from ``files``."""
    case = coarse(demo_case(), **sections)
    content = case.model_dump(exclude_unset=True)
    content["patient"] = {
        "ct": str(files.ct),
        "mask": str(files.mask),
        "subregions": str(files.subregions),
        "level": "L3",
        "labels": "verse",
    }
    return build_case(content)


def numbers(results: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of the results with its dotted name."""
    if isinstance(results, Mapping):
        for key, value in results.items():
            yield from numbers(value, f"{name}.{key}")
    elif isinstance(results, list):
        for index, value in enumerate(results):
            yield from numbers(value, f"{name}[{index}]")
    else:
        yield name, results


def differences(first: Any, second: Any, tolerance: float) -> list[tuple[str, Any, Any]]:
    """Leaves that differ by more than ``tolerance`` of the larger of their value and the scale of their unit."""
    left, right = dict(numbers(first)), dict(numbers(second))
    assert left.keys() == right.keys()
    found = []
    for name, value in left.items():
        other = right[name]
        if isinstance(value, float | int) and isinstance(other, float | int):
            unit = name.rpartition(".")[2].partition("[")[0].rpartition("_")[2]
            if abs(value - other) > tolerance * max(abs(value), SCALES.get(unit, 1.0)):
                found.append((name, value, other))
        elif value != other:
            found.append((name, value, other))
    return found


@pytest.fixture(scope="module")
def stored(stored_demo: tuple[CaseOutcome, Path]) -> tuple[CaseOutcome, Path]:
    """The coarse demo with its directory."""
    return stored_demo


def test_ten_lines_of_python_run_a_case(tmp_path: Path) -> None:
    from vertebroplasty import build_case, run

    case = build_case(
        {
            "patient": {"demo": True},
            "mesh": {"size_mm": 4.0, "needle_size_mm": 1.0},
            "injection": {"volume_ml": 1.0, "pressure_limit_kpa": 120.0},
            "output": {"pictures": False},
        }
    )
    outcome = run(case, tmp_path / "out")
    injection = outcome.results.injection
    assert injection.injected_ml == pytest.approx(1.0, rel=1e-9)
    assert (injection.limited_from_s, injection.pressure_limit_kpa) == (0.0, 120.0)
    assert max(injection.course.rate_ml_per_min) < 3.0
    assert outcome.results.stiffness.augmented_n_per_mm > outcome.results.stiffness.intact_n_per_mm


def test_the_results_have_the_names_that_others_rely_on(stored: tuple[CaseOutcome, Path]) -> None:
    _, folder = stored
    results = json.loads((folder / "results.json").read_text())
    assert {"volume_ml", "mask_volume_ml", "gamma_min", "cells"} <= results["mesh"].keys()
    injection = results["injection"]
    assert injection["stop_reason"] == "volume_reached"
    assert injection["injected_ml"] == pytest.approx(4.0, rel=1e-9)
    assert injection["duration_s"] == pytest.approx(80.0, rel=1e-9)
    assert (injection["limited_from_s"], injection["pressure_limit_kpa"]) == (None, 3200.0)
    assert injection["peak_tip_pressure_kpa"] == pytest.approx(max(injection["course"]["tip_pressure_kpa"]))
    assert injection["mass_balance_error"] <= 1e-10
    assert injection["divergence_error"] <= 1e-8
    (needle,) = injection["needles"]
    assert (needle["side"], needle["stop_reason"]) == ("left", "volume_reached")
    assert needle["ended_s"] == pytest.approx(80.0, rel=1e-9)
    assert -1e-8 <= injection["saturation_min"] <= injection["saturation_max"] <= 1.0 + 1e-8
    assert set(injection["leaks"]) == set(SITES)
    for leak in injection["leaks"].values():
        assert set(leak) == {
            "volume_ml",
            "cast_length_mm",
            "observed",
            "onset_s",
            "onset_injected_ml",
            "size_mm",
            "severity",
        }
        assert (leak["severity"] is None) == (not leak["observed"])
        assert leak["volume_ml"] >= 0.0
        assert (leak["onset_s"] is None) == (leak["volume_ml"] < 0.003) == (not leak["observed"])
    assert set(injection["leak_classes"]) == set(LEAK_CLASSES)
    assert results["fill"]["fraction"] == pytest.approx(injection["stored_ml"] / results["mesh"]["volume_ml"])
    for state in ("intact", "augmented"):
        matrix = np.array(results["stiffness"][state]["matrix"])
        assert matrix == pytest.approx(matrix.T, abs=1e-6 * np.abs(matrix).max())
        assert matrix[2, 2] == pytest.approx(results["stiffness"][f"{state}_n_per_mm"])
        assert results["stiffness"][state]["axial_free_n_per_mm"] < matrix[2, 2]
    # Cement on the left stiffens the left side: under pressure the plate tilts to the right of where it did.
    tilts = {state: results["stiffness"][state]["tilt_left_deg_per_kn"] for state in ("intact", "augmented")}
    assert tilts["augmented"] < tilts["intact"]
    assert 1.1 < results["stiffness"]["augmented_n_per_mm"] / results["stiffness"]["intact_n_per_mm"] < 2.0


def test_the_manifest_lists_stages_defaults_and_versions(stored: tuple[CaseOutcome, Path]) -> None:
    _, folder = stored
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {"read", "mesh", "bone", "injection", "heat", "stiffness", "pictures"} == set(manifest["seconds"])
    assert manifest["peak_memory_mb"] > 100.0
    assert manifest["versions"]["gmsh"] != "missing"
    assert manifest["patient"]["label"] == 22
    assert manifest["needles"][0]["camber_deg"] > 0.0
    assert manifest["outlets"]["pressure_rise_at_planned_rate_kpa"] == pytest.approx(1.0, rel=1e-6)
    assert [entry["site"] for entry in manifest["outlets"]["openings"]] == ["needle_track"]
    in_veins = (OUTLET_SHARES["basivertebral_foramen"] + OUTLET_SHARES["segmental_veins"]) * 0.05
    assert manifest["outlets"]["veins_ml_per_s_kpa"] == pytest.approx(in_veins, rel=1e-9)
    assert manifest["outlets"]["total_ml_per_s_kpa"] == pytest.approx(0.05, rel=1e-9)
    for name, entry in manifest["defaults"].items():
        assert {"value", "unit", "source", "tag"} <= entry.keys(), name
        assert entry["tag"] in ("S", "M", "D"), name
    assert "needles[1].gauge" not in manifest["defaults"]
    assert {"leaks.vein_diameter", "front.surface_tension", "cement.activation_energy"} < manifest["defaults"].keys()
    assert not manifest["given"].keys() & manifest["defaults"].keys()


def test_the_manifest_lists_values_of_laws_as_given() -> None:
    needles = [{}, {"side": "right", "volume_ml": 0.05}]
    given = {"cement.activation_energy": 50.0, "needle_track.gap": 0.1}
    outcome = run(
        build_case(
            {
                "patient": {"demo": True},
                "mesh": {"size_mm": 4.0, "needle_size_mm": 1.0},
                "needles": needles,
                "injection": {"volume_ml": 0.15},
                "mechanics": {"enabled": False},
                "laws": given,
            }
        )
    )
    assert not given.keys() & outcome.manifest.defaults.keys()
    assert {name: outcome.manifest.given[name].value for name in given} == given
    assert outcome.manifest.given["cement.activation_energy"].unit == "kJ/mol"
    left, right = outcome.results.injection.needles
    assert (left.side, right.side) == ("left", "right")
    assert (left.ended_s, right.ended_s) == (pytest.approx(2.0), pytest.approx(3.0))


def test_the_tip_pressure_never_falls_below_what_drives_the_marrow_out(stored: tuple[CaseOutcome, Path]) -> None:
    outcome, _ = stored
    tip = outcome.results.injection.course.tip_pressure_kpa
    assert min(tip) >= outcome.manifest.outlets.pressure_rise_at_planned_rate_kpa


def test_a_front_limit_in_front_of_the_tip_is_refused() -> None:
    case = coarse(demo_case(), injection={"front_limit_depth": 0.4}, needle={"depth": 0.5})
    with pytest.raises(
        InputError,
        match=r"front_limit_depth = 0.4 lies in front of the opening of needles.1., which comes to depth 0.50",
    ):
        run(case)


def test_the_laws_do_not_saturate_on_the_demo(stored: tuple[CaseOutcome, Path]) -> None:
    outcome, _ = stored
    shares = outcome.results.bone.bound_shares
    assert set(shares) == {"porosity_low", "porosity_high", "permeability_cap", "modulus_low"}
    assert max(shares.values()) < 0.10
    assert not outcome.manifest.warnings


def test_the_fields_open_as_a_time_series_in_the_scanner_frame(stored: tuple[CaseOutcome, Path]) -> None:
    outcome, folder = stored
    path = folder / "fields.vtkhdf"
    assert read_times(path) == pytest.approx([0.0, 20.0, 40.0, 60.0, 80.0])
    grid = read_step(path, 4)
    assert isinstance(grid, pyvista.UnstructuredGrid)
    saturation = grid.cell_data["saturation"]
    volumes = outcome.mesh.cell_volumes * grid.cell_data["porosity"]
    assert float(saturation @ volumes) == pytest.approx(1e3 * outcome.results.injection.stored_ml, rel=1e-4)
    assert read_step(path, 0).cell_data["saturation"].max() == 0.0
    assert grid.points == pytest.approx(outcome.vertebra.frame.to_scanner(outcome.mesh.points))
    # Cement comes from the needle's tip: the flow there points away from it.
    tip = outcome.vertebra.frame.to_scanner(outcome.paths[0].tip[None])[0]
    arms = grid.cell_centers().points - tip
    ring = (np.linalg.norm(arms, axis=1) > 3.0) & (np.linalg.norm(arms, axis=1) < 6.0)
    outward = np.einsum("ia,ia->i", grid.cell_data["darcy_velocity_mm_per_s"][ring], arms[ring])
    assert np.mean(outward > 0.0) > 0.95


def test_the_left_needle_goes_through_the_left_pedicle(stored: tuple[CaseOutcome, Path]) -> None:
    outcome, _ = stored
    assert outcome.paths[0].tip[0] > 0.0
    left = set(outcome.mesh.facet_regions["left_pedicle"].tolist())
    assert set(outcome.paths[0].track_facets.tolist()) <= left


@pytest.mark.parametrize("order", ["LPI", *(pytest.param(order, marks=pytest.mark.slow) for order in ("RAS", "LAS"))])
def test_another_voxel_order_gives_the_same_results(
    order: str, stored: tuple[CaseOutcome, Path], rewrite: Callable[..., DemoPatient], tmp_path: Path
) -> None:
    outcome = run(of_files(rewrite(tmp_path, order=order)))
    assert differences(stored[0].results.plain(), outcome.results.plain(), 1e-6) == []


def test_a_turned_patient_gives_the_same_results_to_two_percent(
    stored: tuple[CaseOutcome, Path], rewrite: Callable[..., DemoPatient], tmp_path: Path
) -> None:
    angle = np.radians(20.0)
    turn: NDArray[np.float64] = np.array(
        [[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]]
    )
    outcome = run(of_files(rewrite(tmp_path, rotation=turn)))
    before, after = stored[0].results.plain(), outcome.results.plain()
    for section, name in (
        ("mesh", "volume_ml"),
        ("injection", "stored_ml"),
        ("injection", "duration_s"),
        ("injection", "peak_tip_pressure_kpa"),
        ("injection", "peak_syringe_pressure_kpa"),
        ("fill", "fraction"),
        ("stiffness", "intact_n_per_mm"),
        ("stiffness", "augmented_n_per_mm"),
    ):
        assert after[section][name] == pytest.approx(before[section][name], rel=0.02), name


def test_the_demo_with_a_defect_leaks_into_the_canal() -> None:
    outcome = run(
        coarse(demo_case(defect=True), mesh={"size_mm": 4.0, "defect_size_mm": 1.5}, mechanics={"enabled": False})
    )
    leak = outcome.results.injection.leaks["canal_posterior_wall"]
    assert leak.volume_ml > 0.02
    assert 0.0 < leak.onset_s < outcome.results.injection.duration_s
    in_canal = leak.volume_ml + outcome.results.injection.leaks["basivertebral_foramen"].volume_ml
    assert outcome.results.injection.leak_classes["canal"] == pytest.approx(in_canal, abs=1e-3)
    assert outcome.results.stiffness is None
