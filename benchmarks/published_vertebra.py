"""The one vertebra that the spine-FE benchmark publishes with its images, by the benchmark's recipe on our meshes.

Run it as ``python -m benchmarks.published_vertebra IMAGE SEGMENTATION`` with two files of the GitHub repository
Bonelab/spineFE-benchmark: ``sub-verse004_0000_vertebra_21_im.nii.gz``, density in mg/cm3, and ``..._seg.nii.gz``, with
the labels 1 and 2 for the body, 3 and 4 for the arch, 5 and 6 for the discs. Walle, Matheson & Boyd 2025
(10.1093/gigascience/giaf094) print 12 362 N/mm for it, with every voxel in the next denser bin than its own; with their
own densities the voxels have 10 547 N/mm (``tests/validation/test_published_vertebra.py``). The outer faces of their
discs slide; both kinds are printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plates import axial_stiffness
from fem.partition import Partition
from materials.end_disc import EndDisc
from materials.modulus import WalleModulus
from meshes.body_mesh import mesh_body
from meshes.discs import DISC_PLATES, with_discs
from meshes.images.labels import PartLabels
from meshes.images.units import DENSITY
from meshes.sampling import voxel_weights
from meshes.vertebra import read_vertebra
from meshes.whole_vertebra import mesh_vertebra, whole_vertebra

SIZES = (2.5, 2.0, 1.5)
PARTS = PartLabels(body=(1, 2), arch=(3, 4))
LOWEST = 0.1
"""MPa of voxels without bone; the benchmark has 1e-4, which makes no difference."""


def main(image: Path, segmentation: Path) -> None:
    """Print the axial stiffness on meshes of several sizes."""
    vertebra = read_vertebra(image, segmentation, "L2", parts=PARTS, units=DENSITY)
    disc, whole = EndDisc(), whole_vertebra(vertebra)
    density = 1e-3 * vertebra.ct.values.ravel()
    voxels = np.maximum(WalleModulus().modulus(density), LOWEST)
    for size in SIZES:
        bone = mesh_vertebra(vertebra, size, mesh_body(vertebra, size))
        mesh = with_discs(bone, disc.thickness)
        discs = np.full(len(mesh.cells) - len(bone.cells), disc.modulus)
        modulus = np.concatenate([voxel_weights(bone, whole) @ voxels, discs])
        partition, material = Partition.build(mesh), ElasticMaterial.isotropic(modulus, disc.poisson_ratio)
        slides, bonded = (
            axial_stiffness(partition, material, 2, *DISC_PLATES, frictionless=slides).stiffness
            for slides in (True, False)
        )
        print(f"{size} mm: {1e-3 * slides:.2f} kN/mm with sliding faces, {1e-3 * bonded:.2f} kN/mm bonded", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
