"""A neighbouring vertebra that bears what the case's vertebra passes on through the disc between them.

Both bodies have half of that disc, whose faces meet in one plane; the neighbour's other disc stands on a fixed plate.
What the case's body presses on that plane presses on the neighbour's face at the same places; the neighbour's answer
does not act back (tag D): between soft discs the load hardly asks what lies beyond them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.case.laws import Laws
from experiments.case.schema import Case
from experiments.case.units import to_internal
from experiments.model.cortex import Cortex, bone_of
from experiments.model.patient import read_patient
from experiments.model.specimen import Specimen, prepare_specimen
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.passed_load import passed_pressures
from meshes.body_mesh import mesh_body
from meshes.discs import DISC_PLATES
from meshes.errors import InputError
from meshes.frame import AnatomicalFrame
from meshes.images.labels import LEVELS
from meshes.sampling import voxel_weights
from meshes.tetmesh import ENDPLATES
from meshes.vertebra import Vertebra

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Neighbour:
    """The vertebra above or below.

    Attributes:
        level: such as ``"L4"``.
        frame: its anatomical frame.
        specimen: its body between soft discs.
        material: elastic constants at the integration points of the specimen.
        near: facet region of the disc's face towards the case's vertebra.
        far: that of the face on the fixed plate.
        facing: its endplate towards the case's vertebra.
        giving: facet region of the face of the case's vertebra that passes the load on.
    """

    level: str
    frame: AnatomicalFrame
    specimen: Specimen
    material: ElasticMaterial
    near: str
    far: str
    facing: str
    giving: str

    def pressures(self, places: FloatArray, pressures: FloatArray, force: float) -> FloatArray:
        """(facets of the near face,) pressures in MPa from those on the face that passes a load on.

        Args:
            places: (n, 3) points of that face in the scanner's LPS mm.
            pressures: (n,) MPa there.
            force: compressive axial force in N.

        Raises:
            InputError: the faces do not meet.
        """
        mesh = self.specimen.mesh
        rows = mesh.facet_regions[self.near]
        areas = np.abs(mesh.facet_areas[rows] * mesh.facet_normals[rows, 2])
        seen = self.frame.to_frame(places)[:, :2]
        try:
            return passed_pressures(seen, pressures, force, mesh.facet_centroids[rows, :2], areas)
        except ValueError as error:
            raise InputError(
                f"mechanics.neighbour: {self.level} does not take over what the case's vertebra passes on: {error}; "
                "remove neighbour, or look whether the mask holds both at their places"
            ) from error


def read_neighbour(case: Case, vertebra: Vertebra) -> Vertebra | None:
    """The neighbour that the case asks for; None where it asks for none.

    Args:
        case: what is asked.
        vertebra: the case's own.

    Raises:
        InputError: the files do not hold it whole, or there is no such level.
    """
    side = case.mechanics.neighbour
    return None if side is None else read_patient(case, level=_level(vertebra.level, side))


def mesh_neighbour(case: Case, laws: Laws, other: Vertebra) -> Neighbour:
    """The neighbour meshed as the case's own body is, away from needles, with its bone and its shell.

    Args:
        case: what is asked.
        laws: its laws.
        other: the neighbour.
    """
    mesh = mesh_body(other, to_internal(case.mesh.size_mm, "mm"))
    cortex = Cortex.measured(laws, other, mesh)
    bone = bone_of(laws, cortex, other, mesh, voxel_weights(mesh, other))
    axial, transverse = bone.modulus, bone.transverse_modulus
    if cortex is not None:
        axial, transverse = cortex.spread(mesh, np.ones(len(mesh.facets))).mixed(axial, transverse)
    own = ElasticMaterial.transversely_isotropic(axial, transverse, bone.poisson_ratio)
    specimen = prepare_specimen(case, laws, other, mesh, (), cortex)
    above = case.mechanics.neighbour == "above"
    near, far = reversed(DISC_PLATES) if above else DISC_PLATES
    return Neighbour(
        level=other.level,
        frame=other.frame,
        specimen=specimen,
        material=specimen.material(own, own, lambda _: own),
        near=near,
        far=far,
        facing=ENDPLATES[1 if above else 0],
        giving=DISC_PLATES[0 if above else 1],
    )


def _level(level: str, side: str) -> str:
    """The level above or below another in a spine of the usual counts: twelve thoracic, five lumbar vertebrae."""
    usual = [name for name in LEVELS if name not in ("T13", "L6")]
    place = usual.index(level) + (-1 if side == "above" else 1) if level in usual else -1
    if not 0 <= place < len(usual):
        raise InputError(
            f'mechanics.neighbour = "{side}": there is no vertebra {side} {level} that could be told by its name; '
            "remove neighbour"
        )
    return usual[place]
