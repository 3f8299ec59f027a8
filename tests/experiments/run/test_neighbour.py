"""A neighbouring vertebra that bears what the case's own passes on, in an image of two of the demo's L3."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from experiments.case.schema import build_case
from experiments.model.neighbour import _level
from experiments.results.parts.load import LoadResults
from experiments.run.pipeline import run_case
from fem.mechanics.passed_load import passed_pressures
from meshes.demo_patient import demo_patient
from meshes.errors import InputError

DROP = 25
"""Voxels of 1.5 mm from one vertebra down to the other."""


def two_of_them(folder: Path) -> dict[str, Any]:
    """Files of a CT with the demo's L3, and the same bone once more below it as L4."""
    demo = demo_patient()
    ct, mask, parts = (nibabel.load(path) for path in (demo.ct, demo.mask, demo.subregions))
    axis = nibabel.aff2axcodes(ct.affine).index("I")
    ours = np.asarray(mask.dataobj) == 22
    kept = {"ct": np.where(ours, np.asarray(ct.dataobj), 40), "mask": 22 * ours}
    kept["parts"] = np.where(ours, np.asarray(parts.dataobj), 0)
    lower = kept | {"mask": 23 * ours}
    room = [(0, 0)] * 3
    files = {}
    for name, image in {"ct": ct, "mask": mask, "parts": parts}.items():
        room[axis] = (0, DROP)
        upper = np.pad(kept[name], room, constant_values=40 if name == "ct" else 0)
        room[axis] = (DROP, 0)
        there = np.pad(ours, room)
        both = np.where(there, np.pad(lower[name], room), upper).astype(np.int16)
        files[name] = folder / f"{name}.nii.gz"
        nibabel.save(nibabel.Nifti1Image(both, image.affine), files[name])
    return {"ct": files["ct"].name, "mask": files["mask"].name, "subregions": files["parts"].name, "labels": "verse"}


def loaded(folder: Path, level: str, side: str, load_case: str = "axial") -> LoadResults:
    content = {
        "patient": {**two_of_them(folder), "level": level},
        "mesh": {"size_mm": 4.0},
        "prescribed_cement": {"shapes": [{"left": 0.4, "depth": 0.4, "height": 0.5, "volume_ml": 4.0}]},
        "mechanics": {"degree": 1, "plates": "soft", "neighbour": side, "load_case": load_case},
        "output": {"pictures": False},
    }
    results = run_case(build_case(content, "case.toml", folder)).results.load
    assert results is not None
    return results


@pytest.mark.parametrize(("level", "side", "load_case"), [("L3", "below", "axial"), ("L4", "above", "pressure")])
def test_the_neighbour_bears_the_same_load(tmp_path: Path, level: str, side: str, load_case: str) -> None:
    load = loaded(tmp_path, level, side, load_case)
    other = load.intact.neighbour
    assert other is not None
    assert other.level == {"L3": "L4", "L4": "L3"}[level]
    assert other.endplate_pressure.force_n == pytest.approx(500.0, rel=1e-5)
    # the same bone under the same load; its own plate is free to take any shape on one side
    assert 0.8 < other.bone_effective_strain.p95 / load.intact.bone_effective_strain.p95 < 1.3
    after = load.augmented.neighbour
    assert after is not None
    assert after.endplate_pressure.force_n == pytest.approx(500.0, rel=1e-5)
    assert 0.0 < abs(after.bone_effective_strain.p99 / other.bone_effective_strain.p99 - 1.0) < 0.1


def test_a_neighbour_that_the_image_cuts_is_refused_before_any_work() -> None:
    mechanics = {"plates": "soft", "neighbour": "below"}
    case = build_case({"patient": {"demo": True}, "needles": [{"left": 0.3}], "mechanics": mechanics})
    with pytest.raises(InputError, match=r"L4 .* cut"):
        run_case(case)


@pytest.mark.parametrize("other", [{}, {"plates": "soft", "domain": "vertebra"}])
def test_a_neighbour_needs_soft_discs_between_bodies(other: dict[str, str]) -> None:
    with pytest.raises(InputError, match='neighbour needs plates = "soft"'):
        build_case({"patient": {"demo": True}, "mechanics": {"neighbour": "below", **other}})


def test_levels_beside() -> None:
    assert _level("L1", "above") == "T12"
    assert _level("C7", "below") == "T1"
    with pytest.raises(InputError, match="there is no vertebra below L5"):
        _level("L5", "below")


def test_a_load_keeps_its_place_and_its_size() -> None:
    random = np.random.default_rng(3)
    places, facets = random.uniform(-10.0, 10.0, (400, 2)), random.uniform(-8.0, 8.0, (300, 2))
    areas = np.full(300, 16.0**2 / 300)
    given = 1.0 + 0.05 * places[:, 0]
    found = passed_pressures(places, given, 256.0, facets, areas)
    assert found @ areas == pytest.approx(256.0)
    assert np.corrcoef(found, 1.0 + 0.05 * facets[:, 0])[0, 1] > 0.999
    with pytest.raises(ValueError, match="do not meet"):
        passed_pressures(places, given, 256.0, facets, 0.1 * areas)
