"""Scatter of ln k between cubes of a millimetre, by creeping flow through the pores of a micro-CT of trabecular bone.

The image is not part of the project: ``VERTEBROPLASTY_MICROCT`` names a folder with its slices, such as those of the
human core LHDL 3155_D_4_bc (200 slices of 200 x 200 voxels of 19.5 um, github.com/gianthk/ciclope, MIT), bone above a
grey value of 63. The core is 4 mm wide: it says how much permeability scatters at 1 mm, and nothing of the length.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from stokes_lattice import permeability

from materials.bone import BoneModel

pytestmark = pytest.mark.slow

FOLDER = os.environ.get("VERTEBROPLASTY_MICROCT")
VOXEL, BONE_ABOVE = 0.0195, 63
COARSER, CUBE = 2, 25
"""Voxels that are merged along each axis, and merged voxels along the edge of a cube: 0.975 mm. Of three cubes the
permeability from unmerged voxels is 0.90, 0.95 and 1.01 times that from merged ones."""


def test_plates_conduct_as_the_square_of_their_gap_over_twelve():
    gap = 6
    pores = np.zeros((4, gap + 1, 3), dtype=bool)
    pores[:, :gap] = True
    assert permeability(pores, 0, gap=0, tolerance=1e-5) == pytest.approx(gap**3 / 12.0 / (gap + 1), rel=0.02)


@pytest.mark.parametrize(("share", "drag"), [(0.125, 4.292), (0.216, 7.442), (0.343, 15.4)])
def test_cubic_arrays_of_spheres(share, drag):
    """Drag over Stokes' (Zick & Homsy 1982, 10.1017/S0022112082000627, M)."""
    count = 24
    radius = (3.0 * share / (4.0 * np.pi)) ** (1.0 / 3.0)
    place = (np.indices((count,) * 3) + 0.5) / count - 0.5
    found = permeability((place**2).sum(axis=0) > radius**2, 2, gap=0) / count**2
    assert found == pytest.approx(1.0 / (6.0 * np.pi * radius * drag), rel=0.08)


@pytest.mark.skipif(FOLDER is None, reason="VERTEBROPLASTY_MICROCT names no folder with slices")
def test_scatter_of_permeability_between_cubes_of_a_millimetre(evidence):
    slices = [
        SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file))) for file in sorted(Path(FOLDER).glob("*.tif"))
    ]
    bone = np.stack(slices) > BONE_ABOVE
    bone = bone[tuple(slice(size // (COARSER * CUBE) * COARSER * CUBE) for size in bone.shape)]
    counts = [size // (COARSER * CUBE) for size in bone.shape]
    merged = bone.reshape([part for size in bone.shape for part in (size // COARSER, COARSER)]).mean(axis=(1, 3, 5))
    law, logs, by_law = BoneModel().permeability, [], []
    for place in np.ndindex(*counts):
        cube = merged[tuple(slice(CUBE * i, CUBE * (i + 1)) for i in place)] < 0.5
        logs.append(np.mean([np.log(permeability(cube, axis) * (COARSER * VOXEL) ** 2) for axis in range(3)]))
        by_law.append(np.log(law.axial(cube.mean()) * law.transverse_factor ** (2.0 / 3.0)))
    for quantity, expected, computed, low, high, source in (
        ("SD of ln k between cubes of 1 mm [-]", 0.8, np.std(logs, ddof=1), 0.5, 1.1, "default of the heterogeneity"),
        (
            "k of the pores over that of the law, geometric mean [-]",
            1.0,
            np.exp(np.mean(logs) - np.mean(by_law)),
            0.1,
            10.0,
            "range of permeability_multiplier",
        ),
    ):
        evidence.check(
            case=f"micro-CT of trabecular bone, BV/TV {bone.mean():.3f}",
            quantity=quantity,
            expected=expected,
            computed=float(computed),
            low=low,
            high=high,
            source=source,
            kind="cross-check",
        )
