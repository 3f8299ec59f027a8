"""How stiffness and strength of the demo's L3 answer to the mesh, to the voxels of its image and to their noise.

Run it as ``python -m benchmarks.mesh_convergence``; it takes about two hours on one core, prints the tables of
``docs/theory/convergence.md`` and draws ``mesh_convergence.png`` and ``image_convergence.png`` in ``docs/images``.
Rigid plates are bonded to the endplates, and the laws are the default ones. The augmented body holds a ball of cement
of 10 mm radius about its centroid, to each cell the share that lies in the ball. Strength is that of the load curve,
with P2.

The first table has meshes of the image as it is. The second one has that image resampled to other voxels, turned about
the axis of the table, and with noise added to its voxels; each is read, meshed and measured as a user's would be.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import ndimage

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.model.cortex import Cortex, bone_of
from experiments.pictures.style import PANEL_INCHES, TEXT_COLOR
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.load_curve import load_curve
from fem.mechanics.plastic_material import PlasticMaterial
from fem.mechanics.plasticity import PlasticPlates
from fem.mechanics.plates import area_centroid, axial_stiffness
from fem.partition import Partition
from meshes.body_mesh import mesh_body
from meshes.demo_patient import DemoPatient, demo_patient
from meshes.sampling import equal_parts, voxel_weights
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra, read_vertebra

SIZES = (3.0, 2.5, 2.0, 1.5, 1.0, 0.75)
FINEST_CURVE = 1.5
"""Smallest edge length in mm at which load curves are computed: both of 1 mm take most of an hour."""

REFERENCE_SIZE = 2.0
"""Edge length in mm of the meshes of other images."""

VOXELS = (0.5, 0.75, 1.0, 2.0, 3.0)
NOISE = (30.0, 60.0)
TURN = 20.0
CEMENT_RADIUS = 10.0
PICTURES = Path(__file__).parents[1] / "docs" / "images"
STATES = ("intact", "augmented")
HEADS = (
    "intact (kN/mm)",
    "augmented (kN/mm)",
    "intact, strength (kN)",
    "augmented, strength (kN)",
    "augmented / intact: stiffness, strength",
)
COLORS = {"intact": "#0072B2", "augmented": "#D55E00"}

Affine = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """Axial stiffness of one image on one mesh in kN/mm, and strength in kN.

    Attributes:
        name: of the image.
        size: asked edge length in mm.
        length: cube root of the mean volume of a cell in mm.
        cells: number of cells.
        unknowns: displacement components.
        degree: of the displacement.
        iterations: conjugate-gradient iterations of the intact body.
        stiffness: of each of :data:`STATES`.
        strength: of each of them; empty where no load curve was computed.
    """

    name: str
    size: float
    length: float
    cells: int
    unknowns: int
    degree: int
    iterations: int
    stiffness: tuple[float, ...]
    strength: tuple[float, ...]


def main() -> None:
    """Compute, print and draw."""
    demo = demo_patient()
    vertebra = read(demo)
    rows = [solve("as it is", vertebra, size, degree) for size in SIZES for degree in (1, 2)]
    print_meshes(rows)
    draw(rows)
    reference = next(row for row in rows if row.size == REFERENCE_SIZE and row.degree == 2)
    with tempfile.TemporaryDirectory() as folder:
        found = [solve(name, read(one), REFERENCE_SIZE, 2) for name, one in images(demo, Path(folder))]
    print_images(reference, found)
    draw_images(reference, found)


def read(patient: DemoPatient) -> Vertebra:
    """The body of a patient."""
    return read_vertebra(patient.ct, patient.mask, patient.level, patient.labels, patient.subregions)


def materials(vertebra: Vertebra, mesh: TetMesh) -> list[PlasticMaterial]:
    """Elastic constants and yield stresses of each of :data:`STATES`."""
    laws = Laws.of_case(build_case({"patient": {"demo": True}, "mechanics": {"strength": "nonlinear"}}))
    cortex = Cortex.measured(laws, vertebra, mesh)
    bone = bone_of(laws, cortex, vertebra, mesh, voxel_weights(mesh, vertebra))
    axial, transverse = bone.modulus, bone.transverse_modulus
    if cortex is not None:
        axial, transverse = cortex.spread(mesh, np.ones(len(mesh.facets))).mixed(axial, transverse)
    parts = equal_parts(6) @ mesh.points[mesh.cells]
    ball = (np.linalg.norm(parts, axis=2) <= CEMENT_RADIUS).mean(axis=1)[:, None]
    strength, knocked_down = laws.strength, laws.composite.filled_modulus / laws.composite.cement_modulus
    assert strength is not None
    found = []
    for saturation in (np.zeros_like(ball), ball):
        elastic = ElasticMaterial.transversely_isotropic(
            laws.composite.modulus(axial, saturation), laws.composite.modulus(transverse, saturation), 0.3
        )
        yields = strength.strengths(np.sqrt(axial * transverse), saturation, knocked_down)
        found.append(PlasticMaterial(elastic, *yields, strength.law.surface, strength.hardening))
    return found


def solve(name: str, vertebra: Vertebra, size: float, degree: int) -> Row:
    """Stiffness and strength of all states on one mesh."""
    mesh = mesh_body(vertebra, size)
    partition = Partition.build(mesh)
    states = materials(vertebra, mesh)
    found = [axial_stiffness(partition, state.elastic, degree) for state in states]
    curves = degree == 2 and size >= FINEST_CURVE
    row = Row(
        name,
        size,
        (mesh.volume / len(mesh.cells)) ** (1.0 / 3.0),
        len(mesh.cells),
        found[0].unknowns,
        degree,
        found[0].iterations,
        tuple(1e-3 * one.stiffness for one in found),
        tuple(strength(partition, state) for state in states) if curves else (),
    )
    print(row, file=sys.stderr, flush=True)
    return row


def strength(partition: Partition, material: PlasticMaterial) -> float:
    """Strength in kN by the load curve; nan where the curve ends before failure."""
    poles = [area_centroid(partition.source, f"{end}_endplate") for end in ("superior", "inferior")]
    with PlasticPlates(partition, material, "superior_endplate", "inferior_endplate", pole=poles[0]) as body:
        found = load_curve(body, float(poles[0][2] - poles[1][2])).strength
    return np.nan if found is None else 1e-3 * found


def images(demo: DemoPatient, folder: Path) -> Iterator[tuple[str, DemoPatient]]:
    """The demo's image as other scans would have it, one after the other in the same folder."""
    values = [np.asanyarray(nib.load(file).dataobj) for file in (demo.ct, demo.mask, demo.subregions)]
    affine = nib.load(demo.ct).affine
    for width in VOXELS:
        to_old = np.diag([*np.full(3, width) / np.linalg.norm(affine[:3, :3], axis=0), 1.0])
        yield f"voxels of {width:g} mm", written(demo, folder, values, affine, to_old)
    angle = np.radians(TURN)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    # Turned about the axis of the table, whatever axis of the array that is.
    to_old = np.linalg.inv(affine) @ turn @ affine
    yield f"turned by {TURN:g}°", written(demo, folder, values, affine, to_old)
    for deviation in NOISE:
        noise = np.random.default_rng(1).normal(0.0, deviation, values[0].shape)
        noisy = [values[0] + noise, *values[1:]]
        yield f"noise of {deviation:g} HU added", written(demo, folder, noisy, affine, np.eye(4))


