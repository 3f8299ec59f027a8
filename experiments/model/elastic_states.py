"""The states in which a case is loaded, as elastic constants: without cement, fractured, and with its cement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.case.laws import Laws
from experiments.model.cortex import shell_left
from experiments.model.preparation import Preparation
from experiments.model.solid_body import SolidBody
from experiments.model.specimen import Specimen
from experiments.model.tissues import anisotropy_of
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.membrane import Factor, Membrane
from materials.bone import BoneField


@dataclass(frozen=True)
class ElasticState:
    """One state of the specimen.

    Attributes:
        material: elastic constants of its cells.
        shell_factor: (facets of the specimen,) on the stiffness of the membrane that is the shell, or one for all.
        bone: elastic constants without the cement; those of ``material`` where there is none.
        saturation: (cells,) of cement; 0 in discs.
    """

    material: ElasticMaterial
    shell_factor: Factor
    bone: ElasticMaterial
    saturation: NDArray[np.float64]


def intact_state(laws: Laws, body: SolidBody, specimen: Specimen) -> ElasticState:
    """``"intact"``: a body without damage and cement, lesions and cavities included.

    Args:
        laws: laws of the case.
        body: the body before its fracture, if it has one.
        specimen: that of the body.
    """
    none = np.zeros(len(body.mesh.cells))
    return _state(laws, body, specimen, np.ones_like(none), 1.0, none)


def elastic_states(
    laws: Laws, prepared: Preparation, specimen: Specimen, saturation: NDArray[np.float64]
) -> dict[str, ElasticState]:
    """The states of a case's body by name, in the order in which they come about.

    ``"intact"`` is there unless the body is broken: then that is another body, see :func:`intact_state`. Where the bone
    is damaged, ``"fractured"`` has the damage alone. ``"augmented"`` has damage and cement. The arch is never damaged.
    Damage applies once: bone and shell that the fracture broke keep what it leaves them, all others what ``[bone]``
    says.

    Args:
        laws: laws of the case.
        prepared: mesh and tissues of the body.
        specimen: what is loaded.
        saturation: (cells,) cement saturation of the body's cells.
    """
    damage: NDArray[np.float64] = np.full_like(saturation, laws.damage.factor)
    shell: Factor = laws.damage.factor
    states = {}
    if prepared.fractured is None:
        states["intact"] = intact_state(laws, prepared, specimen)
    else:
        damage = prepared.fractured.damage(prepared.mesh.cell_centroids, laws.damage.factor)
        shell = prepared.fractured.damage(specimen.mesh.facet_centroids, laws.damage.factor)
    if (damage < 1.0).any():
        states["fractured"] = _state(laws, prepared, specimen, damage, shell, np.zeros_like(saturation))
    states["augmented"] = _state(laws, prepared, specimen, damage, shell, np.clip(saturation, 0.0, 1.0))
    return states


def shell_membrane(body: SolidBody, specimen: Specimen) -> Membrane | None:
    """The shell of the vertical walls, less what openings take from it; None where the voxels show the shell."""
    if body.cortex is None:
        return None
    share = shell_left(body.mesh, body.openings, specimen.mesh)
    return body.cortex.membrane(specimen.mesh, body.bone.poisson_ratio, share)


def _state(
    laws: Laws,
    body: SolidBody,
    specimen: Specimen,
    damage: NDArray[np.float64],
    shell: Factor,
    filled: NDArray[np.float64],
) -> ElasticState:
    bare = _of_bone(laws, body.bone)
    full, bone = (
        specimen.material(_of_body(laws, body, damage, cement), bare, lambda bone: _of_bone(laws, bone))
        for cement in (filled, np.zeros_like(filled))
    )
    carried = specimen.carried(filled)
    return ElasticState(full, shell, bone, np.pad(carried, (0, len(specimen.mesh.cells) - len(carried))))


def _of_bone(laws: Laws, bone: BoneField) -> ElasticMaterial:
    return ElasticMaterial.transversely_isotropic(
        bone.modulus, bone.modulus / anisotropy_of(laws, bone.bmd), bone.poisson_ratio
    )


def _of_body(
    laws: Laws, body: SolidBody, damage: NDArray[np.float64], saturation: NDArray[np.float64]
) -> ElasticMaterial:
    """Damage takes its share of both moduli, and the composite law raises both alike, so that cement is isotropic."""
    tissues = body.tissues
    axial = np.maximum(damage * tissues.modulus, laws.bone.modulus.lowest)
    return ElasticMaterial.transversely_isotropic(
        laws.composite.modulus(axial, saturation),
        laws.composite.modulus(axial / tissues.anisotropy, saturation),
        body.bone.poisson_ratio,
    )
