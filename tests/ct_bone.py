"""Bone as the single voxels of a CT show it, by the default laws."""

import numpy as np

from fem.mechanics.integration import integration_points
from materials.bone import BoneField, BoneModel
from meshes.sampling import values_at, voxel_weights
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra


def ct_bone(vertebra: Vertebra, mesh: TetMesh) -> BoneField:
    """Bone of every cell without averages, mantle and shell."""
    values = vertebra.ct.values.astype(np.float64)
    solid = values_at(vertebra, values, integration_points(mesh))
    return BoneModel().evaluate(values.ravel(), voxel_weights(mesh, vertebra), solid, mesh.cell_volumes)
