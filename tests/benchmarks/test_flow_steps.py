"""The pressure step beside other solvers on a coarse mesh: all of them find our pressure."""

import json

import pytest

from benchmarks import flow_steps
from benchmarks.flow_peers import METHODS
from benchmarks.flow_process import CONTRASTS

pytestmark = pytest.mark.slow

SIZE = 3.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bodies")


@pytest.fixture(scope="module")
def found(folder):
    return flow_steps.own(folder, SIZE, 1, 1)


def test_own_steps(found):
    steps = found["injection"]["steps"]
    assert len(steps) > 20
    parts = sum(steps[0][part] for part in flow_steps.PARTS)
    assert parts == pytest.approx(steps[0]["whole"], rel=1e-6)
    assert 0 < found["step"]["previous"]["iterations"] < found["step"]["zero"]["iterations"]
    assert max(step["error"] for step in found["step"].values()) < 1e-8
    assert all(len(line["counts"]) == len(CONTRASTS) for line in found["iterations"])


@pytest.mark.parametrize("method", METHODS)
def test_other_solvers_find_our_pressure(found, folder, method):
    if method in ("SciPy", "PyAMG"):
        pytest.importorskip("skfem", reason="of the dependency group bench")
    if method == "PyAMG":
        pytest.importorskip("pyamg", reason="of the dependency group bench")
    answer = flow_steps.peer(folder, SIZE, method, 0, 300.0)
    assert isinstance(answer, dict), answer
    assert answer["unknowns"] == found["unknowns"]
    assert answer["zero"]["error"] < 1e-8


def test_memory_of_many_injections(folder):
    held = json.loads(flow_steps.own_process(folder, SIZE, "growth", 30))["held"]
    assert held[-1] < held[9] + 5.0
