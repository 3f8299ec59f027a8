"""What users give PETSc goes before what the solvers set, and is named where it fails."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from petsc4py import PETSc

import numpy as np
import pytest

from fem import krylov, solver_options
from fem.errors import ConvergenceError
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plates import axial_stiffness
from fem.partition import Partition
from fem.pressure.darcy import DarcyPressure
from meshes.errors import InputError


@pytest.fixture(autouse=True)
def clean_table() -> Iterator[None]:
    """PETSc's table is empty before, and holds after the test what the test gave, which then goes."""
    table = PETSc.Options()
    for name in table.getAll():
        table.delValue(name)
    yield
    for name in table.getAll():
        table.delValue(name)


def pressure(partition: Partition, text: str = "") -> DarcyPressure:
    """The pressure around a source in a medium whose mobility varies a thousandfold."""
    if text:
        solver_options.add(text)
    cells, facets = len(partition.cell_facets), len(partition.boundary.facets)
    problem = DarcyPressure(partition, np.broadcast_to(1e-3 * np.eye(3), (cells, 3, 3)))
    source = np.zeros(cells)
    source[0] = 1.0
    mobility = 10.0 ** np.random.default_rng(1).uniform(0.0, 3.0, cells)
    problem.solve(mobility, source, np.full(facets, 0.1), np.zeros(facets))
    problem.destroy()
    return problem


def compression(partition: Partition, text: str = "", degree: int = 2):
    """The stiffness of a uniform box between its faces."""
    if text:
        solver_options.add(text)
    material = ElasticMaterial.isotropic(np.full(len(partition.source.cells), 1000.0), 0.3)
    return axial_stiffness(partition, material, degree, "z_max", "z_min")


@pytest.mark.parametrize("solved", [pressure, compression])
def test_the_table_is_clean_after_a_solve_and_after_one_that_fails(solved, box_partition):
    solved(box_partition)
    assert PETSc.Options().getAll() == {}
    text = "-vp_pressure_ksp_max_it 2 -vp_elasticity_ksp_max_it 2"
    with pytest.raises(ConvergenceError):
        solved(box_partition, text)
    assert solver_options.shown(solver_options.given()) == "-vp_elasticity_ksp_max_it 2 -vp_pressure_ksp_max_it 2"


def test_a_tolerance_of_the_pressure_holds(box_partition):
    usual, loose = pressure(box_partition), pressure(box_partition, "-vp_pressure_ksp_rtol 1e-3")
    assert loose.iterations < usual.iterations / 2
    assert loose.divergence_defect > 1e3 * usual.divergence_defect


def test_one_tolerance_alone_is_not_joined_by_another(box_partition):
    """The usual absolute one would end a solve before a tighter relative one is reached."""
    assert krylov.given_tolerances("vp_pressure_") == {}
    usual = pressure(box_partition).iterations
    assert pressure(box_partition, "-vp_pressure_ksp_rtol 1e-13").iterations > usual
    assert krylov.given_tolerances("vp_pressure_") == {"rtol": 1e-13, "atol": 0.0}


def test_a_tolerance_of_the_elasticity_holds(box_partition):
    usual, loose = compression(box_partition), compression(box_partition, "-vp_elasticity_ksp_rtol 1e-3")
    assert loose.iterations < usual.iterations / 2
    assert loose.stiffness == pytest.approx(usual.stiffness, rel=1e-2)


@pytest.mark.parametrize("kind", ["jacobi", "none"])
def test_the_pressure_takes_other_preconditioners(kind, box_partition):
    usual, other = pressure(box_partition), pressure(box_partition, f"-vp_pressure_pc_type {kind}")
    assert other.iterations > usual.iterations
    assert np.abs(other.facet_pressure - usual.facet_pressure).max() < 1e-9 * usual.facet_pressure.max()


@pytest.mark.parametrize(
    ("solved", "option", "fewer"),
    [
        (pressure, "vp_pressure_nodes_mg_levels_ksp_max_it 1", False),
        (pressure, "vp_pressure_nodes_mg_levels_1_ksp_max_it 1", False),
        (pressure, "vp_pressure_nodes_pc_type jacobi", False),
        (compression, "vp_elasticity_nodes_mg_levels_ksp_max_it 1", False),
        (compression, "vp_elasticity_nodes_pc_type jacobi", False),
    ],
)
def test_levels_take_options(solved, option, fewer, box_partition):
    usual, other = solved(box_partition).iterations, solved(box_partition, f"-{option}").iterations
    assert (other < usual) == fewer
    assert other != usual
    assert solver_options.unused() == []


def test_levels_that_are_built_anew_keep_the_defaults(box_partition):
    """The interpolation is then made at the mobilities of the solve; its smoothers must stay what they are."""
    solver_options.add("-vp_pressure_nodes_pc_gamg_reuse_interpolation 0")
    problem = pressure(box_partition)
    assert problem.iterations <= pressure(box_partition).iterations + 3


def test_the_linear_elements_alone_have_the_prefix_of_the_elasticity(box_partition):
    usual = compression(box_partition, degree=1)
    other = compression(box_partition, "-vp_elasticity_pc_type jacobi", degree=1)
    assert other.iterations > 2 * usual.iterations
    assert other.stiffness == pytest.approx(usual.stiffness, rel=1e-8)


