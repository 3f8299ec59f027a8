"""The medium that conducts the heat of one case, from its bone, its lesions and what lies around."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.model.heated_places import Surroundings
from experiments.model.tissues import TissueMap
from fem.heat.medium import HeatMedium
from materials.surroundings import SpinalSurroundings
from materials.thermal import ThermalProperties
from meshes.tetmesh import TetMesh

FloatArray = NDArray[np.float64]


def heat_medium(
    surroundings: Surroundings,
    mesh: TetMesh,
    tissues: TissueMap,
    thermal: ThermalProperties,
    dimensions: SpinalSurroundings,
    body_temperature: float,
) -> HeatMedium:
    """Mix what lies in every voxel by volume: struts of bone, and marrow, tumour or other tissue in the rest.

    Args:
        surroundings: the voxels.
        mesh: of the body.
        tissues: porosity, and what fills the pores.
        thermal: properties of the materials.
        dimensions: with the share of bone in the arch.
        body_temperature: in degrees Celsius.
    """
    grid, porosity = surroundings.grid, tissues.medium.porosity
    pores = mesh.cell_volumes * porosity
    tumour = np.zeros(len(pores))
    for name, share in zip(tissues.fluids.names, tissues.fluids.shares, strict=True):
        if name.startswith("tumour"):
            tumour += share
    for number in tissues.immobile:
        tumour[tissues.cells[f"lesion_{number}"]] = 1.0
    in_pores, in_tumour = (surroundings.shares.T @ volume for volume in (pores, pores * tumour))
    strut = surroundings.shares.T @ (mesh.cell_volumes - pores)
    arch = grid.voxel_volume * surroundings.arch
    strut = strut + dimensions.arch_bone * arch
    filled = {
        "marrow": in_pores - in_tumour + (1.0 - dimensions.arch_bone) * arch,
        "tumour": in_tumour,
    }
    beside = np.maximum(grid.voxel_volume * (1.0 - surroundings.body - surroundings.arch), 0.0)
    for name in ("epidural", "neural", "disc", "soft"):
        filled[name] = np.where(surroundings.outside[name], beside, 0.0)
    # At the walls of the bones the rest of a voxel is what lies beside it.
    named = sum(filled[name] for name in ("epidural", "neural", "disc", "soft"))
    filled["soft"] = filled["soft"] + np.where(named > 0.0, 0.0, beside)
    room = np.asarray(sum(filled.values()))
    shares = {
        name: np.divide(volume, room, out=np.zeros_like(room), where=room > 0.0) for name, volume in filled.items()
    }

    def mean(quantity: str) -> FloatArray:
        return np.asarray(sum(share * getattr(thermal, f"{name}_{quantity}") for name, share in shares.items()))

    blood = {name: getattr(thermal, f"{name}_perfusion", 0.0) for name in shares}
    perfusion = np.asarray(sum(share * blood[name] for name, share in shares.items()))
    return HeatMedium(
        grid=grid,
        strut=strut,
        room=room,
        strut_conductivity=thermal.bone_conductivity,
        strut_capacity=thermal.bone_capacity,
        tissue_conductivity=np.where(room > 0.0, mean("conductivity"), thermal.bone_conductivity),
        tissue_capacity=np.where(room > 0.0, mean("capacity"), thermal.bone_capacity),
        tissue_exchange=perfusion * thermal.blood_capacity,
        cement_conductivity=thermal.cement_conductivity,
        cement_capacity=thermal.cement_capacity,
        displaced_capacity=thermal.marrow_capacity,
        body_temperature=body_temperature,
    )
