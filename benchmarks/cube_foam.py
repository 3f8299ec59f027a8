"""The written problem of :mod:`benchmarks.cube_problem` in OpenFOAM's interFoam, the bone as a porous zone.

The zone takes no part of the volume there, so that the cement has to fill all of it: the same front needs the volume
over the porosity, at the same rate and so for longer. The cells around the middle are cut out, and cement enters
through the faces that this leaves; they count as filled. The pressure at the opening follows from the cells a little
outside.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.cube_problem import (
    CEMENT,
    CUBES,
    EDGE,
    MARROW,
    OPENING,
    PERMEABILITY,
    POROSITY,
    RATE,
    VOLUME,
    Answer,
    cube_middles,
    radii,
    within_cement,
)
from benchmarks.processes import run

PROGRAM = "interFoam"
VARIABLES = {"WM_PROJECT_DIR": "/usr/share/openfoam"}
"""Where Debian keeps what OpenFOAM looks for; its own set-up script sets this elsewhere."""

COURANT = 0.5
DENSITY = 1000.0
"""Of both fluids in kg/m3."""

SHELL = (3.0, 5.0)
"""Radii in mm between which cells tell the pressure."""

HEAD = "FoamFile {{ version 2.0; format ascii; class {kind}; object {name}; }}\n"

FILES: dict[str, tuple[str, str]] = {
    "system/controlDict": (
        "dictionary",
        """application interFoam; startFrom startTime; startTime 0; stopAt endTime; endTime @duration@; deltaT 0.001;
writeControl adjustableRunTime; writeInterval @duration@; writeFormat ascii; writePrecision 10; timeFormat general;
adjustTimeStep yes; maxCo @courant@; maxAlphaCo @courant@; maxDeltaT 1;
""",
    ),
    "system/fvSchemes": (
        "dictionary",
        """ddtSchemes { default Euler; }
gradSchemes { default Gauss linear; }
divSchemes { default Gauss linear; div(rhoPhi,U) Gauss upwind; div(phi,alpha) Gauss vanLeer;
 div(phirb,alpha) Gauss linear; }
laplacianSchemes { default Gauss linear corrected; }
interpolationSchemes { default linear; }
snGradSchemes { default corrected; }
""",
    ),
    "system/fvSolution": (
        "dictionary",
        """solvers {
 "alpha.cement.*" { nAlphaCorr 1; nAlphaSubCycles 1; cAlpha 1; MULESCorr yes; nLimiterIter 5; solver smoothSolver;
  smoother symGaussSeidel; tolerance 1e-10; relTol 0; }
 "pcorr.*" { solver PCG; preconditioner DIC; tolerance 1e-8; relTol 0; }
 p_rgh { solver GAMG; smoother DIC; tolerance 1e-8; relTol 0.01; }
 p_rghFinal { solver GAMG; smoother DIC; tolerance 1e-8; relTol 0; }
 "U.*" { solver smoothSolver; smoother symGaussSeidel; tolerance 1e-8; relTol 0; }
}
PIMPLE { momentumPredictor no; nOuterCorrectors 1; nCorrectors 3; nNonOrthogonalCorrectors 0; }
""",
    ),
    "system/blockMeshDict": (
        "dictionary",
        """scale 0.001;
vertices ( (-@half@ -@half@ -@half@) (@half@ -@half@ -@half@) (@half@ @half@ -@half@) (-@half@ @half@ -@half@)
 (-@half@ -@half@ @half@) (@half@ -@half@ @half@) (@half@ @half@ @half@) (-@half@ @half@ @half@) );
blocks ( hex (0 1 2 3 4 5 6 7) bone (@cubes@ @cubes@ @cubes@) simpleGrading (1 1 1) );
edges ();
boundary (
 outlet { type patch; faces ( (0 4 7 3) (1 2 6 5) (0 1 5 4) (3 7 6 2) (0 3 2 1) (4 5 6 7) ); }
 needle { type patch; faces (); }
);
""",
    ),
    "system/topoSetDict": (
        "dictionary",
        """actions (
 { name body; type cellSet; action new; source sphereToCell; sourceInfo { centre (0 0 0); radius @hole@; } }
 { name body; type cellSet; action invert; }
);
""",
    ),
    "constant/transportProperties": (
        "dictionary",
        """phases (cement marrow);
cement { transportModel Newtonian; nu @cement@; rho @density@; }
marrow { transportModel Newtonian; nu @marrow@; rho @density@; }
sigma 0;
""",
    ),
    "constant/turbulenceProperties": ("dictionary", "simulationType laminar;\n"),
    "constant/g": ("uniformDimensionedVectorField", "dimensions [0 1 -2 0 0 0 0]; value (0 0 0);\n"),
    "constant/fvOptions": (
        "dictionary",
        """bone { type explicitPorositySource; explicitPorositySourceCoeffs { selectionMode cellZone; cellZone bone;
 type DarcyForchheimer; d (@drag@ @drag@ @drag@); f (0 0 0);
 coordinateSystem { type cartesian; origin (0 0 0); rotation { type axes; e1 (1 0 0); e2 (0 1 0); } } } }
