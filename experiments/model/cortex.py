"""The cortical shell of the body despite partial volume: as the voxels blur it, or as a membrane of its own.

With ``cortex = "shell"`` the vertical walls carry a membrane whose thickness follows from the mineral per area that the
CT shows, and the density of the voxels that hold the blurred shell is limited to that of the bone inside, so that no
bone counts twice. The endplates stay as the voxels show them: they are loaded across their thickness, where a membrane
does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from experiments.case.laws import Laws
from experiments.case.units import to_clinical
from experiments.model.fractured_body import FracturedBody
from experiments.results.parts.solvers import CortexRecord
from fem.injection.walls import Opening
from fem.mechanics.membrane import Membrane
from materials.bone import BoneField
from meshes.cortex import VERTICAL_WALLS, cells_in_reach, cortex_reach, mineral_per_area
from meshes.interior import interior_values
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra


@dataclass(frozen=True)
class Cortex:
    """The shell of the vertical walls.

    Attributes:
        trabecular_density: BMD of the bone inside in g/cm3.
        thickness: wall -> thickness in mm.
        modulus: Young's modulus of the shell's bone in MPa.
    """

    trabecular_density: float
    thickness: Mapping[str, float]
    modulus: float

    @classmethod
    def measured(cls, laws: Laws, vertebra: Vertebra, mesh: TetMesh) -> Cortex | None:
        """The shell that the CT shows; None where the case leaves it to the voxels.

        Walls whose thickness the case file gives have that.

        Args:
            laws: laws of the case.
            vertebra: CT, mask and frame.
            mesh: its body with named facets.
        """
        if laws.cortical_bone is None:
            return None
        density = laws.bone.calibration.density(vertebra.ct.values)
        reach = cortex_reach(vertebra)
        depth = ndimage.distance_transform_edt(vertebra.body, sampling=vertebra.ct.spacing)
        inside = float(np.median(density[depth > reach]))
        excess = mineral_per_area(mesh, vertebra, density, inside, reach)
        thickness = {wall: laws.cortical_bone.thickness(value, inside) for wall, value in excess.items()}
        given = {wall: shell.thickness for wall, shell in laws.own_shells.items() if wall in VERTICAL_WALLS}
        modulus = float(laws.bone.modulus.modulus(np.array(laws.cortical_bone.density)))
        return cls(inside, thickness | given, modulus)

    def membrane(self, mesh: TetMesh, poisson_ratio: float, share: NDArray[np.float64]) -> Membrane:
        """The shell as a membrane.

        Args:
            mesh: what is loaded, with named facets.
            poisson_ratio: of the shell's bone.
            share: (facets,) of the shell that is there.
        """
        stiffness = np.zeros(len(mesh.facets))
        for wall, thickness in self.thickness.items():
            stiffness[mesh.facet_regions[wall]] = self.modulus * thickness
        return Membrane(stiffness * share, poisson_ratio)

    def summary(self) -> CortexRecord:
        """What the manifest says about the shell."""
        return CortexRecord(
            trabecular_density_mg_per_cm3=to_clinical(self.trabecular_density, "mg/cm3"),
            thickness_mm=dict(self.thickness),
            modulus_mpa=self.modulus,
        )


def bone_of(
    laws: Laws,
    cortex: Cortex | None,
    vertebra: Vertebra,
    mesh: TetMesh,
    weights: csr_array,
    fractured: FracturedBody | None = None,
) -> BoneField:
    """Bone of every cell: the inside for the flow, the CT for the modulus, without the shell where that is a membrane.

    What a fracture has pressed together is dense without being shell: the inside is told from the shell in the body
    before, and moves with the bone.

    Args:
        laws: laws of the case.
        cortex: the shell as a membrane, or None.
        vertebra: CT, mask and frame.
        mesh: the body or the whole vertebra with named facets.
        weights: (cells, voxels) share of each voxel in each cell.
        fractured: how the body was broken; None where it was not.
    """
    hounsfield, law, places = vertebra.ct.values.ravel(), laws.bone, mesh.cell_centroids
    whole = vertebra if fractured is None else fractured.before
    interior = interior_values(whole, law.material_length, law.blurred_shell.reach(whole.ct.spacing))
    if fractured is not None:
        interior, places = fractured.moved_values(interior), fractured.places_before(places)
    bone = law.evaluate(hounsfield, weights, mesh.cell_volumes, interior.ravel(), places)
    if cortex is None:
        return bone
    inside = np.full(vertebra.ct.values.shape, law.calibration.image_value(cortex.trabecular_density))
    if fractured is not None:
        inside = fractured.moved_values(inside)
    limited = law.calibration.density(np.minimum(hounsfield, inside.ravel()))
    reached = cells_in_reach(mesh, cortex_reach(vertebra))
    return replace(bone, modulus=np.where(reached, weights @ law.modulus.modulus(limited), bone.modulus))


def shell_left(body: TetMesh, openings: tuple[Opening, ...], mesh: TetMesh) -> NDArray[np.float64]:
    """(facets,) share of the shell that openings leave.

    Args:
        body: mesh of the body, whose facets the openings name.
        openings: in its walls.
        mesh: the body or what is built on it; each facet takes the share of the nearest one of the body.
    """
    share = np.ones(len(body.facets))
    for opening in openings:
        share[opening.facets] = max(0.0, 1.0 - opening.area / float(body.facet_areas[opening.facets].sum()))
    return share[cKDTree(body.facet_centroids).query(mesh.facet_centroids)[1]]
