"""A small way to CalculiX: quadratic tetrahedra between two plates, written as its input, run and read back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plastic_material import PlasticMaterial
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


def load_curve(
    mesh: TetMesh,
    material: PlasticMaterial,
    superior: str,
    inferior: str,
    positions: NDArray[np.float64],
    folder: Path,
) -> NDArray[np.float64]:
    """Compressive force in N by CalculiX at equally spaced positions of the superior plate, cells of C3D10.

    Its hardening is isotropic, which under a load that only rises is the same as ours as long as stresses keep their
    direction, and 0.002 % off on a vertebral body.

    Args:
        mesh: the mesh; its cells stay straight-edged.
        material: in cells; isotropic, with von Mises' surface.
        superior: facet region that moves along -z.
        inferior: facet region that is held.
        positions: compression in mm at the end of each increment.
        folder: where the input and the output of CalculiX go.
    """
    path = folder / "curve.inp"
    write_input(path, mesh, material.elastic, superior, inferior)
    lines = path.read_text().splitlines()
    # Materials are those of equal moduli; the yield stress follows from the modulus.
    moduli, first = np.unique(material.elastic.axial_modulus, return_index=True)
    shear = moduli / (2.0 * (1.0 + material.elastic.axial_poisson_ratio[first]))
    prager = 3.0 * shear * material.hardening / (1.0 - material.hardening)
    found = []
    for line in lines:
        if line.startswith("*SOLID SECTION"):
            number = int(line.split("ELSET=E")[1].split(",")[0])
            limit, slope = material.compression[first[number]], prager[number]
            found += ["*PLASTIC, HARDENING=ISOTROPIC", f"{limit:.13g},0.", f"{limit + 0.2 * slope:.13g},0.2"]
        if line.startswith("*STEP"):
            line = "*STEP, INC=1000"
        if line.startswith("*STATIC"):
            line = f"*STATIC, DIRECT\n{1.0 / len(positions):.13g},1."
        if line == "TOP,3,3,-1.":
            line = f"TOP,3,3,{-positions[-1]:.13g}"
        found.append(line)
    path.write_text("\n".join(found) + "\n")
    subprocess.run(["ccx", "-i", "curve"], cwd=folder, check=True, capture_output=True, timeout=600)
    blocks = (folder / "curve.dat").read_text().split("total force")[1:]
    return -np.array([float(block.splitlines()[2].split()[2]) for block in blocks])


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