def written(
    demo: DemoPatient, folder: Path, values: list[NDArray[np.float64]], affine: Affine, to_old: Affine
) -> DemoPatient:
    """The patient with its files on another grid.

    A voxel of the new grid has the mean of 4 x 4 x 4 interpolated values of the CT, and the label that has most of its
    centre.

    Args:
        demo: what else there is to say of the patient.
        folder: where the files go.
        values: CT, mask and subregions.
        affine: from their voxels to the scanner's mm.
        to_old: from the new voxels to theirs, but for a shift that makes the new grid hold the old one.
    """
    shape = np.array(values[0].shape)
    corners = np.stack(np.meshgrid(*([-0.5, n - 0.5] for n in shape), indexing="ij"), axis=-1).reshape(-1, 3)
    seen = corners @ np.linalg.inv(to_old[:3, :3]).T
    low, count = seen.min(axis=0), np.ceil(np.ptp(seen, axis=0) - 1e-6).astype(int)
    index = np.stack(np.meshgrid(*map(np.arange, count), indexing="ij"), axis=-1) + 0.5 + low
    shifts = (np.arange(4) - 1.5) / 4.0
    parts = np.stack(np.meshgrid(shifts, shifts, shifts), axis=-1).reshape(-1, 3)

    def at(image: NDArray[np.float64], places: NDArray[np.float64], order: int, outside: float) -> NDArray[np.float64]:
        steps = np.moveaxis(places @ to_old[:3, :3].T, -1, 0)
        return ndimage.map_coordinates(image, steps, order=order, cval=outside, output=np.float64)

    def most(labels: NDArray[np.float64]) -> NDArray[np.int16]:
        found = np.unique(labels)
        shares = [at((labels == label).astype(np.float64), index, 1, float(label == 0)) for label in found]
        return found[np.argmax(shares, axis=0)].astype(np.int16)

    ct = np.mean([at(values[0], index + part, 1, -1000.0) for part in parts], axis=0)
    own = [ct, *(most(image) for image in values[1:])]
    first = to_old[:3, :3] @ (0.5 + low)
    new = affine @ np.block([[to_old[:3, :3], first[:, None]], [np.zeros((1, 3)), np.ones((1, 1))]])
    names = [folder / name for name in ("ct.nii.gz", "mask.nii.gz", "subregions.nii.gz")]
    for image, name in zip(own, names, strict=True):
        nib.save(nib.Nifti1Image(image.astype(np.float32) if image is ct else image, new), name)
    return DemoPatient(*names, demo.level, demo.labels)


