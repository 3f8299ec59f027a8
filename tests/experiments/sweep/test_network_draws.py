"""Leaks of many random networks of veins: counted with their interval, told, and the same as those of single runs."""

from pathlib import Path
from typing import Any

import pytest

from experiments.case.schema import Case, build_case
from experiments.results.finished_case import FinishedCase
from experiments.results.parts.networks import NetworkShares
from experiments.results.wording import network_share
from experiments.sweep.cluster import Cluster
from experiments.sweep.network_draws import check_drawable, draw_networks, shares_of
from meshes.errors import InputError
from meshes.leak_sites import SITES

COARSE: dict[str, Any] = {
    "patient": {"demo": True},
    "mesh": {"size_mm": 4.0, "needle_size_mm": 1.4},
    "injection": {"volume_ml": 0.5},
    "veins": {"network": "random", "calibre_mm": 2.0},
    "output": {"pictures": False, "field_times": 1},
}


def leaks_of(**volumes_ml: float) -> dict[str, dict[str, Any]]:
    """The part ``injection.leaks`` with leaks of some volumes; a leak from 0.003 ml on is observed."""
    volumes = {site: volumes_ml.get(site, 0.0) for site in SITES}
    return {site: {"volume_ml": volume, "observed": volume >= 0.003} for site, volume in volumes.items()}


def test_shares_count_networks_and_not_leaks() -> None:
    drawn = [
        leaks_of(),
        leaks_of(anterior_veins=0.1, segmental_veins_left=0.02),
        leaks_of(segmental_veins_right=0.002),
        leaks_of(basivertebral_foramen=0.01),
    ]
    shares = shares_of(drawn, failed=1)
    assert (shares.networks, shares.failed) == (5, 1)
    assert shares.anywhere.observed == 0.5
    assert shares.anywhere.volume_ml == pytest.approx(0.132 / 4.0)
    assert {name: found.observed for name, found in shares.classes_yeom.items()} == {"B": 0.25, "S": 0.25, "C": 0.0}
    assert shares.classes_yeom["S"].volume_ml == pytest.approx(0.122 / 4.0)
    assert shares.sites["segmental_veins_right"].observed == 0.0


def test_the_interval_is_that_of_wilson() -> None:
    """(p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4 n^2)) / (1 + z^2 / n) with z = 1.959964, p = 7 / 10."""
    found = shares_of([leaks_of(disc_superior=0.1)] * 7 + [leaks_of()] * 3, 0).anywhere
    square = 1.959964**2
    middle, half = 0.7 + square / 20.0, 1.959964 * (0.021 + square / 400.0) ** 0.5
    assert found.low == pytest.approx((middle - half) / (1.0 + square / 10.0), rel=1e-6)
    assert found.high == pytest.approx((middle + half) / (1.0 + square / 10.0), rel=1e-6)
    assert shares_of([leaks_of()] * 24, 0).anywhere.low == 0.0


def test_the_share_is_told_with_its_interval() -> None:
    shares = shares_of([leaks_of(disc_superior=0.1)] * 7 + [leaks_of()] * 3, 2)
    assert network_share(shares) == "observed in 7 of 10 random networks of veins, 70 % (40 to 89 %); 2 more failed"


@pytest.mark.parametrize(
    "content",
    [
        {"veins": {"network": "none"}},
        {"prescribed_cement": {"shapes": [{"left": 0.4, "depth": 0.4, "height": 0.5, "volume_ml": 2.0}]}},
    ],
)
def test_without_random_veins_there_is_nothing_to_draw(content: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r'veins.network = "random"'):
        check_drawable(build_case({"patient": {"demo": True}, **content}))


@pytest.mark.usefixtures("demo_vertebra")
def test_the_networks_are_those_of_single_runs(tmp_path: Path) -> None:
    """A run is kept while networks are drawn; one that tells of them takes the place of its folder, veins and all."""
    from experiments.run.pipeline import run_and_store

    first, second = (
        build_case({**COARSE, "mechanics": {"enabled": False}, "veins": {**COARSE["veins"], "seed": seed}})
        for seed in (1, 2)
    )

    def interrupted(case: Case) -> NetworkShares:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_and_store(second, tmp_path / "second", draw=interrupted)
    kept = FinishedCase.read(tmp_path / "second").results.injection
    run_and_store(first, tmp_path / "first", draw=lambda case: draw_networks(case, 2, Cluster(workers=1)))
    told = FinishedCase.read(tmp_path / "first").results.injection
    assert kept is not None
    assert kept.networks is None
    assert told is not None
    assert told.networks is not None
    assert (told.networks.networks, told.networks.failed) == (2, 0)
    assert told.leaked_ml != kept.leaked_ml
    assert told.networks.anywhere.volume_ml == pytest.approx((told.leaked_ml + kept.leaked_ml) / 2.0, rel=1e-9)