@pytest.mark.parametrize(
    ("solved", "text"), [(pressure, "-vp_pressure_ksp_max_it 2"), (compression, "-vp_elasticity_ksp_max_it 2")]
)
def test_a_failure_names_the_options_of_its_solver(solved, text, box_partition):
    solver_options.add("-vp_pressure_nodes_ksp_max_it 7 -vp_other_flag")
    with pytest.raises(ConvergenceError, match=text) as failure:
        solved(box_partition, text)
    assert "vp_other_flag" not in str(failure.value)


@pytest.mark.parametrize(
    ("solved", "text", "reason"),
    [
        (pressure, "-vp_pressure_ksp_type foo", "Unable to find requested KSP type foo"),
        (pressure, "-vp_pressure_pc_type gamg", "python"),
        (pressure, "-vp_pressure_nodes_pc_type foo", "Unable to find requested PC type foo"),
        (compression, "-vp_elasticity_ksp_rtol abc", "Input string abc has no numeric value"),
        (compression, "-vp_elasticity_nodes_pc_type foo", "Unable to find requested PC type foo"),
    ],
)
def test_what_petsc_refuses_is_an_error_of_input_that_names_the_option(solved, text, reason, box_partition):
    with pytest.raises(InputError, match=f"PETSc refuses the options {text}: .*{reason}"):
        solved(box_partition, text)
    assert len(PETSc.Options().getAll()) == 1


def test_other_failures_name_what_can_change_results():
    solver_options.add("-vp_pressure_ksp_rtol 1e-3 -vp_pressure_ksp_monitor")
    with (
        pytest.raises(ConvergenceError, match=r"^Off by 1\. .* given: -vp_pressure_ksp_rtol 1e-3; try without them\.$"),
        solver_options.named_in_failures(),
    ):
        raise ConvergenceError("Off by 1.")
    named = "The options -vp_pressure_ksp_rtol 1e-3 did it."
    with pytest.raises(ConvergenceError) as failure, solver_options.named_in_failures():
        raise ConvergenceError(named)
    assert str(failure.value) == named


def test_unused_options_are_told(box_partition):
    solver_options.add("-vp_presure_ksp_rtol 1e-3 -vp_pressure_ksp_converged_rate -vp_elasticity_unheard_of")
    pressure(box_partition)
    assert solver_options.unused() == ["vp_elasticity_unheard_of", "vp_presure_ksp_rtol"]


def test_names_count_in_small_letters_as_petsc_has_them(box_partition):
    loose = pressure(box_partition, "-vp_Pressure_KSP_rtol 1e-3")
    assert solver_options.given() == {"vp_pressure_ksp_rtol": "1e-3"}
    assert loose.divergence_defect > 1e-6
    compression(box_partition, "-VP_elasticity_KSP_max_it 400")
    assert solver_options.given("vp_elasticity_") == {"vp_elasticity_ksp_max_it": "400"}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        *(
            (f"vp_pressure_{name}", False)
            for name in ("ksp_monitor", "ksp_monitor_true_residual", "ksp_view", "mat_view")
        ),
        *((f"vp_elasticity_{name}", False) for name in ("ksp_view_pre", "ksp_converged_reason", "ksp_converged_rate")),
        *((f"vp_elasticity_{name}", True) for name in ("ksp_rtol", "mg_levels_ksp_max_it", "ksp_reviewed", "pc_type")),
    ],
)
def test_options_that_only_print_change_no_results(name, changes):
    solver_options.add(f"-{name}")
    assert (name in solver_options.given_that_change_results()) == changes


@pytest.mark.parametrize("text", ["vp_pressure_ksp_monitor", "-vp_a 1 2", "- vp_a", "1e-3"])
def test_what_is_no_option_is_refused(text):
    with pytest.raises(InputError, match="neither an option"):
        solver_options.add(text)
    assert PETSc.Options().getAll() == {}


BEFORE_PETSC = """
import json, sys
from fem import solver_options
solver_options.add("-vp_pressure_ksp_rtol 1e-3 -vp_pressure_ksp_monitor -vp_a -1.5 -log_view :log.txt")
before = solver_options.given()
assert "petsc4py" not in sys.modules
import dolfinx_solver
from mpi4py import MPI
from petsc4py import PETSc
print(json.dumps([before, solver_options.given(), PETSc.Log.isActive()]))
"""


def test_options_given_before_petsc_starts_are_those_that_it_starts_with(tmp_path: Path):
    environment = {**os.environ, "PETSC_OPTIONS": "-VP_pressure_ksp_rtol 1e-5 -vp_b"}
    run = subprocess.run(
        [sys.executable, "-c", BEFORE_PETSC], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    before, after, logging = json.loads(run.stdout.splitlines()[0])
    assert before == after
    assert before == {
        **{"vp_a": "-1.5", "vp_b": "", "vp_pressure_ksp_monitor": "", "vp_pressure_ksp_rtol": "1e-3"},
    }
    assert logging
    assert "PETSc Performance Summary" in (tmp_path / "log.txt").read_text()
