"""A shell that is spread over the bone below it, against the same shell meshed as the thin layer that it is.

A cube of bone with a shell of half a millimetre on its upper face, between rigid plates and under a soft disc, and on
two of its sides; without the shell it would be 1.9 % softer at least. The reference has cells as thin as the shell; the
spread shell stands in cells of 2.5 mm.
"""

import numpy as np
import pytest

from experiments.model.cortex import layer_share
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.integration import POINTS, integration_points
from fem.mechanics.plates import PlateProblem
from fem.mechanics.stiffness import stiffness_matrix
from fem.partition import Partition
from materials.layered_bone import layered_moduli

EDGE, THICKNESS = 20.0, 0.5
BONE, SHELL, DISC = 150.0, 4700.0, 8.0
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
