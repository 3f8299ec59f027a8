"""The states in which a case is loaded, as elastic constants: without cement, fractured, and with its cement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.case.laws import Laws
from experiments.model.cortex import shell_left
from experiments.model.preparation import Preparation
from experiments.model.specimen import Specimen
from experiments.model.tissues import anisotropy_of
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.membrane import Membrane
from materials.bone import BoneField


@dataclass(frozen=True)
class ElasticState:
    """One state of the specimen.

    Attributes:
        material: elastic constants of its cells.
        shell_factor: on the stiffness of the membrane that is the shell.
    """

    material: ElasticMaterial
    shell_factor: float


def elastic_states(
    laws: Laws, prepared: Preparation, specimen: Specimen, saturation: NDArray[np.float64]
) -> dict[str, ElasticState]:
    """The states of a case by name, in the order in which they come about.

    ``"intact"`` is the body without damage and cement, lesions and cavities included. Where the bone is damaged,
    ``"fractured"`` has the damage alone. ``"augmented"`` has damage and cement. The arch is never damaged. Damage
    applies once: broken trabeculae keep what the fracture leaves them, all other bone what ``[bone]`` says.

    Args:
        laws: laws of the case.
        prepared: mesh and tissues of the body.
        specimen: what is loaded.
        saturation: (cells,) cement saturation of the body's cells.
    """
    bare = _of_bone(laws, prepared.bone)

    def state(damage: NDArray[np.float64], shell: float, filled: NDArray[np.float64]) -> ElasticState:
        body = _of_body(laws, prepared, damage, filled)
        return ElasticState(specimen.material(body, bare, lambda bone: _of_bone(laws, bone)), shell)

    none, shell = np.zeros_like(saturation), laws.damage.factor
    damage = np.full_like(saturation, shell)
    if prepared.fractured is not None:
        damage[prepared.fractured.broken(prepared.mesh)] = prepared.fractured.record.damage_factor
    states = {"intact": state(np.ones_like(damage), 1.0, none)}
    if (damage < 1.0).any():
        states["fractured"] = state(damage, shell, none)
    states["augmented"] = state(damage, shell, np.clip(saturation, 0.0, 1.0))
    return states


def shell_membrane(prepared: Preparation, specimen: Specimen) -> Membrane | None:
    """The shell of the vertical walls, less what openings take from it; None where the voxels show the shell."""
    if prepared.cortex is None:
        return None
    share = shell_left(prepared.mesh, prepared.openings, specimen.mesh)
    return prepared.cortex.membrane(specimen.mesh, prepared.bone.poisson_ratio, share)


def _of_bone(laws: Laws, bone: BoneField) -> ElasticMaterial:
    return ElasticMaterial.transversely_isotropic(
        bone.modulus, bone.modulus / anisotropy_of(laws, bone.bmd), bone.poisson_ratio
    )


def _of_body(
    laws: Laws, prepared: Preparation, damage: NDArray[np.float64], saturation: NDArray[np.float64]
) -> ElasticMaterial:
    """Damage takes its share of both moduli, and the composite law raises both alike, so that cement is isotropic."""
    tissues = prepared.tissues
    axial = np.maximum(damage * tissues.modulus, laws.bone.modulus.lowest)
    return ElasticMaterial.transversely_isotropic(
        laws.composite.modulus(axial, saturation),
        laws.composite.modulus(axial / tissues.anisotropy, saturation),
        prepared.bone.poisson_ratio,
    )
