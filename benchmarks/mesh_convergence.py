"""How far the axial stiffness of the demo's L3 is from its limit on ever finer meshes, and why.

Run it as ``python -m benchmarks.mesh_convergence``; it takes about ten minutes on one core, prints the tables of
``docs/theory/convergence.md`` and draws ``docs/images/mesh_convergence.png``. Rigid plates are bonded to the endplates.
The augmented body holds a ball of cement of 10 mm radius about its centroid, to each cell the share that lies in the
ball.

The first table is what a user gets: every mesh with its own surface, its own endplates and the moduli of its own cells.
The second one takes this apart. Every cell of a mesh is cut into eight, which leaves the shape of the body as it is.
Once the eight keep the modulus of their parent, so that only the displacement becomes richer (discretisation). Once
they take the moduli of their own voxels (averaging of moduli). What is left between two meshes is their shape.

The third table repeats the first one on a CT that is smoothed inside the mask before the laws see it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from experiments.pictures.style import PANEL_INCHES, TEXT_COLOR
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plates import axial_stiffness
from fem.partition import Partition
from materials.bone import BoneModel
from materials.composite import CementBoneComposite
from meshes.body_mesh import mesh_body
from meshes.demo_patient import demo_patient
from meshes.sampling import equal_parts, voxel_weights
from meshes.tetmesh import TetMesh, triangle_keys
from meshes.vertebra import Vertebra, read_vertebra
from meshes.volume_mesh import tetmesh_from_arrays

SIZES = (2.5, 2.0, 1.5, 1.0)
NESTED_SIZES = (3.0, 2.5, 2.0)
SMOOTHED_SIZES = (2.5, 2.0, 1.5)
CEMENT_RADIUS = 10.0
SMOOTHING = 1.5  # mm, standard deviation, the edge of a voxel
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "mesh_convergence.png"
STATES = ("intact", "augmented")
COLORS = {"intact": "#0072B2", "augmented": "#D55E00"}

_EDGES = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])
# Corners and middles (4 to 9, on the edges above) of the eight parts of a cell; the octahedron is cut along 02-13.
_PARTS = np.array(
    [
        [0, 4, 5, 6], [4, 1, 7, 8], [5, 7, 2, 9], [6, 8, 9, 3],
        [4, 5, 6, 8], [4, 5, 7, 8], [5, 6, 8, 9], [5, 7, 8, 9],
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """Axial stiffness of one mesh in kN/mm.

    Attributes:
        size: asked edge length in mm.
        length: cube root of the mean volume of a cell in mm.
        cells: number of cells.
        unknowns: displacement components.
        degree: of the displacement.
        stiffness: of each of :data:`STATES`.
    """

    size: float
    length: float
    cells: int
    unknowns: int
    degree: int
    stiffness: tuple[float, ...]


def main() -> None:
    """Compute, print and draw."""
    demo = demo_patient()
    vertebra = read_vertebra(demo.ct, demo.mask, demo.level, demo.labels, demo.subregions)
    rows = []
    for size in SIZES:
        mesh = mesh_body(vertebra, size)
        moduli = cell_moduli(mesh, vertebra)
        rows += [solve(mesh, moduli, size, degree) for degree in (1, 2)]
        print(rows[-2:], file=sys.stderr, flush=True)
    limits = {state: limit(rows, index) for index, state in enumerate(STATES)}
    print_rows(rows, limits)
    print_parts([parts_of_error(mesh_body(vertebra, size), vertebra, size) for size in NESTED_SIZES])
    finest = refined(mesh)
    cut = solve(finest, cell_moduli(finest, vertebra)[:1], SIZES[-1], 1)
    print(f"\n{cut.size} mm with every cell cut, P1, own moduli, intact: {cut.stiffness[0]:.2f} kN/mm")
    even = smoothed(vertebra)
    meshes = ((size, mesh_body(vertebra, size)) for size in SMOOTHED_SIZES)
    print_smoothed([solve(mesh, cell_moduli(mesh, even), size, 2) for size, mesh in meshes])
    draw(rows, limits)


def smoothed(vertebra: Vertebra) -> Vertebra:
    """The vertebra with its CT averaged over a Gaussian inside the body's mask."""
    inside, width = vertebra.body.astype(float), SMOOTHING / vertebra.ct.spacing
    weight = np.maximum(ndimage.gaussian_filter(inside, width), 1e-6)
    values = ndimage.gaussian_filter(vertebra.ct.values * inside, width) / weight
    return replace(vertebra, ct=replace(vertebra.ct, values=values.astype(np.float32)))


