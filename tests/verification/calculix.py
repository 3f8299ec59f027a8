"""A small way to CalculiX: quadratic tetrahedra between two plates, written as its input, run and read back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fem.mechanics.elastic_material import ElasticMaterial
from meshes.tetmesh import TetMesh

# Ends of the edges of a C3D10 in the order of its nodes 5 to 10.
_EDGES = np.array([[0, 1], [1, 2], [0, 2], [0, 3], [1, 3], [2, 3]])
_FACE_EDGES = np.array([[0, 1], [1, 2], [0, 2]])


def axial_stiffness(mesh: TetMesh, material: ElasticMaterial, superior: str, inferior: str, folder: Path) -> float:
    """Axial stiffness in N/mm between bonded plates by CalculiX, with isotropic cells of C3D10.

    Args:
        mesh: the mesh; its cells stay straight-edged.
        material: isotropic constants.
        superior: facet region that moves by -1 mm along z.
        inferior: facet region that is held.
        folder: where the input and the output of CalculiX go.
    """
    write_input(folder / "plates.inp", mesh, material, superior, inferior)
    subprocess.run(["ccx", "-i", "plates"], cwd=folder, check=True, capture_output=True, timeout=300)
    return -float(total_force(folder / "plates.dat")[2])


def write_input(
    path: Path, mesh: TetMesh, material: ElasticMaterial, superior: str, inferior: str, solver: str | None = None
) -> NDArray[np.float64]:
    """Write the input for 1 mm of compression, which asks for the force on the superior plate.

    Args:
        path: the file, whose ending is ``.inp``.
        mesh: the mesh; its cells stay straight-edged.
        material: isotropic constants.
        superior: facet region that moves by -1 mm along z.
        inferior: facet region that is held.
        solver: CalculiX's name of a solver. With one the output holds the displacements of all nodes, too.

    Returns:
        (nodes, 3) points in mm in the order of the nodes.
    """
    count = len(mesh.points)
    pairs = np.sort(mesh.cells[:, _EDGES].reshape(-1, 2), axis=1)
    edges, number = np.unique(pairs @ [count, 1], return_inverse=True)
    points = np.concatenate([mesh.points, 0.5 * (mesh.points[edges // count] + mesh.points[edges % count])])
    elements = np.hstack([mesh.cells, count + number.reshape(-1, 6)])

    def plate(region: str) -> NDArray[np.int64]:
        facets = mesh.facets[mesh.facet_regions[region]]
        middles = np.searchsorted(edges, np.sort(facets[:, _FACE_EDGES].reshape(-1, 2), axis=1) @ [count, 1])
        return np.unique(np.concatenate([facets.ravel(), count + middles]))

    moduli, kind = np.unique(material.axial_modulus, return_inverse=True)
    ratios = material.axial_poisson_ratio[np.unique(kind, return_index=True)[1]]
    lines = ["*NODE, NSET=ALL"]
    lines += [f"{i},{x:.13g},{y:.13g},{z:.13g}" for i, (x, y, z) in enumerate(points, 1)]
    order = np.argsort(kind, kind="stable")
    for index, members in enumerate(np.split(order, np.flatnonzero(np.diff(kind[order])) + 1)):
        lines.append(f"*ELEMENT, TYPE=C3D10, ELSET=E{index}")
        lines += [_row([cell + 1, *(elements[cell] + 1)]) for cell in members]
    for index, (modulus, ratio) in enumerate(zip(moduli, ratios, strict=True)):
        lines += [f"*MATERIAL, NAME=M{index}", "*ELASTIC", f"{modulus:.13g},{ratio:.13g}"]
        lines.append(f"*SOLID SECTION, ELSET=E{index}, MATERIAL=M{index}")
    for name, region in (("TOP", superior), ("BOTTOM", inferior)):
        lines += [f"*NSET, NSET={name}", *(f"{node + 1}," for node in plate(region))]
    lines += ["*BOUNDARY", "BOTTOM,1,3,0.", "TOP,1,2,0.", "TOP,3,3,-1."]
    lines += ["*STEP", "*STATIC" if solver is None else f"*STATIC, SOLVER={solver}"]
    lines += ["*NODE PRINT, NSET=TOP, TOTALS=ONLY", "RF"]
    if solver is not None:
        lines += ["*NODE PRINT, NSET=ALL", "U"]
    path.write_text("\n".join([*lines, "*END STEP"]) + "\n")
    return points


def total_force(path: Path) -> NDArray[np.float64]:
    """(3,) force in N on the superior plate in CalculiX's output ``.dat``."""
    after = path.read_text().partition("total force")[2].splitlines()
    return np.array(after[2].split(), dtype=float)


def displacements(path: Path) -> NDArray[np.float64]:
    """(nodes, 3) displacements in mm of all nodes in CalculiX's output ``.dat``."""
    block = path.read_text().partition("displacements")[2].partition("total force")[0].splitlines()
    return np.array([line.split()[1:] for line in block[1:] if line.strip()], dtype=float)


def _row(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))
