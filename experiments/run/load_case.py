"""One load on the specimen as it was and with its cement: fields, who carries it, and an estimate of strength."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from experiments.case.units import to_clinical
from experiments.results.parts.load import (
    LoadShareResults,
    NeighbourLoad,
    PeakStrain,
    PeakStress,
    StateLoad,
)
from experiments.results.parts.strength import StateStrength
from experiments.run.load_curves import curve_results
from experiments.run.load_results import peaks, pressure_results
from fem.measures.fill import FRONT_SATURATION
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.endplate_pressure import endplate_pressure
from fem.mechanics.load_curve import LoadCurve
from fem.mechanics.load_share import load_share
from fem.mechanics.rigid_body import fitted_motion
from fem.mechanics.strength import failure_factor
from fem.mechanics.stress import ElasticFields
from materials.strength import OverstrainedVolume
from meshes.cortex import VERTICAL_WALLS
from meshes.data_set_file import save
from meshes.frame import AnatomicalFrame
from meshes.tetmesh import ENDPLATES, TetMesh
from meshes.whole_vertebra import ARCH

if TYPE_CHECKING:
    import pyvista

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

CORTEX_DEPTH = 2.0
"""mm from a bony wall down to which bone counts as cortex in the shares of the load: the CT smears a shell of about
0.4 mm over it (tag D). A depth, other than a threshold of HU, means the same in every scan and mesh."""


@dataclass(frozen=True)
class SpecimenParts:
    """What the cells of the specimen's bone are; every cell is one of the four.

    Attributes:
        cement: (cells,) more than half full of cement.
        cortex: (cells,) of the body within :data:`CORTEX_DEPTH` of a wall, without cement.
        cancellous: (cells,) all other cells of the body, those of lesions and cavities included.
        arch: (cells,) of the arch; none on the body alone.
        sound: (cells,) cortex and cancellous bone of the body outside of lytic lesions and cavities.
    """

    cement: Mask
    cortex: Mask
    cancellous: Mask
    arch: Mask
    sound: Mask

    @classmethod
    def of(cls, mesh: TetMesh, saturation: FloatArray, lost: Mask) -> SpecimenParts:
        """Tell the parts apart.

        Args:
            mesh: the bone of the specimen, in its anatomical frame.
            saturation: (cells,) cement saturation.
            lost: (cells,) in a lytic lesion or a cavity.
        """
        arch = np.zeros(len(mesh.cells), dtype=bool)
        arch[mesh.cell_regions.get(ARCH, np.empty(0, dtype=np.int64))] = True
        cement = saturation > FRONT_SATURATION
        walls = np.concatenate([mesh.facet_regions[name] for name in VERTICAL_WALLS])
        depth, _ = cKDTree(mesh.facet_centroids[walls]).query(mesh.cell_centroids)
        body = ~cement & ~arch
        cortex = body & (depth < CORTEX_DEPTH)
        return cls(cement, cortex, body & ~cortex, arch & ~cement, body & ~lost)

    @property
    def carriers(self) -> dict[str, Mask]:
        """Name -> cells of the parts that share the load."""
        carriers = {"cortex": self.cortex, "cancellous": self.cancellous, "cement": self.cement}
        return {**carriers, ARCH: self.arch} if self.arch.any() else carriers


@dataclass(frozen=True)
class LoadedState:
    """The specimen's bone under the load, with or without cement.

    Attributes:
        fields: strain, stress and energy.
        effective_strain: (cells,) see :meth:`fem.mechanics.stress.ElasticFields.effective_strain`.
        parts: what the cells are.
        plastic_strain: (cells,) equivalent plastic strain at the end of the load curve; None without one.
        neighbour: what the neighbouring vertebra bears; None where none is loaded.
    """

    fields: ElasticFields
    effective_strain: FloatArray
    parts: SpecimenParts
    plastic_strain: FloatArray | None = None
    neighbour: NeighbourLoad | None = None

    @classmethod
    def of(cls, mesh: TetMesh, fields: ElasticFields, material: ElasticMaterial, parts: SpecimenParts) -> LoadedState:
        """Leave out what comes after the bone.

        Args:
            mesh: the bone of the specimen, whose points and cells are the first of the whole mesh.
            fields: on the whole mesh.
            material: of the whole mesh.
            parts: of the bone.
        """
        points, cells = len(mesh.points), len(mesh.cells)
        return cls(fields.first(points, cells), fields.effective_strain(material)[:cells], parts)


@dataclass(frozen=True)
class LoadedBone:
    """The bone of one specimen in its states under the same load; discs on it are left out.

    Attributes:
        mesh: in the anatomical frame.
        load: axial force in N.
        porosity: (cells,) of the bone.
        saturation: (cells,) cement of the augmented state.
        states: name of a state -> the bone in it; see :func:`experiments.model.elastic_states.elastic_states`.
    """

    mesh: TetMesh
    load: float
    porosity: FloatArray
    saturation: FloatArray
    states: Mapping[str, LoadedState]

    def results(self) -> dict[str, StateLoad]:
        """Name of a state -> its part of the results.

        Peaks are percentiles over the volume and the largest value of a cell, which depends on the size of the cells.
        """
        return {name: self._state_results(state) for name, state in self.states.items()}

    def strength(self, failure: OverstrainedVolume, curves: Mapping[str, LoadCurve]) -> dict[str, StateStrength]:
        """Name of a state -> its part of the results.

        Args:
            failure: the criterion of the linear estimate.
            curves: name of a state -> its load curve; empty without a non-linear solve.
        """
        volume = float(self.mesh.cell_volumes.sum())
        return {
            name: StateStrength(
                linear_n=self._linear_strength(state, failure),
                **(curve_results(curves[name], volume) if name in curves else {}),
            )
            for name, state in self.states.items()
        }

    def with_curves(self, curves: Mapping[str, LoadCurve]) -> LoadedBone:
        """The same with the plastic strain at the end of the load curves of its states."""
        cells = len(self.mesh.cells)
        states = dict(self.states)
        for name in states.keys() & curves.keys():
            if (strain := curves[name].plastic_strain) is not None:
                states[name] = replace(states[name], plastic_strain=strain[:cells])
        return replace(self, states=states)

    def _state_results(self, loaded: LoadedState) -> StateLoad:
        volumes = self.mesh.cell_volumes
        fields, parts = loaded.fields, loaded.parts
        shares = load_share(self.mesh, fields.stress, parts.carriers)
        von_mises = fields.von_mises
        places = {"bone": np.flatnonzero(parts.sound), "cement": np.flatnonzero(parts.cement)}
        places |= {name: np.unique(self.mesh.facet_cells[self.mesh.facet_regions[name]]) for name in ENDPLATES}
        motion = _endplate_motion(self.mesh, fields.displacement)
        return StateLoad(
            shortening_mm=-float(motion[2]),
            tilt_forward_deg=to_clinical(float(motion[3]), "deg"),
            tilt_left_deg=to_clinical(float(motion[4]), "deg"),
            strain_energy_mj=float(fields.energy_density @ volumes),
            von_mises_mpa={
                name: PeakStress(**peaks(von_mises[cells], volumes[cells]))
                for name, cells in places.items()
                if len(cells)
            },
            bone_effective_strain=(
                PeakStrain(**peaks(loaded.effective_strain[parts.sound], volumes[parts.sound]))
                if parts.sound.any()
                else None
            ),
            load_share=LoadShareResults(
                height=shares.levels.tolist(), **{name: share.tolist() for name, share in shares.shares.items()}
            ),
            endplate_pressure={
                name: pressure_results(endplate_pressure(self.mesh, fields.stress, name)) for name in ENDPLATES
            },
            **({} if loaded.neighbour is None else {"neighbour": loaded.neighbour}),
        )

    def _linear_strength(self, loaded: LoadedState, failure: OverstrainedVolume) -> float | None:
        """Axial force in N at which the criterion holds; None where cement leaves no bone."""
        sound = loaded.parts.sound
        if not sound.any():
            return None
        tissue = self.mesh.cell_volumes * (1.0 - self.porosity)
        return self.load * failure_factor(loaded.effective_strain[sound], tissue[sound], failure)

    def write(self, path: Path, frame: AnatomicalFrame) -> None:
        """Write :meth:`grid` as VTU, in the scanner's LPS mm."""
        grid = self.grid()
        grid.points = frame.to_scanner(self.mesh.points)
        for name in grid.point_data:
            grid.point_data[name] = (grid.point_data[name] @ frame.axes).astype(np.float32)
        save(grid, path)

    def grid(self) -> pyvista.UnstructuredGrid:
        """Displacements at the points and cell fields of all states, in the anatomical frame."""
        from experiments.results.grids import volume_of

        cells: dict[str, NDArray[Any]] = {"saturation": self.saturation.astype(np.float32)}
        points: dict[str, NDArray[Any]] = {}
        for state, loaded in self.states.items():
            fields = loaded.fields
            values = {
                f"von_mises_{state}_mpa": fields.von_mises,
                f"principal_stress_{state}_mpa": fields.principal_stresses,
                f"principal_strain_{state}": fields.principal_strains,
                f"effective_strain_{state}": loaded.effective_strain,
                f"strain_energy_density_{state}_mj_per_mm3": fields.energy_density,
            }
            if loaded.plastic_strain is not None:
                values[f"plastic_strain_{state}"] = loaded.plastic_strain
            cells |= {name: value.astype(np.float32) for name, value in values.items()}
            parts = np.select(list(loaded.parts.carriers.values()), range(len(loaded.parts.carriers)))
            cells[f"part_{state}"] = parts.astype(np.int32)
            points[f"displacement_{state}_mm"] = fields.displacement
        grid = volume_of(self.mesh, cells)
        for name, value in points.items():
            grid.point_data[name] = value
        return grid


def _endplate_motion(mesh: TetMesh, displacement: FloatArray) -> FloatArray:
    """(6,) rigid motion in mm and rad of the superior endplate against the inferior one; translations are means."""
    motions = []
    for facets in (mesh.facet_regions[name] for name in ENDPLATES):
        means = displacement[mesh.facets[facets]].mean(axis=1)
        motions.append(fitted_motion(mesh.facet_centroids[facets], means, mesh.facet_areas[facets]))
    return motions[0] - motions[1]