def cell_moduli(mesh: TetMesh, vertebra: Vertebra) -> NDArray[np.float64]:
    """(states, cells) Young's moduli in MPa, by the default laws."""
    bone = BoneModel().evaluate(vertebra.ct.values.ravel(), voxel_weights(mesh, vertebra)).modulus
    parts = equal_parts(6) @ mesh.points[mesh.cells]
    saturation = (np.linalg.norm(parts, axis=2) <= CEMENT_RADIUS).mean(axis=1)
    return np.array([bone, CementBoneComposite().modulus(bone, saturation)])


def solve(mesh: TetMesh, moduli: NDArray[np.float64], size: float, degree: int) -> Row:
    """Stiffness of all states on one mesh."""
    partition = Partition.build(mesh)
    found = [axial_stiffness(partition, ElasticMaterial.isotropic(modulus, 0.3), degree) for modulus in moduli]
    length = (mesh.volume / len(mesh.cells)) ** (1.0 / 3.0)
    return Row(size, length, len(mesh.cells), found[0].unknowns, degree, tuple(1e-3 * one.stiffness for one in found))


def limit(rows: list[Row], state: int) -> tuple[float, float]:
    """Limit of quadratic elements on ever finer meshes in kN/mm, and its uncertainty.

    The limit is that of a straight line through the stiffnesses over the length of the cells; the uncertainty is the
    difference to the line through the two finest meshes.
    """
    quadratic = [row for row in rows if row.degree == 2]
    lengths = np.array([row.length for row in quadratic])
    values = np.array([row.stiffness[state] for row in quadratic])
    fits = [float(np.polyfit(lengths[-count:], values[-count:], 1)[1]) for count in (len(values), 2)]
    return fits[0], abs(fits[0] - fits[1])


