"""What a run gives back, and how it is written: numbers, fields over time and pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.case.schema import Case
from experiments.case.units import to_clinical
from experiments.export.nifti import write_nifti
from experiments.model.fractured_body import FracturedBody
from experiments.model.needle_paths import NeedlePath
from experiments.model.preparation import InjectionSetup
from experiments.model.prescribed_cement import PrescribedField
from experiments.model.region_numbers import cell_numbers, facet_numbers
from experiments.model.tissues import TissueMap
from experiments.results.fields import FieldSeries
from experiments.results.finished_case import FIELDS, MECHANICS, MECHANICS_BEFORE, SCAN, SURFACE, VEIN_CEMENT, VEINS
from experiments.results.parts.manifest import Manifest
from experiments.results.parts.networks import NetworkShares
from experiments.results.parts.results import Results
from experiments.results.vein_cement import write_vein_cement
from experiments.run.heat_output import HeatOutcome
from experiments.run.load_case import LoadedBone
from fem.injection.history import FieldSnapshot
from materials.bone import BoneField
from meshes.data_set_file import save
from meshes.tetmesh import TetMesh
from meshes.vein_file import write_veins
from meshes.vein_network import VeinNetwork
from meshes.vertebra import Vertebra


@dataclass(frozen=True)
class CaseOutcome:
    """A finished run.

    Attributes:
        case: what was asked.
        vertebra: the patient's vertebra.
        mesh: mesh of its body in the anatomical frame.
        bone: bone of every cell, as the CT shows it.
        tissues: what flow and mechanics were computed with, lesions, cavities and veins included.
        cement: what was injected, or the cement that was there already.
        saturation: (cells,) cement at the end.
        veins: the network of veins in the body; None without one.
        snapshots: fields at the output times, the start first; empty on ranks other than 0 and without an injection.
        loaded: the bone under the load of the mechanics; None on ranks other than 0 and without mechanics.
        fractured: how the body was broken; None where it was not.
        loaded_before: the same of the body before its fracture; None also where it was not broken.
        results: content of ``results.json``.
        manifest: content of ``manifest.json``.
        heat: temperatures; None where they are not asked for.
    """

    case: Case
    vertebra: Vertebra
    mesh: TetMesh
    bone: BoneField
    tissues: TissueMap
    cement: InjectionSetup | PrescribedField
    saturation: NDArray[np.float64]
    veins: VeinNetwork | None
    snapshots: tuple[FieldSnapshot, ...]
    loaded: LoadedBone | None
    fractured: FracturedBody | None
    loaded_before: LoadedBone | None
    results: Results
    manifest: Manifest
    heat: HeatOutcome | None = None

    @property
    def paths(self) -> tuple[NeedlePath, ...]:
        """The way of each needle; none where the cement is prescribed."""
        return self.cement.paths if isinstance(self.cement, InjectionSetup) else ()

    def with_networks(self, networks: NetworkShares) -> CaseOutcome:
        """The same with what many networks of veins leak beside this one.

        Raises:
            ValueError: nothing was injected.
        """
        if self.results.injection is None:
            raise ValueError("there are no leaks of networks without an injection")
        injection = self.results.injection.with_values(networks=networks)
        return replace(self, results=self.results.with_values(injection=injection))

    def write(self, folder: Path) -> None:
        """Write fields over time, the body's surface, the CT around it and the loaded bone, in the scanner's LPS mm."""
        self._write_fields(folder / FIELDS)
        self._write_surface(folder / SURFACE)
        if self.veins is not None:
            write_veins(folder / VEINS, self.veins, self.vertebra.frame)
            fillings = [shot.vein_filling for shot in self.snapshots if shot.vein_filling is not None]
            write_vein_cement(folder / VEIN_CEMENT, self.veins, self.vertebra.frame, fillings)
        ct = self.vertebra.ct
        write_nifti(folder / SCAN, replace(ct, values=ct.values.round().astype(np.int16)))
        if self.heat is not None:
            self.heat.write(folder, self.vertebra.frame)
        if self.loaded is not None:
            self.loaded.write(folder / MECHANICS, self.vertebra.frame)
        if self.loaded_before is not None and self.fractured is not None:
            self.loaded_before.write(folder / MECHANICS_BEFORE, self.fractured.before.frame)

    def _write_fields(self, path: Path) -> None:
        frame, medium = self.vertebra.frame, self.tissues.medium
        static: dict[str, ArrayLike] = {
            "bmd_mg_per_cm3": to_clinical(1.0, "mg/cm3") * self.bone.bmd,
            "porosity": medium.porosity,
            "permeability_axial_m2": to_clinical(1.0, "m2") * medium.permeability[:, 2, 2],
            "permeability_transverse_m2": to_clinical(1.0, "m2") * medium.permeability[:, 0, 0],
            "modulus_mpa": self.tissues.modulus.mean(axis=1),
            **cell_numbers(self.mesh, self.tissues),
        }
        with FieldSeries(path, frame.to_scanner(self.mesh.points), self.mesh.cells, static) as series:
            if isinstance(self.cement, PrescribedField):
                series.append(0.0, {"saturation": self.saturation})
            for snapshot in self.snapshots:
                series.append(
                    snapshot.record.time,
                    {
                        "saturation": snapshot.saturation,
                        "pressure_kpa": to_clinical(1.0, "kPa") * snapshot.pressure,
                        "darcy_velocity_mm_per_s": snapshot.velocity @ frame.axes,
                        **{f"share_{name}": share for name, share in snapshot.fluids.items()},
                    },
                )

    def _write_surface(self, path: Path) -> None:
        from experiments.results.grids import surface_of

        site = self.cement.walls.site if isinstance(self.cement, InjectionSetup) else None
        surface = surface_of(self.mesh)
        surface.points = self.vertebra.frame.to_scanner(self.mesh.points)
        for name, numbers in facet_numbers(self.mesh, site).items():
            surface.cell_data[name] = numbers
        save(surface, path)
