"""What stands between the plates: the body or the whole vertebra, with or without discs on its endplates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from experiments.case.laws import Laws
from experiments.case.schema import Case
from experiments.case.units import to_clinical, to_internal
from experiments.model.cortex import Cortex, bone_of
from experiments.model.fractured_body import FracturedBody
from experiments.model.maker import Maker, make
from experiments.results.parts.solvers import SpecimenRecord
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.integration import POINTS
from fem.mechanics.plates import area_centroid
from materials.bone import BoneField
from materials.end_disc import EndDisc
from meshes.body_mesh import Refinement
from meshes.discs import DISC_PLATES, with_discs
from meshes.sampling import voxel_weights
from meshes.tetmesh import TetMesh
from meshes.transfer import CellTransfer
from meshes.vertebra import Vertebra
from meshes.whole_vertebra import mesh_vertebra, whole_vertebra

CHANGED = 1e-9
"""Relative change of an elastic constant from which a cell counts as other than the CT's bone."""


@dataclass(frozen=True)
class Specimen:
    """A mesh between two plates and how the material of the body's own mesh goes over to it.

    Attributes:
        mesh: first the cells of the bone, then those of the discs, if any.
        bone_mesh: the same without discs: its points and cells come first in ``mesh``. On the body alone it is the
            body's mesh.
        superior: facet region of the superior plate.
        inferior: facet region of the inferior plate.
        pole: (3,) mm, area centroid of the superior endplate.
        disc: what the discs are made of; None where rigid plates bear on the endplates.
        transfer: from the body's mesh to the bone's cells of a whole vertebra; None on the body alone.
        bone: bone of the whole vertebra as the CT shows it; None on the body alone.
    """

    mesh: TetMesh
    bone_mesh: TetMesh
    superior: str
    inferior: str
    pole: NDArray[np.float64]
    disc: EndDisc | None
    transfer: CellTransfer | None
    bone: BoneField | None

    @property
    def bone_cells(self) -> int:
        """Number of the bone's cells."""
        return len(self.bone_mesh.cells)

    @property
    def is_body(self) -> bool:
        """Whether the mesh is that of the body alone, without discs."""
        return self.disc is None and self.transfer is None

    def carried(self, density: NDArray[np.float64]) -> NDArray[np.float64]:
        """(bone cells,) means of a density of something that is only in the body, from the cells of its mesh."""
        return density if self.transfer is None else self.transfer.content(density)

    def porosity(self, body: NDArray[np.float64]) -> NDArray[np.float64]:
        """(bone cells,) porosity: that of the cells of the body's mesh where the body is, the CT's elsewhere."""
        if self.transfer is None or self.bone is None:
            return body
        return self.transfer.overlay(body, np.ones(len(body), dtype=bool), self.bone.porosity)

    def material(
        self, body: ElasticMaterial, bare: ElasticMaterial, of_bone: Callable[[BoneField], ElasticMaterial]
    ) -> ElasticMaterial:
        """Elastic constants at the integration points of every cell.

        On a whole vertebra the cells of the body that are other than bare bone, by cement or disease, take the place of
        the part of a cell that they cover; all other bone follows from the CT by the same laws.

        Args:
            body: constants of the body's cells, of which their means go over.
            bare: the same of the bone that the CT shows, without cement, lesions or cavities.
            of_bone: constants of bone.
        """
        parts = [body]
        if self.transfer is not None and self.bone is not None:
            own = of_bone(self.bone)
            pairs = [(getattr(body, item.name), getattr(bare, item.name)) for item in fields(body)]
            changed = np.any([np.abs(there - here) > CHANGED * np.abs(here) for there, here in pairs], axis=(0, 2))
            parts = [
                ElasticMaterial(
                    *(
                        self.transfer.overlay(getattr(body, item.name).mean(axis=1), changed, getattr(own, item.name))
                        for item in fields(body)
                    )
                )
            ]
        if self.disc is not None:
            count = len(self.mesh.cells) - self.bone_cells
            modulus = np.full((count, POINTS), self.disc.modulus)
            parts.append(ElasticMaterial.isotropic(modulus, self.disc.poisson_ratio))
        return ElasticMaterial(*(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(body)))

    def record(self, cement: NDArray[np.float64], body: TetMesh) -> SpecimenRecord:
        """What the manifest says about the specimen.

        Args:
            cement: (cells of the body's mesh,) share of the volume that is cement.
            body: the body's mesh.
        """
        discs = self.mesh.cell_volumes[self.bone_cells :]
        transferred = {}
        if self.transfer is not None:
            carried = self.bone_mesh.cell_volumes @ self.carried(cement)
            transferred["cement_in_body_ml"] = to_clinical(float(body.cell_volumes @ cement), "ml")
            transferred["cement_carried_ml"] = to_clinical(float(carried), "ml")
        return SpecimenRecord(
            cells=len(self.mesh.cells),
            bone_ml=to_clinical(self.bone_mesh.volume, "ml"),
            discs_ml=to_clinical(float(discs.sum()), "ml"),
            **transferred,
        )


def prepare_specimen(
    case: Case,
    laws: Laws,
    vertebra: Vertebra,
    body: TetMesh,
    refinements: Sequence[Refinement],
    cortex: Cortex | None,
    fractured: FracturedBody | None = None,
    maker: Maker = make,
) -> Specimen:
    """Mesh what is loaded.

    Args:
        case: what is asked.
        laws: its laws.
        vertebra: CT, masks and frame.
        body: mesh of its body with named facets.
        refinements: where the mesh of the body is finer.
        cortex: the shell of the body as a layer of its own, or None.
        fractured: how the body was broken; None where it was not.
        maker: calls functions of the geometry, or knows what they gave for other cases.

    Raises:
        InputError: the mask holds no arch though the whole vertebra is asked for, or the mesh cannot be made.
    """
    mesh, transfer, bone = body, None, None
    if case.mechanics.domain == "vertebra":
        mesh = maker(mesh_vertebra, vertebra, to_internal(case.mesh.size_mm, "mm"), body, refinements)
        transfer = CellTransfer.between(body, mesh)
        weights = maker(voxel_weights, mesh, whole_vertebra(vertebra))
        bone = bone_of(laws, cortex, vertebra, mesh, weights, fractured)
    bone_mesh, pole = mesh, area_centroid(mesh, "superior_endplate")
    superior, inferior = "superior_endplate", "inferior_endplate"
    if laws.end_disc is not None:
        mesh = with_discs(mesh, laws.end_disc.thickness)
        superior, inferior = DISC_PLATES
    return Specimen(mesh, bone_mesh, superior, inferior, pole, laws.end_disc, transfer, bone)
