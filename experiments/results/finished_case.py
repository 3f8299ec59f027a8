"""Finished cases: directories that hold all that a run writes, read back for pictures, comparisons and other programs.

Everything comes back in the anatomical frame, +x left, +y posterior, +z superior, in mm.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.results.fields import read_step, read_times
from experiments.results.format import check_format_version
from experiments.results.heat_map import HeatMap
from experiments.results.open_sites import Fields, OpenSite, around_exits, carrying, cement_through, left_through
from experiments.results.parts.injection import InjectionCourse, NeedleCourse
from experiments.results.parts.manifest import Manifest
from experiments.results.parts.results import Results
from experiments.results.store import is_whole
from experiments.results.vein_cement import VeinCement, read_vein_cement
from meshes.errors import InputError
from meshes.frame import AnatomicalFrame
from meshes.images.image import Image, canonical_image
from meshes.images.nifti import read_nifti
from meshes.images.units import IMAGE_UNITS, ImageUnits
from meshes.leak_sites import LEAK_SITES, SITES
from meshes.tetmesh import TetMesh
from meshes.vein_file import load_veins
from meshes.vein_network import VeinNetwork
from meshes.volume_mesh import tetmesh_from_arrays

if TYPE_CHECKING:
    import pyvista

FIELDS, SURFACE, SCAN, MECHANICS = "fields.vtkhdf", "surface.vtp", "ct.nii.gz", "mechanics.vtu"
"""Files of a case directory: fields over time, the body's boundary, the CT around the vertebra, and the loaded bone."""

MECHANICS_BEFORE = "mechanics_intact.vtu"
"""File of a case directory where the body was broken: the loaded bone before, whose only state is ``intact``."""

VEINS, VEIN_CEMENT = "veins.vtp", "vein_cement.vtp"
"""Files of a case directory where there is a network of veins: its lines, and how far cement fills them over time."""

HEAT_PEAK, HEAT_DAMAGE, HEAT_COURSE = "heat_peak.nii.gz", "heat_damage.nii.gz", "heat_course.nii.gz"
"""Files of a case directory with temperatures, on their voxels: highest in degrees Celsius, Arrhenius damage, and the
temperature over time."""

CEMENT, ROW = "cement.nii.gz", "measures.csv"
"""Files of the folder of a measured CT: the parts of its cement on the CT's voxels, and its numbers as one row."""

PICTURES, EXPORT = "pictures", "export"
"""Folders in a case directory."""


HIDDEN_TISSUES = ("bone", "basivertebral_channel", "compacted")
"""Beginnings of the names of tissues that are no inclusions: pictures do not show them."""


@dataclass(frozen=True)
class NeedlePose:
    """Where a needle lies.

    Attributes:
        tip: (3,) mm.
        direction: (3,) unit vector from the hub to the tip.
        diameter: outer diameter in mm.
    """

    tip: NDArray[np.float64]
    direction: NDArray[np.float64]
    diameter: float


@dataclass(frozen=True)
class Snapshot:
    """The cement at one time.

    Attributes:
        time_s: since the start of the injection.
        injected_ml: cement that has left the needles.
        saturation: (cells,) share of the pores that cement fills.
        in_veins: cement in the veins of a network; None without one.
    """

    time_s: float
    injected_ml: float
    saturation: NDArray[np.float64]
    in_veins: VeinCement | None = None

    @property
    def clock(self) -> str:
        """Time and volume as a title."""
        minutes, seconds = divmod(round(self.time_s), 60)
        return f"{minutes}:{seconds:02d} min, {self.injected_ml:.2f} ml injected"


