"""A body as the mechanics see it, and the one before its fracture on a mesh of its own."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.case.laws import Laws
from experiments.case.schema import Case
from experiments.case.units import to_internal
from experiments.model.cortex import Cortex, bone_of
from experiments.model.defects import holes, refinements
from experiments.model.maker import Maker, make
from experiments.model.openings import case_openings
from experiments.model.specimen import Specimen, prepare_specimen
from experiments.model.tissues import TissueMap, build_tissues
from fem.injection.walls import Opening
from materials.bone import BoneField
from meshes.body_mesh import mesh_body
from meshes.images.image import Image
from meshes.sampling import voxel_weights
from meshes.tetmesh import TetMesh
from meshes.vein_network import VeinNetwork
from meshes.vertebra import Vertebra


@dataclass(frozen=True, kw_only=True)
class SolidBody:
    """What is loaded, less cement and damage.

    Attributes:
        mesh: mesh of the body in the anatomical frame.
        bone: bone of every cell as the CT shows it.
        tissues: what the flow and the mechanics see of it: lesions, cavities and veins included.
        specimen: what stands between the plates; None where the mechanics are switched off.
        cortex: the shell as a layer of its own; None where the voxels show it.
        openings: in the walls.
    """

    mesh: TetMesh
    bone: BoneField
    tissues: TissueMap
    specimen: Specimen | None
    cortex: Cortex | None
    openings: tuple[Opening, ...]


def unbroken_body(
    case: Case,
    laws: Laws,
    vertebra: Vertebra,
    lesions: tuple[Image | None, ...],
    network: VeinNetwork | None,
    maker: Maker = make,
) -> SolidBody:
    """The body before its fracture with all that the case asks of it but the fracture; no needles lie in it.

    Args:
        case: what is asked, without the tables that a fracture brings along.
        laws: its laws.
        vertebra: CT, masks and frame before.
        lesions: their masks on the body before.
        network: of veins in the body before; None without one.
        maker: calls functions of the geometry, or knows what they gave for other cases.

    Raises:
        InputError: a lesion, a cavity or a defect does not fit into the body before.
    """
    finer = refinements(case, vertebra.frame)
    size = to_internal(case.mesh.size_mm, "mm")
    mesh = maker(mesh_body, vertebra, size, finer, holes(case, vertebra.frame))
    cortex = Cortex.measured(laws, vertebra, mesh)
    bone = bone_of(laws, cortex, vertebra, mesh, maker(voxel_weights, mesh, vertebra))
    tissues = build_tissues(case, laws, vertebra, mesh, bone, lesions)
    return SolidBody(
        mesh=mesh,
        bone=bone,
        tissues=tissues,
        specimen=prepare_specimen(case, laws, vertebra, mesh, finer, cortex, maker=maker),
        cortex=cortex,
        openings=case_openings(case, laws, vertebra, mesh, (), tissues, network).found,
    )
