"""The cortical shell of the body despite partial volume: as the voxels blur it, or as a layer of its own.

With ``cortex = "shell"`` walls and endplates carry a shell whose thickness follows from the mineral per area that the
CT shows, and the voxels that hold the blurred shell take the density of the bone behind them, so that no bone counts
twice. The shell is spread over the first millimetres of bone below the surface and mixes with it, side by side in its
plane, one behind the other across it; at the rim walls and endplates have theirs both, so that the walls stand on the
endplates as they do in a body. A membrane on the surface would be thinner than the shell is blurred, but follows
every kink between two facets, and its stiffness falls with the size of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from experiments.case.laws import Laws
from experiments.case.units import to_clinical
from experiments.model.fractured_body import FracturedBody
from experiments.model.tissues import anisotropy_of
from experiments.results.parts.solvers import CortexRecord
from fem.injection.walls import Opening
from fem.mechanics.integration import POINTS, integration_points
from materials.bone import BoneField
from materials.layered_bone import layered_moduli
from meshes.cortex import mineral_per_area
from meshes.interior import depth_inside, interior_values
from meshes.sampling import values_at
from meshes.surface import Surface, nearest_facets
from meshes.tetmesh import ENDPLATES, TetMesh
from meshes.vertebra import Vertebra
from meshes.wall_damage import SHELL_WALLS

LAYER_DEPTH = 3.0
"""mm below the surface over which the shell is spread: cells of 2 mm still see it, and bodies are large against it (tag
D)."""


@dataclass(frozen=True)
class ShellLayer:
    """One shell in the bone at the integration points of a mesh.

    Attributes:
        share: (cells, 4) of the volume that is shell.
        across: (cells, 4) square of the axial component of the shell's normal.
    """

    share: NDArray[np.float64]
    across: NDArray[np.float64]


@dataclass(frozen=True)
class SpreadShell:
    """The shells of walls and endplates in the bone; at the rim, where they meet, a point lies in both.

    Attributes:
        walls: that of the walls, which goes on to the endplates.
        endplates: that of both endplates, which lies across the axis and so in series with all below.
        modulus: Young's modulus of their bone in MPa.
    """

    walls: ShellLayer
    endplates: ShellLayer
    modulus: float

    def mixed(
        self, axial: NDArray[np.float64], transverse: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(cells, 4) moduli of bone and shells together in MPa, of those of the bone along the axis and across it."""
        for layer in (self.walls, self.endplates):
            axial, transverse = layered_moduli(axial, transverse, self.modulus, layer.share, layer.across)
        return axial, transverse


@dataclass(frozen=True)
class Cortex:
    """The shell of walls and endplates.

    Attributes:
        trabecular_density: BMD of the bone inside in g/cm3.
        thickness: wall or endplate -> thickness in mm.
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
        reach = float(laws.bone.blurred_shell.reach(vertebra.ct.spacing).max())
        depth = depth_inside(vertebra.body, vertebra.ct.spacing)
        # Half of the depth of a thin body always counts as its core, as in meshes.interior.
        inside = float(np.median(density[depth > min(reach, 0.5 * float(depth.max()))]))
        excess = mineral_per_area(mesh, vertebra, density, inside, reach)
        thickness = {wall: laws.cortical_bone.thickness(value, inside) for wall, value in excess.items()}
        given = {wall: shell.thickness for wall, shell in laws.own_shells.items() if wall in SHELL_WALLS}
        return cls(inside, thickness | given, laws.cortical_bone.modulus)

    def spread(self, mesh: TetMesh, left: NDArray[np.float64]) -> SpreadShell:
        """The shell in the bone of a mesh.

        At a depth z below a shell of thickness t the share of the volume is 2 t / d (1 - z / d), whose integral over
        the depth d of :data:`LAYER_DEPTH` is t; a shell thicker than half of that reaches 2 t deep.

        Args:
            mesh: the body or the whole vertebra with named facets.
            left: (facets,) share of the shell that is there.
        """
        points = integration_points(mesh).reshape(-1, 3)
        thickness = np.zeros(len(mesh.facets))
        for wall, value in self.thickness.items():
            thickness[mesh.facet_regions[wall]] = value
        thickness *= left
        plate = np.zeros(len(mesh.facets), dtype=bool)
        plate[np.concatenate([mesh.facet_regions[name] for name in ENDPLATES])] = True
        walls, endplates = (_layer(mesh, points, np.flatnonzero(rows), thickness) for rows in (~plate, plate))
        return SpreadShell(walls, endplates, self.modulus)

    def summary(self) -> CortexRecord:
        """What the manifest says about the shell."""
        return CortexRecord(
            trabecular_density_mg_per_cm3=to_clinical(self.trabecular_density, "mg/cm3"),
            thickness_mm=dict(self.thickness),
            modulus_mpa=self.modulus,
        )


def _layer(
    mesh: TetMesh, points: NDArray[np.float64], rows: NDArray[np.int64], thickness: NDArray[np.float64]
) -> ShellLayer:
    """The shell of some facets, by the nearest of them."""
    nearest, places = nearest_facets(Surface(mesh.points, mesh.facets[rows]), points)
    facets, shape = rows[nearest], (len(mesh.cells), POINTS)
    share = layer_share(np.linalg.norm(points - places, axis=1), thickness[facets])
    return ShellLayer(share.reshape(shape), (mesh.facet_normals[facets, 2] ** 2).reshape(shape))


def bone_of(
    laws: Laws,
    cortex: Cortex | None,
    vertebra: Vertebra,
    mesh: TetMesh,
    weights: csr_array,
    fractured: FracturedBody | None = None,
) -> BoneField:
    """Bone of every cell without the shell where that is a layer of its own; else as the averaged voxels show it.

    What a fracture has pressed together is dense without being shell: the inside is told from the shell in the body
    before, and moves with the bone.

    Args:
        laws: laws of the case.
        cortex: the shell as a layer of its own; None where the averaged voxels show it.
        vertebra: CT, mask and frame.
        mesh: the body or the whole vertebra with named facets.
        weights: (cells, voxels) share of each voxel in each cell.
        fractured: how the body was broken; None where it was not.
    """
    law, places = laws.bone, mesh.cell_centroids
    whole = vertebra if fractured is None else fractured.before
    interior = solid = interior_values(whole, law.material_length, law.blurred_shell.reach(whole.ct.spacing))
    if cortex is None:
        solid = interior_values(whole, law.material_length, np.zeros(3))
    if fractured is not None:
        same, interior = solid is interior, fractured.moved_values(interior)
        solid = interior if same else fractured.moved_values(solid)
        places = fractured.places_before(places)
    bearing = values_at(vertebra, solid, integration_points(mesh))
    bone = law.evaluate(vertebra.ct.values.ravel(), weights, bearing, mesh.cell_volumes, interior.ravel(), places)
    transverse = bone.modulus / anisotropy_of(laws, law.calibration.density(bearing))
    return replace(bone, transverse_modulus=transverse)


def layer_share(depth: NDArray[np.float64], thickness: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Share of the volume that is shell at a depth in mm below the surface of a shell of a thickness in mm."""
    reach = np.maximum(LAYER_DEPTH, 2.0 * np.asarray(thickness))  # at most all of the volume, at the surface
    return np.maximum(2.0 * thickness / reach * (1.0 - depth / reach), 0.0)


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