def refined(mesh: TetMesh) -> TetMesh:
    """Every cell cut into eight, every facet into four; the parts of cell i are 8 i to 8 i + 7."""
    count = len(mesh.points)
    pairs = np.sort(mesh.cells[:, _EDGES].reshape(-1, 2), axis=1)
    edges, number = np.unique(pairs @ [count, 1], return_inverse=True)
    points = np.concatenate([mesh.points, 0.5 * (mesh.points[edges // count] + mesh.points[edges % count])])
    corners = np.hstack([mesh.cells, count + number.reshape(-1, 6)])
    fine = tetmesh_from_arrays(points, corners[:, _PARTS].reshape(-1, 4))
    ahead = np.sort(np.stack([mesh.facets, np.roll(mesh.facets, -1, axis=1)], axis=2), axis=2)
    middles = count + np.searchsorted(edges, ahead @ [count, 1])
    a, b, c, ab, bc, ca = np.hstack([mesh.facets, middles]).T
    quarters = np.stack([[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]).transpose(2, 0, 1)
    keys = triangle_keys(fine.facets, len(points))
    regions = {
        name: np.flatnonzero(np.isin(keys, triangle_keys(quarters[facets].reshape(-1, 3), len(points))))
        for name, facets in mesh.facet_regions.items()
    }
    return fine.with_regions(regions)


def parts_of_error(mesh: TetMesh, vertebra: Vertebra, size: float) -> dict[str, Row]:
    """One mesh as it is and refined, with its moduli and with those of its parts."""
    moduli, fine = cell_moduli(mesh, vertebra), refined(mesh)
    own = cell_moduli(fine, vertebra)
    inherited = np.repeat(moduli, 8, axis=1)
    found = {
        "P1": solve(mesh, moduli, size, 1),
        "P2": solve(mesh, moduli, size, 2),
        "P1 refined": solve(fine, inherited, size, 1),
        "P2 refined": solve(fine, inherited, size, 2),
        "P1 refined, own moduli": solve(fine, own, size, 1),
        "P2 refined, own moduli": solve(fine, own, size, 2),
    }
    print(size, {name: row.stiffness for name, row in found.items()}, file=sys.stderr, flush=True)
    return found


def print_rows(rows: list[Row], limits: dict[str, tuple[float, float]]) -> None:
    """The first table, in Markdown."""
    print("| size (mm) | cells | elements | unknowns | intact (kN/mm) | augmented (kN/mm) | augmented/intact |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        cells = [f"{value:.2f} ({100.0 * (value / limits[name][0] - 1.0):+.1f} %)"
                 for name, value in zip(STATES, row.stiffness, strict=True)]  # fmt: skip
        ratio = row.stiffness[1] / row.stiffness[0]
        print(f"| {row.size} | {row.cells} | P{row.degree} | {row.unknowns} | {cells[0]} | {cells[1]} | {ratio:.3f} |")
    ends = " | ".join(f"{limits[name][0]:.2f} ± {limits[name][1]:.2f}" for name in STATES)
    print(f"| limit | | | | {ends} | {limits['augmented'][0] / limits['intact'][0]:.3f} |")


def print_parts(parts: list[dict[str, Row]]) -> None:
    """The second table, in Markdown: changes in percent when every cell is cut into eight."""
    print("\n| size (mm) | state | P1 | P2 | cut, P1 | cut, P2 | cut, P2, own moduli |\n|---|---|---|---|---|---|---|")
    for found in parts:
        for index, state in enumerate(STATES):
            start = found["P2"].stiffness[index]

            def change(name: str, start: float = start, found: dict[str, Row] = found, index: int = index) -> str:
                return f"{100.0 * (found[name].stiffness[index] / start - 1.0):+.2f} %"

            print(
                f"| {found['P2'].size} | {state} | {change('P1')} | {start:.2f} kN/mm | {change('P1 refined')} | "
                f"{change('P2 refined')} | {change('P2 refined, own moduli')} |"
            )


def print_smoothed(rows: list[Row]) -> None:
    """The third table, in Markdown."""
    print("\n| size (mm) | elements | intact (kN/mm) | augmented (kN/mm) |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row.size} | P{row.degree} | {row.stiffness[0]:.2f} | {row.stiffness[1]:.2f} |")


def draw(rows: list[Row], limits: dict[str, tuple[float, float]]) -> None:
    """Stiffness over the mean cell size."""
    figure, axes = plt.subplots(figsize=(PANEL_INCHES, 0.75 * PANEL_INCHES), layout="constrained")
    for index, state in enumerate(STATES):
        for degree, marker, style in ((1, "s", "--"), (2, "o", "-")):
            chosen = [row for row in rows if row.degree == degree]
            axes.plot(
                [row.length for row in chosen], [row.stiffness[index] for row in chosen],
                style, marker=marker, color=COLORS[state], label=f"{state}, P{degree}",
            )  # fmt: skip
        axes.errorbar(0.0, *limits[state], fmt="_", color=COLORS[state], capsize=4)
    axes.set_xlabel("mean cell size, cube root of the volume (mm)", color=TEXT_COLOR)
    axes.set_ylabel("axial stiffness (kN/mm)", color=TEXT_COLOR)
    axes.set_xlim(left=-0.05)
    axes.legend(frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(PICTURE, dpi=150)


if __name__ == "__main__":
    main()
