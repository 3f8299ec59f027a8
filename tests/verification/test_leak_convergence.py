"""Leaks on two meshes of one body, with the bone that the CT shows, and with more steps."""

from dataclasses import replace
from typing import Any

import pytest

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.model.preparation import InjectionSetup, prepare
from experiments.results.progress import Progress
from fem.injection.injection import Injection
from fem.partition import Partition

pytestmark = pytest.mark.slow

FISSURE: dict[str, Any] = {
    "needles": [{"depth": 0.5, "left": 0.0, "height": 0.85}],
    "defects": [
        {
            "wall": "superior_endplate",
            "left": 0.0,
            "depth": 0.4,
            "fracture_length_mm": 20.0,
            "fracture_angle_deg": 90.0,
        }
    ],
    "cement": {"viscosity": "low"},
    "injection": {"volume_ml": 6.0, "leak_limit_ml": 15.0},
}
HOLE: dict[str, Any] = {
    "needles": [{"depth": 0.8, "left": 0.2}],
    "defects": [{"wall": "posterior_wall", "left": 0.2, "height": 0.5, "diameter_mm": 8.0}],
    "injection": {"volume_ml": 5.0, "leak_limit_ml": 15.0},
}
VEINS: dict[str, Any] = {"veins": {"network": "random", "seed": 1}, "cement": {"viscosity": "low"}}
SITES = {"disc_superior": FISSURE, "canal_posterior_wall": HOLE, "anterior_veins": VEINS}


def leaked(site: str, size: float, steps: int = 1) -> float:
    """Volume in ml that has left through a site on a mesh of that size in mm, with times as many steps."""
    content = {
        "patient": {"demo": True},
        "veins": {"network": "none"},
        "mesh": {"size_mm": size},
        "mechanics": {"enabled": False},
        **SITES[site],
    }
    case = build_case(content)
    laws = Laws.of_case(case)
    body = prepare(case, laws, Progress())
    assert isinstance(body.cement, InjectionSetup)
    setup, tissues = body.cement, body.tissues
    plan = setup.plan
    finer = replace(plan, least_steps=steps * plan.least_steps, front_advance=plan.front_advance / steps)
    injection = Injection.build(
        Partition.build(body.mesh),
        tissues.medium,
        setup.walls,
        setup.needles,
        laws.cement,
        tissues.fluids,
        finer,
        tissues.exchange,
        setup.veins,
    )
    volume = injection.run().last.leaked[site]
    injection.destroy()
    return 1e-3 * volume


@pytest.mark.parametrize("site", ["disc_superior", "canal_posterior_wall"])
def test_a_leak_changes_little_from_2_mm_on(site: str, evidence: Any) -> None:
    coarse, fine = leaked(site, 2.0), leaked(site, 1.5)
    print(site, coarse, fine)
    assert fine > 0.1
    evidence.check(
        case=f"leak at {site}, mesh of 2 mm against 1.5 mm",
        quantity="volume [ml]",
        expected=fine,
        computed=coarse,
        within=0.05,
        source="the finer mesh",
        kind="verification",
    )


@pytest.mark.parametrize("site", SITES)
def test_a_leak_changes_little_with_four_times_the_steps(site: str, evidence: Any) -> None:
    few, many = leaked(site, 3.0), leaked(site, 3.0, steps=4)
    print(site, few, many)
    assert many > 0.05
    evidence.check(
        case=f"leak at {site}, as many steps as by default against four times as many",
        quantity="volume [ml]",
        expected=many,
        computed=few,
        within=0.05,
        source="the shorter steps",
        kind="verification",
    )
