"""A single run on the command line: its log, its networks, its viewer, and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from experiments.cli.exit_codes import rank
from experiments.cli.view import tell_address
from meshes.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from experiments.case.schema import Case
    from experiments.results.parts.networks import NetworkShares
    from experiments.run.watching import Watch
    from experiments.viewer.live import LiveViewer


def begin(petsc: str | None, verbose: int) -> Console:
    """Give PETSc its options before it starts, and show the log; returns the console for what else is shown."""
    if petsc is not None:
        from fem import solver_options

        solver_options.add(petsc)
    from experiments.cli.run_log import show_log

    return show_log(verbose)


def refuse_of_one_run(networks: int | None, view: bool, petsc: str | None, verbose: int) -> None:
    """Refuse what belongs to a single run beside many patients.

    Raises:
        InputError: an option of a single run is given, or several ranks share the run.
    """
    from mpi4py import MPI

    if MPI.COMM_WORLD.size > 1:
        raise InputError("--patients runs one patient on each core; start it without mpiexec")
    if networks is not None:
        raise InputError(
            "--networks belongs to a single run; leave it out, or give a table of patients with veins.seed"
        )
    if view:
        raise InputError("--view belongs to a single run; 'vertebroplasty view' shows any patient's folder afterwards")
    if petsc is not None:
        raise InputError("--petsc belongs to a single run; with --patients, set PETSC_OPTIONS in the environment")
    if verbose:
        raise InputError("-v belongs to a single run; with --patients, leave it out")


def run_one(
    case: Case, out: Path, petsc: str | None, verbose: int, networks: int | None, port: int | None = None
) -> None:
    """Run ``case`` on all ranks, store it in ``out`` and print what came out; show it on a port, if one is given."""
    console = begin(petsc, verbose)
    from experiments.results.store import check_target

    check_target(out)
    draw = None if networks is None else _drawing(case, networks, console)
    viewer = None if port is None else _viewer(case, port)
    from experiments.cli.summary import print_results, result_table
    from experiments.results.progress import Progress
    from experiments.run.pipeline import run_and_store

    watch = None if port is None else _watch(case, out, viewer)
    with Progress(visible=rank() == 0, console=console) as progress:
        outcome = run_and_store(case, out, progress, draw=draw, watch=watch)
    print_results(result_table(outcome.results), out, outcome.manifest.warnings)
    if viewer is not None:
        viewer.tell(f"the run has ended; 'vertebroplasty view {out}' shows all of it")
        viewer.wait()


def _viewer(case: Case, port: int) -> LiveViewer | None:
    """The viewer beside a run; None on ranks other than 0.

    Raises:
        InputError: nothing is injected that could be watched.
    """
    if case.prescribed_cement is not None:
        raise InputError("--view shows an injection, and prescribed cement has none; leave it out")
    if rank() != 0:
        return None
    from experiments.viewer.live import LiveViewer

    return LiveViewer(port, tell_address)


def _watch(case: Case, out: Path, viewer: LiveViewer | None) -> Watch:
    """What tells the viewer, on all ranks alike."""
    from experiments.run.watching import Watch

    return Watch((lambda _: None) if viewer is None else viewer.tell, out.name, case.title or out.name)


def _drawing(case: Case, count: int, console: Console) -> Callable[[Case], NetworkShares]:
    """What injects through ``count`` networks of veins.

    Raises:
        InputError: there are no random networks to draw, or several ranks share the run.
    """
    from mpi4py import MPI

    from experiments.sweep.display import SweepDisplay
    from experiments.sweep.network_draws import check_drawable, drawing

    check_drawable(case)
    if MPI.COMM_WORLD.size > 1:
        raise InputError("--networks runs one injection on each core; start it without mpiexec")

    def draw(case: Case) -> NetworkShares:
        with SweepDisplay(console).shown() as display:
            return drawing(count, display.update)(case)

    return draw
