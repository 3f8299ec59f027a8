"""The same injection on one and three MPI ranks; slow: on two.

The load-bearing check: every number of the history and every field, by the number of the cell in the whole mesh, agrees
to 1e-6 of its size, the numbers beside a smallest scale of 1e-6 ml, 1 ms and 1 Pa.
"""

import numpy as np
import pytest
from injection_on_ranks import CASES, carried_out

MILLISECOND, PASCAL = 1e-3, 1e-6
VOLUME_SCALE = 1e-3
"""1e-6 ml in mm3."""

SCALES = {
    "time": MILLISECOND,
    "onset_time": MILLISECOND,
    "needle_end_time": MILLISECOND,
    "tip_pressure": PASCAL,
    "syringe_pressure": PASCAL,
    "needle_pressure": PASCAL,
    "resting_pressure": PASCAL,
    "content_tumour": 1.0,
    "pressure": PASCAL,
    "saturation": 1.0,
    "velocity": 1e-3,
    "vein_filling": 1.0,
    "rate": 1e-3,
}


TWO = pytest.param(2, marks=pytest.mark.slow)


class Results(dict):
    """(Case, ranks) -> the arrays that rank 0 gives; each is computed when it is asked for."""

    def __init__(self, on_ranks):
        super().__init__()
        self._on_ranks = on_ranks

    def __missing__(self, key):
        case, ranks = key
        self[key] = self._on_ranks(ranks, carried_out, case)
        return self[key]


@pytest.fixture(scope="module")
def results(on_ranks):
    """Those of all cases on one to three ranks."""
    return Results(on_ranks)


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [TWO, 3])
@pytest.mark.parametrize("case", CASES)
def test_ranks_agree(results, case, ranks, evidence):
    one, several = results[case, 1], results[case, ranks]
    assert set(one) == set(several)
    assert one["stop_reason"] == several["stop_reason"]
    assert one["needle_end_reason"].tolist() == several["needle_end_reason"].tolist()
    worst = {}
    for name in sorted(set(one) - {"stop_reason", "needle_end_reason", "errors"}):
        scale = SCALES.get(name.rstrip("_0123456789"), VOLUME_SCALE)
        assert one[name].shape == several[name].shape, name
        np.testing.assert_array_equal(np.isnan(one[name]), np.isnan(several[name]))
        size = np.maximum(np.maximum(np.abs(one[name]), np.abs(several[name])), scale)
        worst[name] = float(np.nanmax(np.abs(one[name] - several[name]) / size, initial=0.0))
    largest = max(worst, key=worst.__getitem__)
    print(f"{case}, {ranks} ranks: the largest difference is that of {largest}")
    evidence.check(
        case=f"whole injection on {ranks} ranks and on one, {case.replace('_', ' ')}",
        quantity="largest difference of any number and field over its size [-]",
        expected=0.0,
        computed=worst[largest],
        high=1e-6,
        source="cross-check",
        kind="cross-check",
    )


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, TWO, 3])
@pytest.mark.parametrize("case", CASES)
def test_the_mass_balance_closes_on_every_rank(results, case, ranks, evidence):
    limits = {"cement and fluid": 1e-10, "displaced fluids": 1e-10, "every cell": 1e-8}
    for (what, limit), error in zip(limits.items(), results[case, ranks]["errors"], strict=True):
        evidence.check(
            case=f"mass balance of a whole injection, {ranks} ranks, {case.replace('_', ' ')}",
            quantity=f"largest relative error of the balance of {what} [-]",
            expected=0.0,
            computed=error,
            high=limit,
            source="exact",
            kind="verification",
        )


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, TWO, 3])
def test_the_leaking_case_is_worth_comparing(results, ranks):
    """It leaks at two sites, is limited in pressure for a time, and its mass balance closes on every rank."""
    case = results["leaking", ranks]
    assert case["stop_reason"] == "leak_limit:canal_posterior_wall"
    assert (case["leaked"][-1] > 1.0).sum() == 2
    assert np.isfinite(case["onset_time"]).sum() == 1
    assert 0 < (case["rate"] < 50.0).sum() < len(case["rate"])
    assert "saturation_2" in case


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, TWO, 3])
def test_the_veined_case_is_worth_comparing(results, ranks):
    """Cement fills pieces of vein and leaves by them, and tumour leaves with the marrow."""
    case = results["veined", ranks]
    assert case["stop_reason"] == "volume_reached"
    assert case["in_veins"][-1] > 50.0
    assert case["leaked"][-1].sum() > 50.0
    assert np.isclose(case["vein_filling_2"], 1.0).sum() > 5
    assert case["fluid_out"][-1, 0] > 1.0


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, TWO, 3])
def test_the_case_of_two_needles_is_worth_comparing(results, ranks):
    """Both deliver, limited for a part of the time; marrow comes in, tumour leaves, cement leaks, and time passes."""
    case = results["two_needles", ranks]
    assert case["stop_reason"] == "volume_reached"
    np.testing.assert_allclose(case["needle_injected"][-1], [1100.0, 400.0], rtol=1e-9)
    active = case["rate"] > 0.0
    assert (~active).sum() > 3
    assert 0 < (case["rate"][active] % 50.0 > 1e-6).sum() < active.sum()
    assert case["inflow"][-1] > 10.0
    assert case["leaked"][-1].sum() > 1.0
    assert case["fluid_out"][-1, 0] > 1.0
    assert case["resting_pressure"] > 1e-3
    assert "content_tumour_3" in case
