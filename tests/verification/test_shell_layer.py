"""A shell that is spread over the bone below it, against the same shell meshed as the thin layer that it is.

A cube of bone with a shell of half a millimetre on its upper face, between rigid plates and under a soft disc, on two
of its sides, and all around; without the shell it would be 1.9 % softer at least. The reference has cells as thin as
the shell; the spread shell stands in cells of 2.5 mm. All around, most of the load passes through the shell of the
walls, which must reach the plates, in elastic bone and in bone that yields.
"""

from dataclasses import replace

import numpy as np
import pytest

from experiments.model.cortex import ShellLayer, SpreadShell, layer_share
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.integration import POINTS, integration_points
from fem.mechanics.load_curve import load_curve
from fem.mechanics.plastic_material import PlasticMaterial
from fem.mechanics.plasticity import PlasticPlates
from fem.mechanics.plates import PlateProblem, axial_stiffness
from fem.mechanics.stiffness import stiffness_matrix
from fem.partition import Partition
from materials.layered_bone import layered_moduli
from materials.yield_law import YieldStrain

EDGE, THICKNESS = 20.0, 0.5
BONE, SHELL, DISC = 150.0, 4700.0, 8.0
SOFT_BONE = 100.0
PLATES = {"superior": "z_max", "inferior": "z_min"}


def stiffness_of(mesh, axial, transverse):
    """Axial stiffness in N/mm and bending stiffness in N mm/rad."""
    with PlateProblem(Partition.build(mesh), 2, **PLATES) as problem:
        problem.assemble(ElasticMaterial.transversely_isotropic(axial, transverse, 0.3))
        matrix = stiffness_matrix(problem)
    return np.array([matrix.axial_stiffness, matrix.flexion_stiffness])


def resolved(mesh, depth):
    """The shell in the cells that lie in it."""
    modulus = np.where(depth(mesh.cell_centroids) < THICKNESS, SHELL, BONE)
    modulus = np.where(mesh.cell_centroids[:, 2] > EDGE, DISC, modulus)
    return stiffness_of(mesh, modulus, modulus)


def spread(mesh, depth, across):
    """The shell in the bone below it."""
    points, bone = integration_points(mesh), np.full((len(mesh.cells), POINTS), BONE)
    share = layer_share(depth(points), THICKNESS)
    disc = (mesh.cell_centroids[:, 2] > EDGE)[:, None]
    moduli = layered_moduli(bone, bone, SHELL, share, np.full_like(bone, across))
    return stiffness_of(mesh, *(np.where(disc, DISC, modulus) for modulus in moduli))


@pytest.mark.parametrize("thickness", [0.35, 1.5, 2.0, 5.0])
def test_all_of_a_shell_is_spread(thickness):
    depth = np.linspace(0.0, 12.0, 24001)
    share = layer_share(depth, np.full_like(depth, thickness))
    assert share.max() <= 1.0
    assert np.trapezoid(share, depth) == pytest.approx(thickness, rel=1e-4)


def below_the_top(points):
    return EDGE - points[..., 2]


def beside_the_sides(points):
    return np.minimum(points[..., 0], EDGE - points[..., 0])


@pytest.mark.parametrize(
    ("case", "height", "depth", "across", "cells", "fine", "within"),
    [
        ("endplate under a rigid plate", 20.0, below_the_top, 1.0, (6, 6, 8), (3, 3, 40), 0.01),
        ("endplate under a soft disc", 25.0, below_the_top, 1.0, (6, 6, 10), (3, 3, 50), 0.01),
        ("two walls", 20.0, beside_the_sides, 0.0, (8, 6, 6), (40, 3, 3), 0.02),
    ],
)
def test_a_spread_shell_is_as_stiff_as_a_resolved_one(
    evidence, structured_box, case, height, depth, across, cells, fine, within
):
    size = (EDGE, EDGE, height)
    asked = resolved(structured_box(size, fine), depth)
    found = spread(structured_box(size, cells), depth, across)
    for name, value, expected in zip(("axial", "bending"), found, asked, strict=True):
        evidence.check(
            case=f"spread shell, {case}",
            quantity=f"{name} stiffness over that of the resolved shell [-]",
            expected=1.0,
            computed=value / expected,
            within=within,
            source="resolved thin layer",
            kind="verification",
        )


def closed(mesh):
    """Depths in mm of points below the walls and below the endplates of the cube."""
    points = integration_points(mesh)
    inside = np.minimum(points, EDGE - points)
    return inside[..., :2].min(axis=-1), inside[..., 2]


def closed_and_spread(structured_box, cells):
    """A mesh of the cube with a shell all around, and the moduli of its points."""
    mesh = structured_box((EDGE,) * 3, (cells,) * 3)
    bone = np.full((len(mesh.cells), POINTS), SOFT_BONE)
    layers = [
        ShellLayer(layer_share(depth, THICKNESS), np.full_like(bone, across))
        for depth, across in zip(closed(mesh), (0.0, 1.0), strict=True)
    ]
    return mesh, SpreadShell(*layers, SHELL).mixed(bone, bone)


def closed_and_resolved(structured_box, cells):
    """The same with two layers of cells in the shell, in a coarse mesh of the rest."""
    mesh = structured_box((EDGE,) * 3, (cells,) * 3)
    planes = [0.0, 0.5 * THICKNESS, *np.linspace(THICKNESS, EDGE - THICKNESS, cells - 3), EDGE - 0.5 * THICKNESS, EDGE]
    points = np.interp(mesh.points, np.linspace(0.0, EDGE, cells + 1), planes)
    mesh = replace(mesh, points=points)
    modulus = np.where(np.minimum(*closed(mesh)) < THICKNESS, SHELL, SOFT_BONE)
    return mesh, (modulus, modulus)


def check_closed(evidence, quantity, expected, computed):
    evidence.check(
        case="spread shell, all around",
        quantity=f"{quantity} over that of the resolved shell [-]",
        expected=1.0,
        computed=computed / expected,
        within=0.04,
        source="resolved thin layer",
        kind="verification",
    )


def test_the_walls_stand_on_the_plates(evidence, structured_box):
    asked, found = (
        axial_stiffness(
            Partition.build(mesh), ElasticMaterial.transversely_isotropic(*moduli, 0.3), 2, "z_max", "z_min"
        )
        for mesh, moduli in (closed_and_resolved(structured_box, 10), closed_and_spread(structured_box, 8))
    )
    check_closed(evidence, "axial stiffness", asked.stiffness, found.stiffness)


@pytest.mark.slow
def test_a_spread_shell_is_as_strong_as_a_resolved_one(evidence, structured_box):
    found = {}
    for name, (mesh, moduli) in {
        "resolved": closed_and_resolved(structured_box, 14),
        "coarse": closed_and_spread(structured_box, 8),
        "fine": closed_and_spread(structured_box, 12),
    }.items():
        elastic = ElasticMaterial.transversely_isotropic(*moduli, 0.3)
        stresses = YieldStrain().strengths(np.sqrt(moduli[0] * moduli[1]))
        with PlasticPlates(
            Partition.build(mesh), PlasticMaterial(elastic, *stresses, "drucker_prager", 0.001), **PLATES
        ) as body:
            found[name] = load_curve(body, EDGE).strength
    check_closed(evidence, "strength", found["resolved"], found["coarse"])
    assert found["fine"] == pytest.approx(found["coarse"], rel=0.005)
