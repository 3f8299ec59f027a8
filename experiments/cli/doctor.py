"""Does this machine have what a run needs? Each check does the thing itself instead of looking for its name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

from experiments.run.environment import versions
from meshes.errors import InputError

PETSC_PACKAGES = {"mumps": "MUMPS", "superlu_dist": "SuperLU_DIST", "ptscotch": "PT-SCOTCH", "hypre": "hypre"}
BROWSERS = ("firefox", "chromium", "chromium-browser", "google-chrome", "microsoft-edge")
SYSTEM_LIBRARIES = "libegl1 libgl1 libxrender1 libglu1-mesa libxcursor1 libxft2 libxinerama1"


@dataclass(frozen=True)
class Check:
    """Outcome of one check.

    Attributes:
        name: what was checked.
        passed: True, False, or None for information that no run depends on.
        detail: what was found; for a failure also what to do.
    """

    name: str
    passed: bool | None
    detail: str


def examine() -> list[Check]:
    """Run all checks; none of them raises."""
    checks = [Check(name, value != "missing", value) for name, value in versions().items()]
    for probe in (_petsc, _petsc_packages, _compiler, _meshing, _rendering, _movies, _browser, _demo_patient, _threads):
        try:
            checks += probe()
        except Exception as error:
            checks.append(Check(probe.__name__.strip("_"), False, f"{type(error).__name__}: {error}"))
    return checks


def _probe(code: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own, so that a crash of a library is a finding and not the end."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180, check=False)


def _verdict(name: str, code: str, advice: str) -> Check:
    result = _probe(code)
    if result.returncode == 0:
        return Check(name, True, result.stdout.strip().splitlines()[-1])
    reason = (result.stderr.strip() or f"exit code {result.returncode}").splitlines()[-1]
    return Check(name, False, f"{reason}; {advice}")


def _petsc() -> list[Check]:
    code = (
        "from mpi4py import MPI; import dolfinx_solver, dolfinx; from petsc4py import PETSc; "
        "print('PETSc', '.'.join(map(str, PETSc.Sys.getVersion())), 'DOLFINx', dolfinx.__version__, "
        "'with', MPI.Get_library_version().split(chr(10))[0].strip(chr(0)).replace(chr(9), ' ').strip())"
    )
    return [_verdict("finite elements", code, "reinstall with 'uv sync'"), _launcher()]


def _launcher() -> Check:
    found = shutil.which("mpiexec", path=_script_path())
    if found is None:
        return Check("mpiexec", None, "not found; runs on one rank work, several ranks need the package mpich")
    code = "from mpi4py import MPI; print(MPI.COMM_WORLD.allreduce(1))"
    result = subprocess.run(
        [found, "-n", "2", sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    # the ranks' lines may run into each other
    works = result.returncode == 0 and "".join(result.stdout.split()) == "22"
    return Check("mpiexec", works, f"{found}: two ranks " + ("meet" if works else "do not meet; use the one of mpich"))


def _script_path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def _petsc_packages() -> list[Check]:
    names = tuple(PETSC_PACKAGES)
    code = (
        "from mpi4py import MPI; import dolfinx_solver; from petsc4py import PETSc; "
        f"print(*[int(PETSc.Sys.hasExternalPackage(name)) for name in {names!r}])"
    )
    result = _probe(code)
    if result.returncode:
        return []
    flags = result.stdout.split()
    return [
        Check(f"PETSc with {title}", None, "yes" if flag == "1" else "no")
        for title, flag in zip(PETSC_PACKAGES.values(), flags, strict=True)
    ]


def _compiler() -> list[Check]:
    """Compile a file that includes ``Python.h``, as FFCx does at run time."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return [Check("C compiler", False, "none found; install one, for example 'apt install gcc python3-dev'")]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "probe.c"
        source.write_text("#include <Python.h>\nint main(void) { return 0; }\n")
        include = sysconfig.get_paths()["include"]
        command = [*compiler.split(), "-c", f"-I{include}", str(source), "-o", str(source.with_suffix(".o"))]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        return [Check("C compiler", False, f"{compiler} cannot compile with Python.h; install Python's headers")]
    return [Check("C compiler", True, f"{compiler} with Python.h")]


def _meshing() -> list[Check]:
    code = "import gmsh; gmsh.initialize(['', '-v', '0']); print('gmsh', gmsh.option.getString('General.Version'))"
    return [_verdict("meshing", code, f"Gmsh needs system libraries: apt install {SYSTEM_LIBRARIES}")]


def _rendering() -> list[Check]:
    code = "from experiments.cli.doctor import render_ball; print(render_ball())"
    return [_verdict("off-screen rendering", code, f"install system libraries: apt install {SYSTEM_LIBRARIES}")]


def render_ball() -> str:
    """Render a red ball on white without a screen and look at two pixels.

    Returns:
        The name of the renderer.

    Raises:
        RuntimeError: the picture does not show the ball.
    """
    import numpy as np
    import pyvista

    plotter = pyvista.Plotter(off_screen=True, window_size=[64, 64])
    plotter.background_color = pyvista.Color("white")
    plotter.add_mesh(pyvista.Sphere(), color="red", lighting=False)
    picture = np.asarray(plotter.screenshot(return_img=True))
    renderer = type(plotter.render_window).__name__
    plotter.close()
    centre, corner = picture[32, 32, :3].tolist(), picture[1, 1, :3].tolist()
    if centre != [255, 0, 0] or corner != [255, 255, 255]:
        raise RuntimeError(f"{renderer} rendered a red ball on white as {centre} on {corner}")
    return f"{renderer} draws"


def _movies() -> list[Check]:
    """What writes animations as MP4, on which nothing else depends."""
    from experiments.pictures.animation import ffmpeg

    try:
        return [Check("ffmpeg", None, ffmpeg())]
    except InputError as error:
        return [Check("ffmpeg", None, str(error))]


def _browser() -> list[Check]:
    """What shows reports and the viewer, which may as well be a browser on another machine."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    advice = (
        "none found here; reports and the viewer open in one on another machine, too, or install one with "
        "'apt-get install chromium'"
    )
    return [Check("browser", None, found or advice)]


def _demo_patient() -> list[Check]:
    from meshes.demo_patient import demo_patient

    return [Check("demo patient", True, str(demo_patient().ct.name))]


def _threads() -> list[Check]:
    cores = len(os.sched_getaffinity(0))
    setting = os.environ.get("OMP_NUM_THREADS", "not set")
    return [Check("threads", None, f"{cores} cores, OMP_NUM_THREADS {setting}; 'mpiexec -n N' uses N of them")]
