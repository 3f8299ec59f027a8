"""The suite notices faults in what it checks: each is put into a copy of the source, whose tests then must fail.

A mutation names a line of the source; whoever rewrites that line puts the same fault into the new one.
"""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

PROJECT = Path(__file__).parents[2]
COPIED = ("experiments", "fem", "materials", "meshes", "vertebroplasty", "tests", "pyproject.toml")


REWRITTEN = "the line has been rewritten: put this fault into its new words"


class Mutation(NamedTuple):
    """A fault, and the tests that must notice it."""

    file: str
    right: str
    wrong: str
    tests: tuple[str, ...]


MUTATIONS = {
    "pressure: a source of the wrong sign": Mutation(
        "fem/pressure/darcy.py",
        "np.repeat(0.25 * rate[sources], 4)",
        "np.repeat(-0.25 * rate[sources], 4)",
        ("tests/fem/pressure/test_darcy.py::test_one_cell_with_a_source",),
    ),
    "flux: a source of the wrong sign": Mutation(
        "fem/pressure/fluxes.py",
        "0.25 * source[cell]\n",
        "-0.25 * source[cell]\n",
        ("tests/verification/test_darcy_formulations.py::test_every_cell_is_in_balance",),
    ),
    "flux: half the permeability off the diagonal": Mutation(
        "fem/pressure/darcy.py",
        "gradients, permeability, gradients",
        "gradients, 0.5 * permeability * (1.0 + np.eye(3)), gradients",
        (
            "tests/verification/test_darcy_orders.py::test_manufactured_pressure",
            "tests/verification/test_darcy_formulations.py::test_hybrid_against_mixed",
        ),
    ),
    "transport: the viscosity ratio upside down": Mutation(
        "fem/injection/transport.py",
        "pore_volume[cell] / step, viscosity_ratio[cell]",
        "pore_volume[cell] / step, 1.0 / viscosity_ratio[cell]",
        ("tests/verification/test_buckley_leverett.py",),
    ),
    "wall: an entry pressure of the wrong sign": Mutation(
        "materials/leak_path.py",
        "return self.capillary_pressure if self.opening_pressure is None else self.opening_pressure",
        "return -(self.capillary_pressure if self.opening_pressure is None else self.opening_pressure)",
        (
            "tests/materials/test_leak_path.py::test_entry_pressure_is_that_of_young_and_laplace_unless_given",
            "tests/fem/injection/test_wall_flow.py::test_cement_passes_a_hole_only_above_its_entry_pressure",
        ),
    ),
    "wall: the front in the pores forgotten": Mutation(
        "materials/leak_path.py",
        "self.entry_pressure - self.front.pressure_in_pores(pore_radius)",
        "self.entry_pressure - 0.0 * self.front.pressure_in_pores(pore_radius)",
        (
            "tests/materials/test_leak_path.py::test_the_barrier_is_what_a_conduit_asks_beyond_the_pores",
            "tests/fem/injection/test_wall_flow.py::test_a_conduit_asks_only_for_what_it_asks_beyond_the_pores",
        ),
    ),
    "wall: the entry pressure forgotten in the linearised law": Mutation(
        "fem/injection/wall_flow.py",
        "barrier = np.where(state.cement_passes, self.conduits.barrier, 0.0)",
        "barrier = np.where(state.cement_passes, 0.0 * self.conduits.barrier, 0.0)",
        ("tests/fem/injection/test_wall_flow.py::test_the_entry_pressure_opens_a_hole",),
    ),
    "wall: the entry pressure of the wrong sign in what a solve gives": Mutation(
        "fem/injection/wall_flow.py",
        "drive = np.maximum(drop - self.conduits.barrier, 0.0)",
        "drive = np.maximum(drop + self.conduits.barrier, 0.0)",
        ("tests/fem/injection/test_wall_flow.py::test_the_entry_pressure_opens_a_hole",),
    ),
    "veins: the exponent of a plug upside down": Mutation(
        "materials/vein.py",
        "*end(high), 1.0 / index)",
        "*end(high), 1.0 * index)",
        (
            "tests/fem/injection/test_plug_balance.py::test_speed_is_the_inverse_of_the_apparent_viscosity",
            "tests/fem/injection/test_vein_plugs.py::test_plug_under_constant_pressure",
        ),
    ),
    "rheology: half the shear rate": Mutation(
        "materials/cement.py",
        "numerator = 4.0 * constant",
        "numerator = 2.0 * constant",
        ("tests/materials/test_cement.py", "tests/verification/test_spherical_injection.py"),
    ),
    "stiffness: C13 of the wrong sign": Mutation(
        "fem/mechanics/elastic_material.py",
        "c13 = axial * ",
        "c13 = -axial * ",
        ("tests/fem/mechanics/test_elastic_material.py", "tests/verification/test_elastic_fields.py"),
    ),
    "stiffness: the pole on the wrong side": Mutation(
        "fem/mechanics/rigid_body.py",
        "np.cross(points - np.asarray(pole, dtype=float), forces)",
        "np.cross(points + np.asarray(pole, dtype=float), forces)",
        ("tests/verification/test_plate_pole.py",),
    ),
    "composite: the saturation squared": Mutation(
        "materials/composite.py",
        "** np.asarray(saturation, dtype=float)",
        "** np.asarray(saturation, dtype=float) ** 2",
        ("tests/materials/test_composite.py",),
    ),
}


@pytest.mark.parametrize("fault", MUTATIONS)
def test_a_fault_finds_its_line_and_its_tests(fault: str) -> None:
    mutation = MUTATIONS[fault]
    assert (PROJECT / mutation.file).read_text(encoding="utf-8").count(mutation.right) == 1, REWRITTEN
    for test in mutation.tests:
        file, _, name = test.partition("::")
        module = ast.parse((PROJECT / file).read_text(encoding="utf-8"))
        assert not name or name in {item.name for item in module.body if isinstance(item, ast.FunctionDef)}, test


@pytest.mark.slow
@pytest.mark.parametrize("fault", MUTATIONS)
def test_a_fault_turns_its_tests_red(fault: str, tmp_path: Path) -> None:
    mutation = MUTATIONS[fault]
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    file = tmp_path / mutation.file
    text = file.read_text(encoding="utf-8")
    assert text.count(mutation.right) == 1, REWRITTEN
    file.write_text(text.replace(mutation.right, mutation.wrong), encoding="utf-8")
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-m", "not slow", "-rfE", "--tb=no"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *mutation.tests],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    red = [line.split(" ", 1)[1] for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    for test in mutation.tests:
        assert any(line.startswith(test) for line in red), f"{fault}: {test} stays green"