def print_meshes(rows: list[Row]) -> None:
    """The first table, in Markdown."""
    finest = [row for row in rows if row.degree == 2][-1].stiffness
    strongest = [row for row in rows if row.strength][-1].strength
    print("| size (mm) | cells | elements | unknowns | iterations", *HEADS, sep=" | ", end=" |\n")
    print("|---" * (5 + len(HEADS)) + "|")
    for row in rows:
        print(f"| {row.size} | {row.cells} | P{row.degree} | {row.unknowns} | {row.iterations}",
              *columns(row, finest, strongest), sep=" | ", end=" |\n")  # fmt: skip


def print_images(reference: Row, rows: list[Row]) -> None:
    """The second table, in Markdown."""
    print("\n| image | cells", *HEADS, sep=" | ", end=" |\n")
    print("|---" * (2 + len(HEADS)) + "|")
    for row in (reference, *rows):
        print(f"| {row.name} | {row.cells}", *columns(row, reference.stiffness, reference.strength),
              sep=" | ", end=" |\n")  # fmt: skip


def columns(row: Row, stiffness: tuple[float, ...], strength: tuple[float, ...]) -> list[str]:
    """The columns of :data:`HEADS` with the differences from other values in percent."""
    found = [f"{value:.2f} ({100.0 * (value / end - 1.0):+.1f} %)"
             for value, end in zip((*row.stiffness, *row.strength), (*stiffness, *strength), strict=False)]  # fmt: skip
    pairs = [row.stiffness, row.strength] if row.strength else [row.stiffness]
    return [*found, *[""] * (4 - len(found)), ", ".join(f"{one[1] / one[0]:.3f}" for one in pairs)]


def draw(rows: list[Row]) -> None:
    """Stiffness and strength over the mean cell size."""
    figure, axes = plt.subplots(1, 2, figsize=(2.0 * PANEL_INCHES, 0.75 * PANEL_INCHES), layout="constrained")
    for index, state in enumerate(STATES):
        for degree, marker, style in ((1, "s", "--"), (2, "o", "-")):
            chosen = [row for row in rows if row.degree == degree]
            axes[0].plot(
                [row.length for row in chosen], [row.stiffness[index] for row in chosen],
                style, marker=marker, color=COLORS[state], label=f"{state}, P{degree}",
            )  # fmt: skip
        chosen = [row for row in rows if row.strength]
        axes[1].plot(
            [row.length for row in chosen], [row.strength[index] for row in chosen],
            marker="o", color=COLORS[state], label=f"{state}, P2",
        )  # fmt: skip
    for panel, label in zip(axes, ("axial stiffness (kN/mm)", "strength (kN)"), strict=True):
        panel.set_xlabel("mean cell size, cube root of the volume (mm)", color=TEXT_COLOR)
        panel.set_ylabel(label, color=TEXT_COLOR)
        panel.set_xlim(left=0.0)
        panel.set_ylim(bottom=0.0)
        panel.legend(frameon=False, loc="lower right")
    finish(figure, "mesh_convergence.png")


def draw_images(reference: Row, rows: list[Row]) -> None:
    """What other images of the same body change in percent, beside the asked 5 %."""
    figure, axes = plt.subplots(1, 2, figsize=(2.0 * PANEL_INCHES, 0.75 * PANEL_INCHES), layout="constrained")
    shown = [("axial stiffness", reference.stiffness, [row.stiffness for row in rows]),
             ("strength", reference.strength, [row.strength for row in rows])]  # fmt: skip
    for panel, (label, asked, values) in zip(axes, shown, strict=True):
        panel.axvspan(-5.0, 5.0, color="#E8E8E8", zorder=0)
        panel.axvline(0.0, color=TEXT_COLOR, linewidth=0.8)
        for index, state in enumerate(STATES):
            change = [100.0 * (value[index] / asked[index] - 1.0) for value in values]
            panel.plot(change, np.arange(len(rows)) + 0.16 * (index - 0.5), "o", color=COLORS[state], label=state)
        panel.set_yticks(range(len(rows)), [row.name for row in rows])
        panel.invert_yaxis()
        panel.set_xlabel(f"change of the {label} (%), grey: within 5 %", color=TEXT_COLOR)
    axes[0].legend(frameon=False, loc="lower right")
    finish(figure, "image_convergence.png")


def finish(figure: Figure, name: str) -> None:
    """A picture without a frame, as a file of :data:`PICTURES`."""
    for panel in figure.axes:
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    figure.savefig(PICTURES / name, dpi=150)


if __name__ == "__main__":
    main()
