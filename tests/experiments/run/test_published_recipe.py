"""The preset of a published recipe: what it asks for, and where the demo's L3 lies among published ones."""

import tomllib
from pathlib import Path

import pytest

from experiments.case.laws import Laws
from experiments.case.schema import CASES, build_case
from experiments.run.pipeline import run_case
from materials.modulus import WalleModulus

PRESET = CASES / "published" / "spine_fe_benchmark.toml"
PUBLISHED = (2.3e3, 35.8e3)
"""N/mm; 160 vertebrae from C7 to L5 (Walle, Matheson & Boyd 2025, 10.1093/gigascience/giaf094)."""


def test_the_recipe_on_the_real_l3() -> None:
    content = tomllib.loads(PRESET.read_text()) | {
        "mesh": {"size_mm": 3.0},
        "prescribed_cement": {"shapes": [{"left": 0.0, "depth": 0.4, "height": 0.5, "volume_ml": 3.0}]},
        "output": {"pictures": False},
    }
    content["mechanics"]["degree"] = 1
    case = build_case(content, PRESET.name, Path())
    laws = Laws.of_case(case)
    assert isinstance(laws.bone.modulus.law, WalleModulus)
    assert laws.bone.poisson_ratio == 0.3
    assert laws.end_disc is not None
    assert laws.end_disc.modulus == 2500.0
    stiffness = run_case(case).results.stiffness.intact_n_per_mm
    assert PUBLISHED[0] < stiffness < PUBLISHED[1]
    assert stiffness == pytest.approx(12.0e3, rel=0.25)  # linear elements at 3 mm against quadratic ones at 2 mm
