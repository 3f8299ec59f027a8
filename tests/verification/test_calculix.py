"""The axial reaction of the real L3 against CalculiX, an independent code, on the same mesh with the same moduli."""

import shutil

import numpy as np
import pytest
from calculix import axial_stiffness as by_calculix
from calculix import load_curve
from ct_bone import ct_bone

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plastic_material import PlasticMaterial
from fem.mechanics.plasticity import PlasticPlates
from fem.mechanics.plates import axial_stiffness
from fem.partition import Partition
from materials.end_disc import DISCS
from materials.yield_law import BoneStrength
from meshes.discs import DISC_PLATES, with_discs

pytestmark = [
    pytest.mark.calculix,
    pytest.mark.skipif(shutil.which("ccx") is None, reason="CalculiX (the command ccx) is not installed"),
]


@pytest.fixture(scope="module")
def bone(demo_vertebra, demo_mesh):
    """The body at 3 mm and the modulus of every cell, none like another."""
    mesh = demo_mesh(3.0)
    return mesh, ct_bone(demo_vertebra, mesh).modulus.mean(axis=1)


@pytest.mark.parametrize("plates", ["rigid", "pmma"])
def test_axial_stiffness_of_the_real_body(evidence, bone, plates, tmp_path):
    mesh, modulus = bone
    disc, regions, ratio = DISCS[plates], ("superior_endplate", "inferior_endplate"), np.full(len(modulus), 0.3)
    if disc is not None:
        mesh, regions = with_discs(mesh, disc.thickness), DISC_PLATES
        added = len(mesh.cells) - len(modulus)
        modulus = np.concatenate([modulus, np.full(added, disc.modulus)])
        ratio = np.concatenate([ratio, np.full(added, disc.poisson_ratio)])
    material = ElasticMaterial.isotropic(modulus, ratio)
    own = axial_stiffness(Partition.build(mesh), material, 2, *regions).stiffness
    evidence.check(
        case=f"real L3 between {plates} plates, against CalculiX",
        quantity="axial stiffness [N/mm]",
        expected=by_calculix(mesh, material, *regions, tmp_path),
        computed=own,
        within=1e-3,
        source="cross-check; CalculiX, C3D10",
        kind="cross-check",
    )


@pytest.mark.slow
def test_load_curve_of_the_real_body(evidence, demo_vertebra, demo_mesh, tmp_path):
    """Von Mises' surface and the small hardening of our load curves, which CalculiX knows, too."""
    mesh = demo_mesh(4.0)
    modulus = ct_bone(demo_vertebra, mesh).modulus.mean(axis=1)
    strength = 0.0005 * modulus
    material = PlasticMaterial(
        ElasticMaterial.isotropic(modulus, 0.3), strength, strength, "drucker_prager", BoneStrength().hardening
    )
    regions = ("superior_endplate", "inferior_endplate")
    forces = []
    with PlasticPlates(Partition.build(mesh), material, *regions) as body:
        positions = 1.6 * body.yield_position * np.arange(1, 9) / 8.0
        for position in positions:
            body.move(position)
            forces.append(body.force)
        assert body.force < 0.7 * body.stiffness * body.position
    theirs = load_curve(mesh, material, *regions, positions, tmp_path)
    assert len(theirs) == len(forces)
    evidence.check(
        case="elastic-plastic real L3, against CalculiX",
        quantity="largest difference of the force along the load curve [%]",
        expected=0.0,
        computed=float(100.0 * np.abs(np.array(forces) / theirs - 1.0).max()),
        high=0.1,
        source="cross-check; CalculiX, C3D10",
        kind="cross-check",
    )
