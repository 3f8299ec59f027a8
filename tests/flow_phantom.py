"""A coarse L3 with a hole behind it: the body that the injection is tested on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fem.injection.displaced_phase import DisplacedFluids
from fem.injection.needle_opening import NeedleOpening
from fem.injection.plan import Bolus, InjectionPlan, Needle, Stage
from fem.injection.veins import Veins
from fem.injection.walls import Opening, Walls, build_walls
from fem.porous import PorousMedium
from materials.cannula import Cannula
from materials.leak_path import LeakPath
from materials.vein import IntraosseousVeins
from meshes.parametric import parametric_body
from meshes.tetmesh import TetMesh
from meshes.vein_network import VeinNetwork

MARROW_VISCOSITY, RATE = 2e-7, 50.0
CANAL, FORAMEN = "canal_posterior_wall", "basivertebral_foramen"
MARROW = DisplacedFluids(MARROW_VISCOSITY)


def plan_of(volume: float, rate: float = RATE, **rules: object) -> InjectionPlan:
    """One bolus through the first needle."""
    return InjectionPlan((Stage((Bolus(0, volume, rate),)),), **rules)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Phantom:
    """Body, bone, walls without and with openings, and needles in the middle, near the hole and near the left wall."""

    mesh: TetMesh
    medium: PorousMedium
    tight: Walls
    leaky: Walls
    central: Needle
    behind: Needle
    lateral: Needle


def tilted_medium(mesh: TetMesh) -> PorousMedium:
    """Porosity 0.6 to 0.9 and tensors of random size (x20), ratio 2.05 and direction in every cell."""
    generator = np.random.default_rng(7)
    count = len(mesh.cells)
    axes, _ = np.linalg.qr(generator.normal(size=(count, 3, 3)))
    principal = 1e-2 * 20.0 ** generator.uniform(-0.5, 0.5, size=(count, 1)) * np.array([1.0, 1.0, 2.05])
    tensors = np.einsum("tai,ti,tbi->tab", axes, principal, axes)
    return PorousMedium(generator.uniform(0.6, 0.9, size=count), 0.5 * (tensors + tensors.transpose(0, 2, 1)))


def veins_of(mesh: TetMesh, **law: float) -> Veins:
    """A trunk from the foramen to a confluence and three branches to front and sides, at 0.5 kPa below the marrow."""
    right, front, low = mesh.points.min(axis=0)
    left, back, _ = mesh.points.max(axis=0)
    middle = 0.05 * low
    nodes = np.array(
        [
            [0.0, 0.8 * back, middle],
            [0.0, 2.0, middle],
            [0.9 * left, 0.0, 0.0],
            [0.9 * right, 2.0, 0.0],
            [2.0, front, 0.0],
        ]
    )
    sites = {0: FORAMEN, 2: "segmental_veins_left", 3: "segmental_veins_right", 4: "anterior_veins"}
    network = VeinNetwork(nodes, np.array([[0, 1], [1, 2], [1, 3], [1, 4]]), np.array([2.0, 1.2, 1.5, 1.0]), sites)
    return Veins(network, IntraosseousVeins(**{"collapse_pressure": 2e-4, **law}), 3e4, -5e-4)


def build_phantom(size: float = 5.0) -> Phantom:
    """Mesh the mean L3 and choose its openings.

    Args:
        size: target edge length in mm.
    """
    mesh = parametric_body("L3", size)
    medium = tilted_medium(mesh)
    outlets = {"endplates": 2e4, "cortical_walls": 1.5e4, "pedicles": 5e3}
    wall = mesh.facet_regions["posterior_wall"]
    middle: NDArray[np.float64] = mesh.facet_centroids[wall].mean(axis=0)
    hole = wall[np.linalg.norm(mesh.facet_centroids[wall] - middle, axis=1) < 5.0]
    foramen = mesh.facet_regions["basivertebral_foramen"]
    openings = [
        Opening(CANAL, hole, LeakPath("slot", 0.3, 1.0), 2.0, 2e4),
        Opening(FORAMEN, foramen, LeakPath("tube", 1.0, 12.0), 0.8, 1e4),
    ]

    def needle(*position: float) -> Needle:
        return Needle(NeedleOpening.place(mesh, medium, np.array(position), 1.2), Cannula())

    return Phantom(
        mesh=mesh,
        medium=medium,
        tight=build_walls(mesh, outlets | {"basivertebral_foramen": 1e4}),
        leaky=build_walls(mesh, outlets, openings),
        central=needle(3.0, 0.0, 0.0),
        behind=needle(middle[0], middle[1] - 6.0, middle[2]),
        lateral=needle(20.0, 0.0, 0.0),
    )