@dataclass(frozen=True)
class FinishedCase:
    """A case directory.

    Attributes:
        name: what tables and pictures call it.
        folder: the directory.
        results: content of ``results.json``.
        manifest: content of ``manifest.json``.
    """

    name: str
    folder: Path
    results: Results
    manifest: Manifest

    @classmethod
    def read(cls, folder: str | PathLike[str], name: str | None = None) -> FinishedCase:
        """Read a case directory.

        Args:
            folder: the directory.
            name: what tables and pictures call it; the folder's own name by default.

        Raises:
            InputError: it is none, or not that of a run.
        """
        folder = Path(folder)
        content: Any = {}
        for part in ("manifest", "results"):
            path = folder / f"{part}.json"
            try:
                content[part] = json.loads(path.read_text(encoding="utf-8"))
                if not isinstance(content[part], dict):
                    raise ValueError(f"{path} holds no table")
            except (OSError, ValueError, RecursionError):
                raise InputError(
                    f"{folder}: holds no readable {path.name}; give the folder of a finished run"
                ) from None
        for part in content.values():
            check_format_version(folder, part, _code(content["manifest"]))
        if "fill" not in content["results"] or not (folder / FIELDS).is_file():
            raise InputError(f"{folder}: is not the folder of a finished run of a case; run the case again")
        try:
            found = cls(
                name or folder.resolve().name,
                folder,
                Results.model_validate(content["results"]),
                Manifest.model_validate(content["manifest"]),
            )
            files = ["results.json", FIELDS, SURFACE, SCAN, *([MECHANICS] if found.results.load is not None else [])]
            files += [MECHANICS_BEFORE] if found.has_bone_before else []
            files += [VEINS, VEIN_CEMENT] if found.results.veins is not None else []
            files += [CEMENT] if found.measured else []
            if not is_whole(folder, content["manifest"], files):
                raise ValueError("not as it was written")
        except (OSError, ValueError):
            raise InputError(
                f"{folder}: is damaged, was edited or comes from another version; run the case again"
            ) from None
        return found

    @property
    def identity(self) -> str:
        """SHA-256 of the case, its inputs and the code."""
        return self.manifest.identity.case

    @property
    def title(self) -> str:
        """The case file's own title, or the name."""
        return str(self.manifest.case["title"] or self.name)

    @property
    def injected(self) -> bool:
        """Whether cement was injected; otherwise the case file prescribed it, or it was measured."""
        return self.results.injection is not None

    @property
    def measured(self) -> bool:
        """Whether a post-operative CT was measured and nothing computed."""
        return self.results.scan is not None

    @cached_property
    def frame(self) -> AnatomicalFrame:
        """The anatomical frame of the body."""
        stored = self.manifest.frame
        matrix = np.array(stored.scanner_lps_mm_to_anatomical, dtype=float)
        axes = matrix[:3, :3]
        return AnatomicalFrame(-axes.T @ matrix[:3, 3], axes, np.array(stored.extents_mm), stored.method)

    @cached_property
    def mesh(self) -> TetMesh:
        """The body with its named facet regions and cell regions."""
        grid = read_step(self.folder / FIELDS, 0)
        cells = np.asarray(next(iter(grid.cells_dict.values())), dtype=np.int64)
        mesh = tetmesh_from_arrays(self.frame.to_frame(np.asarray(grid.points, dtype=float)), cells)
        return mesh.with_regions(
            self._named("facet_region", self._surface["facet_region"]),
            self._named("cell_region", grid.cell_data["cell_region"]),
        )

    def times(self) -> NDArray[np.float64]:
        """(steps,) times in s at which fields are stored, the start first."""
        return read_times(self.folder / FIELDS)

    def grid(self, step: int = -1) -> pyvista.UnstructuredGrid:
        """The body with its cell fields at one time, named with their units; negative steps count from the end.

        Raises:
            IndexError: there is no such step.
        """
        grid = read_step(self.folder / FIELDS, step)
        grid.points = self.frame.to_frame(np.asarray(grid.points, dtype=float))
        _turn(grid.cell_data, self.frame)
        return grid

    def saturation(self, step: int = -1) -> NDArray[np.float64]:
        """(cells,) share of the pores that cement fills at one time; negative steps count from the end."""
        return np.asarray(read_step(self.folder / FIELDS, step).cell_data["saturation"], dtype=float)

    def snapshot(self, step: int = -1) -> Snapshot:
        """The cement at one stored time of an injection; negative steps count from the end."""
        course, time = self.course, float(self.times()[step])
        injected = float(np.interp(time, course.time_s, course.injected_ml))
        return Snapshot(time, injected, self.saturation(step), self.vein_cement(step))

    def mechanics(self) -> pyvista.UnstructuredGrid | None:
        """The bone under the load, with displacements at its points and cell fields of all states on its mesh.

        None where the mechanics were switched off.
        """
        return None if self.results.load is None else self._loaded_bone(MECHANICS)

    @property
    def has_bone_before(self) -> bool:
        """Whether the state ``intact`` is another body than the one that was injected: that before its fracture."""
        return self.results.load is not None and self.results.fracture is not None

    def mechanics_before(self) -> pyvista.UnstructuredGrid | None:
        """The body before its fracture under the load, in the frame of the body after; None where there is none."""
        return self._loaded_bone(MECHANICS_BEFORE) if self.has_bone_before else None

    def _loaded_bone(self, name: str) -> pyvista.UnstructuredGrid:
        import pyvista

        grid = pyvista.UnstructuredGrid(self.folder / name)
        grid.points = self.frame.to_frame(np.asarray(grid.points, dtype=float))
        _turn(grid.point_data, self.frame)
        return grid

    def ct(self) -> Image:
        """What lies around the vertebra on the voxels of its CT, in the scanner's LPS mm."""
        path = self.folder / SCAN
        volume = read_nifti(path, "CT")
        return canonical_image(volume.values, volume.affine, path)

    def heat_map(self, file: str = HEAT_PEAK) -> HeatMap:
        """Highest temperatures in degrees Celsius, or Arrhenius damage from :data:`HEAT_DAMAGE`."""
        volume = read_nifti(self.folder / file, "heat")
        return HeatMap(canonical_image(volume.values, volume.affine, self.folder / file))

    def heat_course(self) -> tuple[list[HeatMap], float]:
        """Temperatures at even times from the start of the injection on, and the s between them."""
        import nibabel as nib

        file = nib.nifti1.Nifti1Image.from_filename(self.folder / HEAT_COURSE)
        values, affine = np.asarray(file.dataobj), np.asarray(file.affine)
        maps = [
            HeatMap(canonical_image(values[..., number], affine, self.folder / HEAT_COURSE))
            for number in range(values.shape[-1])
        ]
        return maps, float(file.header.get_zooms()[3])

    def scanned_cement(self) -> dict[str, NDArray[np.bool_]]:
        """Part of the cement of a measured CT -> its voxels on :meth:`ct`: ``body``, and every site where any lies."""
        if not self.measured or self.manifest.regions.cement is None:
            return {}
        path = self.folder / CEMENT
        volume = read_nifti(path, "cement")
        labels = canonical_image(volume.values, volume.affine, path).values
        found = {name: labels == number for name, number in self.manifest.regions.cement.items()}
        return {name: voxels for name, voxels in found.items() if voxels.any()}

    @property
    def image_units(self) -> ImageUnits:
        """What the values of the CT count."""
        return IMAGE_UNITS[self.manifest.case["bone"].get("units", "hu")]

    def needles(self) -> list[NeedlePose]:
        """Where the needles lie; none where the cement is prescribed."""
        return [
            NeedlePose(np.array(needle.tip_mm), np.array(needle.direction), needle.outer_diameter_mm)
            for needle in self.manifest.needles or ()
        ]

    @property
    def course(self) -> InjectionCourse:
        """The injection at every moment.

        Raises:
            ValueError: the cement is prescribed.
        """
        if self.results.injection is None:
            raise ValueError("nothing was injected in this case")
        return self.results.injection.course

    def needle_courses(self) -> dict[str, NeedleCourse]:
        """Needle, named by its side, -> its course: pressures, rate and volume at the times of the course of all."""
        sides = [needle.side for needle in self.manifest.needles or ()]
        names = [side if sides.count(side) == 1 else f"{side} ({i + 1})" for i, side in enumerate(sides)]
        return dict(zip(names, self.course.needles, strict=True))

    def leak_sites(self) -> list[OpenSite]:
        """The open parts of the wall, as :data:`meshes.leak_sites.SITES` orders them; none with prescribed cement.

        Where veins of a network leave, the facets around their ends stand for them.
        """
        if self.results.injection is None:
            return []
        facets, leaks = self._named("site", self._surface["site"]), self.results.injection.leaks
        spots = {site: carrying(of_site, self._through) for site, of_site in facets.items() if site in leaks}
        if (veins := self.veins()) is not None:
            for site, ends in around_exits(self.mesh, veins).items():
                facets[site] = np.union1d(facets[site], ends)
            cement = self.vein_cement()
            left = left_through(veins, cement) if cement is not None else set()
            for site, ends in around_exits(self.mesh, veins, left).items():
                spots[site] = np.union1d(spots[site], ends)
        return [
            OpenSite(
                site,
                LEAK_SITES[site].leak_class,
                facets[site],
                leaks[site].volume_ml,
                spots[site] if len(spots[site]) else None,
            )
            for site in SITES
            if len(facets[site])
        ]

    @cached_property
    def _through(self) -> NDArray[np.float64]:
        """(facets,) of the mesh: see :func:`experiments.results.open_sites.cement_through`."""

        def fields() -> Iterator[Fields]:
            for step, time in enumerate(self.times()):
                cells = self.grid(step).cell_data
                yield float(time), np.asarray(cells["saturation"]), np.asarray(cells["darcy_velocity_mm_per_s"])

        return cement_through(self.mesh, fields())

    def inclusions(self) -> dict[str, NDArray[np.int64]]:
        """Name of a lesion, cleft, cavity or defect -> indices of its cells."""
        tissue = read_step(self.folder / FIELDS, 0).cell_data["tissue"]
        return inclusions_among(self._named("tissue", tissue))

    def veins(self) -> VeinNetwork | None:
        """The network of veins in the body; None without one."""
        return None if self.results.veins is None else load_veins(self.folder / VEINS, self.frame)

    def vein_cement(self, step: int = -1) -> VeinCement | None:
        """The cement in the veins of a network at one time; negative steps count from the end; None without one."""
        if self.results.veins is None:
            return None
        return read_vein_cement(self.folder / VEIN_CEMENT, self.frame, range(len(self.times()))[step])

    @cached_property
    def _surface(self) -> Any:
        import pyvista

        return pyvista.PolyData(self.folder / SURFACE).cell_data

    def _named(self, array: str, numbers: Any) -> dict[str, NDArray[np.int64]]:
        """Name -> where its number stands, in the order of the numbers that the manifest lists."""
        listed: Mapping[str, int] = getattr(self.manifest.regions, array)
        return {
            name: np.flatnonzero(np.asarray(numbers) == listed[name]) for name in sorted(listed, key=listed.__getitem__)
        }


def inclusions_among(tissues: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """The tissues that pictures show: lesions, clefts, cavities and defects, of those that have any cells."""
    return {name: cells for name, cells in tissues.items() if len(cells) and not name.startswith(HIDDEN_TISSUES)}


def _code(manifest: Mapping[str, Any]) -> Any:
    """Version of the software that wrote a manifest; None where it does not say."""
    identity = manifest.get("identity")
    return identity.get("code") if isinstance(identity, Mapping) else manifest.get("code")


def _turn(data: Any, frame: AnatomicalFrame) -> None:
    """Turn all vectors from the scanner's axes into those of the anatomical frame; other triples are no vectors."""
    for name in data:
        if name.startswith(("darcy_velocity", "displacement")):
            data[name] = np.asarray(data[name]) @ frame.axes.T