""",
    ),
    "0/alpha.cement": (
        "volScalarField",
        """dimensions [0 0 0 0 0 0 0]; internalField uniform 0;
boundaryField { needle { type fixedValue; value uniform 1; }
 outlet { type inletOutlet; inletValue uniform 0; value uniform 0; } }
""",
    ),
    "0/U": (
        "volVectorField",
        """dimensions [0 1 -1 0 0 0 0]; internalField uniform (0 0 0);
boundaryField { needle { type flowRateInletVelocity; volumetricFlowRate constant @rate@; value uniform (0 0 0); }
 outlet { type pressureInletOutletVelocity; value uniform (0 0 0); } }
""",
    ),
    "0/p_rgh": (
        "volScalarField",
        """dimensions [1 -1 -2 0 0 0 0]; internalField uniform 0;
boundaryField { needle { type fixedFluxPressure; value uniform 0; } outlet { type fixedValue; value uniform 0; } }
""",
    ),
}
"""Path -> class and text of each file of the case, with ``@NAME@`` for numbers."""


def solve(folder: Path, cubes: int = CUBES) -> Answer:
    """Run it with an odd number of ``cubes`` along an edge.

    Raises:
        ProcessError: it did not end well.
    """
    shutil.rmtree(folder, ignore_errors=True)
    variables = {} if "WM_PROJECT_DIR" in os.environ else VARIABLES
    edge, places = EDGE / cubes, cube_middles(cubes)
    distance = np.linalg.norm(places, axis=1)
    hole_radius = max(OPENING, 1.01 * edge)
    hole = distance <= hole_radius
    duration = (VOLUME / POROSITY - hole.sum() * edge**3) / RATE
    numbers = {
        "duration": duration,
        "courant": COURANT,
        "half": 0.5 * EDGE,
        "cubes": cubes,
        "hole": 1e-3 * hole_radius,
        "cement": 1e6 * CEMENT / DENSITY,
        "marrow": 1e6 * MARROW / DENSITY,
        "density": DENSITY,
        "drag": 1e6 / PERMEABILITY,
        "rate": 1e-9 * RATE,
    }
    write_files(folder, numbers, ("system", "constant"))
    for command in (["blockMesh"], ["topoSet"], ["subsetMesh", "body", "-patch", "needle", "-overwrite"]):
        run(command, folder, variables=variables)
    # The fields come last: subsetMesh would set their values at the needle to zero.
    write_files(folder, numbers, ("0",))
    cost, text = run([PROGRAM], folder, variables=variables)
    last = max(
        (path for path in folder.iterdir() if re.fullmatch(r"[\d.]+", path.name)), key=lambda path: float(path.name)
    )
    saturation = np.ones(len(places))
    saturation[~hole] = read_cells(last / "alpha.cement")
    radius, moment_radius = radii(saturation, np.full(len(places), edge**3), places)
    pressure, outside = 1e-6 * read_cells(last / "p_rgh"), distance[~hole]
    shell = (outside > SHELL[0]) & (outside < SHELL[1])
    at_opening = [within_cement(r, p) for r, p in zip(outside[shell], pressure[shell], strict=True)]
    seconds = re.findall(r"ClockTime = ([\d.]+) s", text)
    return Answer(
        radius=radius,
        moment_radius=moment_radius,
        pressure=float(np.mean(at_opening)),
        wall=cost.wall,
        processor=cost.processor,
        loop=float(seconds[-1]) if seconds else None,
        cells=len(saturation) - int(hole.sum()),
        steps=text.count("\nTime = "),
    )


def write_files(folder: Path, numbers: Mapping[str, float], parts: Sequence[str]) -> None:
    """Write the files of the case in these folders of it."""
    for name, (kind, text) in FILES.items():
        path = folder / name
        if path.parent.name not in parts:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        filled = re.sub("@([a-z]+)@", lambda found: f"{numbers[found[1]]:.12g}", text)
        path.write_text(HEAD.format(kind=kind, name=path.name) + filled)


def read_cells(path: Path) -> NDArray[np.float64]:
    """The values of all cells in a field file."""
    found = re.search(r"internalField\s+nonuniform List<scalar>\s*\d+\s*\(([^)]*)\)", path.read_text())
    if found is None:
        raise ValueError(f"{path.name} holds one value for all cells")
    return np.array(found[1].split(), dtype=float)
