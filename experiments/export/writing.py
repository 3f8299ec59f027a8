"""Writes a finished case in the formats of other programs, in the scanner's LPS mm."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import chdir
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from shutil import copyfile
from xml.etree import ElementTree

import meshio
import numpy as np
import pyvista

from experiments.export.nifti import saturation_on_scan, write_nifti
from experiments.export.segmentation import segments_of, write_segmentation
from experiments.export.surfaces import cement_body, front
from experiments.results.fields import read_step
from experiments.results.finished_case import FIELDS, VEIN_CEMENT, VEINS, FinishedCase
from meshes.data_set_file import save
from meshes.line_markup import write_line

SHAFT_SHOWN = 80.0
"""mm of a needle that its line shows: from its tip to about the skin of the back (tag D)."""


class Format(StrEnum):
    """A format of other programs."""

    VTU = "vtu"
    XDMF = "xdmf"
    STL = "stl"
    NIFTI = "nifti"
    SLICER = "slicer"


def export(case: FinishedCase, folder: Path, formats: Sequence[Format] = tuple(Format)) -> None:
    """Write a case in a folder, which is made.

    Args:
        case: the finished case.
        folder: to write.
        formats: which ones.
    """
    folder.mkdir()
    placed = replace(case, folder=case.folder.resolve())
    for chosen in formats:
        WRITERS[chosen](placed, folder)


def _write_vtu(case: FinishedCase, folder: Path) -> None:
    """``fields_000.vtu`` and so on, one file for each stored time, ``fields.pvd`` with their times, and the veins."""
    if case.results.veins is not None:
        for name in (VEINS, VEIN_CEMENT):
            copyfile(case.folder / name, folder / name)
    root = ElementTree.Element("VTKFile", type="Collection", version="0.1")
    collection = ElementTree.SubElement(root, "Collection")
    for step, time in enumerate(case.times()):
        name = f"fields_{step:03d}.vtu"
        save(_stored(case, step), folder / name)
        ElementTree.SubElement(collection, "DataSet", timestep=repr(float(time)), file=name)
    ElementTree.ElementTree(root).write(folder / "fields.pvd", encoding="utf-8", xml_declaration=True)


def _write_xdmf(case: FinishedCase, folder: Path) -> None:
    """``fields.xdmf`` with all stored times, and its numbers in ``fields.h5``."""
    first = _stored(case, 0)
    cells = [("tetra", np.asarray(next(iter(first.cells_dict.values()))))]
    # meshio puts the numbers into the current folder, wherever the XDMF file is
    with chdir(folder), meshio.xdmf.TimeSeriesWriter("fields.xdmf") as writer:
        writer.write_points_cells(np.asarray(first.points), cells)
        for step, time in enumerate(case.times()):
            grid = _stored(case, step)
            writer.write_data(time, cell_data={name: [np.asarray(grid.cell_data[name])] for name in grid.cell_data})


def _write_stl(case: FinishedCase, folder: Path) -> None:
    """``cement.stl``, closed, and ``front.stl``, at the end; neither where there is no cement."""
    for name, surface in (("cement", cement_body(case)), ("front", front(case))):
        if surface.n_cells:
            surface.points = case.frame.to_scanner(np.asarray(surface.points, dtype=float))
            save(surface, folder / f"{name}.stl")


def _write_nifti(case: FinishedCase, folder: Path) -> None:
    """``saturation.nii.gz`` at the end, on the voxels of the CT."""
    write_nifti(folder / "saturation.nii.gz", saturation_on_scan(case), "saturation")


def _write_slicer(case: FinishedCase, folder: Path) -> None:
    """``segmentation.seg.nrrd`` at the end, and ``needle_1.mrk.json`` and so on, from behind the body to the tip."""
    write_segmentation(folder / "segmentation.seg.nrrd", segments_of(case), case.ct())
    for number, needle in enumerate(case.needles(), 1):
        ends = np.stack([needle.tip - SHAFT_SHOWN * needle.direction, needle.tip])
        write_line(folder / f"needle_{number}.mrk.json", case.frame.to_scanner(ends), ("entry", "tip"))


WRITERS = {
    Format.VTU: _write_vtu,
    Format.XDMF: _write_xdmf,
    Format.STL: _write_stl,
    Format.NIFTI: _write_nifti,
    Format.SLICER: _write_slicer,
}


def _stored(case: FinishedCase, step: int) -> pyvista.UnstructuredGrid:
    return read_step(case.folder / FIELDS, step)
