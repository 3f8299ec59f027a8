"""The states in which a case is loaded, as elastic constants: without cement, fractured, and with its cement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.case.laws import Laws
from experiments.model.cortex import SpreadShell, shell_left
from experiments.model.preparation import Preparation
from experiments.model.solid_body import SolidBody
from experiments.model.specimen import Specimen
from fem.mechanics.elastic_material import ElasticMaterial
from materials.bone import BoneField
from meshes.tetmesh import TetMesh


@dataclass(frozen=True)
class ElasticState:
    """One state of the specimen.

    Attributes:
        material: elastic constants at the integration points of its cells.
        bone: the same without the cement; those of ``material`` where there is none.
        saturation: (cells,) of cement; 0 in discs.
    """

    material: ElasticMaterial
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
    return _Layered(laws, body, specimen).state(np.ones_like(none), none)


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
    layered, none = _Layered(laws, prepared, specimen), np.zeros_like(saturation)
    damage: NDArray[np.float64] = np.full_like(saturation, laws.damage.factor)
    states = {}
    if prepared.fractured is None:
        states["intact"] = layered.state(np.ones_like(none), none)
    else:
        damage = prepared.fractured.damage(prepared.mesh.cell_centroids, laws.damage.factor)
    if (damage < 1.0).any():
        states["fractured"] = layered.state(damage, none)
    states["augmented"] = layered.state(damage, np.clip(saturation, 0.0, 1.0))
    return states


class _Layered:
    """A body and its specimen with their shells."""

    def __init__(self, laws: Laws, body: SolidBody, specimen: Specimen) -> None:
        self._laws, self._body, self._specimen = laws, body, specimen
        self._shell = self._shell_of(body.mesh)
        self._own = self._shell if specimen.transfer is None else self._shell_of(specimen.bone_mesh)

    def state(self, damage: NDArray[np.float64], saturation: NDArray[np.float64]) -> ElasticState:
        """One state by what damage leaves the body's cells and by their cement; see :class:`ElasticState`."""
        specimen, bare = self._specimen, self._of_bone(self._body.bone, self._shell)
        full, bone = (
            specimen.material(self._of_body(damage, cement), bare, lambda own: self._of_bone(own, self._own))
            for cement in (saturation, np.zeros_like(saturation))
        )
        carried = specimen.carried(saturation)
        return ElasticState(full, bone, np.pad(carried, (0, len(specimen.mesh.cells) - len(carried))))

    def _shell_of(self, mesh: TetMesh) -> SpreadShell | None:
        """The shell less what openings take from it; None where the voxels show it."""
        cortex = self._body.cortex
        return None if cortex is None else cortex.spread(mesh, shell_left(self._body.mesh, self._body.openings, mesh))

    def _of_bone(self, bone: BoneField, shell: SpreadShell | None) -> ElasticMaterial:
        axial, transverse = bone.modulus, bone.transverse_modulus
        if shell is not None:
            axial, transverse = shell.mixed(axial, transverse)
        return ElasticMaterial.transversely_isotropic(axial, transverse, bone.poisson_ratio)

    def _of_body(self, damage: NDArray[np.float64], saturation: NDArray[np.float64]) -> ElasticMaterial:
        """Damage takes its share of both moduli, and the composite law raises both alike: cement is isotropic."""
        tissues, laws, there = self._body.tissues, self._laws, saturation[:, None]
        before, across = tissues.modulus, tissues.transverse_modulus
        if self._shell is not None:
            before, across = self._shell.mixed(before, across)
        axial = np.maximum(damage[:, None] * before, laws.bone.modulus.lowest)
        # What damage leaves is bounded along the axis alone, so that the ratio of both directions stays.
        transverse = axial * (across / before)
        return ElasticMaterial.transversely_isotropic(
            laws.composite.modulus(axial, there),
            laws.composite.modulus(transverse, there),
            self._body.bone.poisson_ratio,
        )
