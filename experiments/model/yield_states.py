"""Where the cells of a specimen yield in one of its states."""

from __future__ import annotations

import numpy as np

from experiments.case.laws import Laws
from experiments.model.elastic_states import ElasticState
from experiments.model.specimen import Specimen
from fem.mechanics.plastic_material import PlasticMaterial


def plastic_material(laws: Laws, specimen: Specimen, state: ElasticState) -> PlasticMaterial:
    """Elastic constants and yield stresses of a state; discs on the bone stay elastic.

    Damage and disease change the modulus of bone, and its yield stress by the law between both.

    Args:
        laws: laws of the case.
        specimen: what is loaded.
        state: of the specimen.

    Raises:
        ValueError: the case asks for no non-linear solve.
    """
    if laws.strength is None:
        raise ValueError("the case asks for no non-linear solve")
    modulus = np.sqrt(state.bone.axial_modulus * state.bone.transverse_modulus)
    saturation = state.saturation if modulus.ndim < 2 else state.saturation[:, None]
    knocked_down = laws.composite.filled_modulus / laws.composite.cement_modulus
    tension, compression = laws.strength.strengths(modulus, saturation, knocked_down)
    discs = slice(specimen.bone_cells, None)
    tension[discs] = compression[discs] = np.inf
    return PlasticMaterial(state.material, tension, compression, laws.strength.law.surface, laws.strength.hardening)
