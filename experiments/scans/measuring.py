"""From the files of a post-operative CT to the folder with its measures, written whole or not at all."""

from __future__ import annotations

import csv
import resource
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.case.identity import case_identity
from experiments.case.input_files import input_files
from experiments.case.keys import key_values
from experiments.case.schema import Case
from experiments.case.sections.base import Side
from experiments.export.nifti import write_nifti
from experiments.model.patient import read_patient
from experiments.model.region_numbers import BODY, facet_numbers, mesh_numbers, scan_numbers
from experiments.results.builders import mesh_results
from experiments.results.fields import FieldSeries
from experiments.results.finished_case import CEMENT, FIELDS, PICTURES, ROW, SCAN, SURFACE, FinishedCase
from experiments.results.format import FORMAT_VERSION
from experiments.results.grids import surface_of
from experiments.results.parts.manifest import FrameRecord, Identity, Manifest, PatientRecord, RegionNumbers
from experiments.results.parts.results import Results
from experiments.results.parts.solvers import SolverRecords
from experiments.results.progress import Progress
from experiments.results.store import case_directory, check_target, write_manifest, write_results
from experiments.run.environment import command, now, versions
from experiments.scans.artefacts import scan_warnings
from experiments.scans.before import before_results
from experiments.scans.filling import fill_results
from experiments.scans.heights import scanned_heights
from experiments.scans.leaks import OutsideCement, find_leaks
from experiments.scans.measures import leak_results, scan_results
from experiments.scans.postoperative import PostoperativeScan, read_scan
from experiments.scans.volumetry import volumetry_results
from meshes.data_set_file import save
from meshes.quality import measure_quality
from meshes.sampling import voxel_weights

EXPECTED_SECONDS = {"read": 5.0, "measure": 2.0, "pictures": 5.0, "report": 3.0}


@dataclass(frozen=True)
class Measured:
    """A post-operative CT with all that was measured in it.

    Attributes:
        case: what was asked: patient and cement.
        scan: vertebra and cement.
        outside: cement outside of the body.
        results: content of ``results.json``.
        manifest: content of ``manifest.json``.
    """

    case: Case
    scan: PostoperativeScan
    outside: OutsideCement
    results: Results
    manifest: Manifest

    def labels(self) -> NDArray[np.uint8]:
        """(nx, ny, nz) numbers of the parts of the cement, 0 elsewhere."""
        numbers = scan_numbers(self.scan.mesh)["cement"]
        labels = np.where(self.scan.inside, numbers[BODY], 0).astype(np.uint8)
        for leak in self.outside.leaks:
            labels[tuple(leak.voxels.T)] = numbers[leak.site]
        return labels

    def write(self, folder: Path) -> None:
        """Write the CT, the parts of its cement, and the body with cement and CT numbers, in the scanner's LPS mm."""
        vertebra, mesh = self.scan.vertebra, self.scan.mesh
        write_nifti(folder / SCAN, replace(vertebra.ct, values=vertebra.ct.values.round().astype(np.int16)))
        write_nifti(folder / CEMENT, replace(vertebra.ct, values=self.labels()), "cement")
        weights, points = voxel_weights(mesh, vertebra), vertebra.frame.to_scanner(mesh.points)
        static = {
            "ct_number_hu": weights @ vertebra.ct.values.ravel().astype(float),
            "cell_region": mesh_numbers(mesh)["cell_region"],
            "tissue": np.zeros(len(mesh.cells), dtype=np.int32),
        }
        with FieldSeries(folder / FIELDS, points, mesh.cells, static) as series:
            series.append(0.0, {"saturation": weights @ self.scan.inside.ravel().astype(float)})
        surface = surface_of(mesh)
        surface.points = points
        for name, numbers in facet_numbers(mesh, None).items():
            surface.cell_data[name] = numbers
        save(surface, folder / SURFACE)


def measure(
    case: Case, puncture_side: Side | None = None, progress: Progress | None = None, before: Case | None = None
) -> Measured:
    """Measure the cement of a post-operative CT.

    Args:
        case: its ``patient`` and ``prescribed_cement``, a mask or a threshold, are used.
        puncture_side: where the needle went in; None where nobody says.
        progress: where the stages are shown; nowhere by default.
        before: its ``patient`` is the vertebra before the operation; None without such a CT.

    Raises:
        InputError: the files cannot be used, the body holds no cement, or the two bodies do not fit.
    """
    progress = progress or Progress()
    with progress.stage("read"):
        scan = read_scan(case)
        earlier = None if before is None else read_patient(before)
    with progress.stage("measure"):
        outside = find_leaks(scan)
        low, high = _threshold(case)
        parts: dict[str, Any] = {} if earlier is None else {"before": before_results(earlier, scan, outside)}
        results = Results(
            format_version=FORMAT_VERSION,
            mesh=mesh_results(measure_quality(scan.mesh, scan.vertebra)),
            scan=scan_results(scan, outside, low, high),
            leaks=leak_results(scan, outside),
            heights=scanned_heights(case, scan),
            volumetry=volumetry_results(scan, puncture_side),
            fill=fill_results(scan, puncture_side),
            **parts,
        )
        told = [scan.cement.resampled] if scan.cement.resampled else []
        warnings = [*scan.vertebra.warnings, *told, *scan_warnings(scan)]
        if earlier is not None:
            warnings += [f"before: {warning}" for warning in earlier.warnings]
    return Measured(case, scan, outside, results, _manifest(case, before, scan, warnings, progress))


def _threshold(case: Case) -> tuple[float | None, float | None]:
    given = case.prescribed_cement
    return (None, None) if given is None or given.threshold_hu is None else given.threshold_hu


def _manifest(
    case: Case, before: Case | None, scan: PostoperativeScan, warnings: Sequence[str], progress: Progress
) -> Manifest:
    earlier = {} if before is None else {f"before.{role}": path for role, path in input_files(before).items()}
    identity, frame = case_identity(case, more=earlier), scan.vertebra.frame
    return Manifest(
        case=case.model_dump(
            mode="json", include={"title": True, "patient": True, "bone": {"units"}, "prescribed_cement": True}
        ),
        written=tuple(item.place for item in key_values(case) if item.given),
        identity=Identity(case=identity.case, inputs=dict(identity.inputs), code=identity.code),
        patient=PatientRecord(**scan.vertebra.provenance),
        frame=FrameRecord(
            scanner_lps_mm_to_anatomical=frame.matrix.tolist(), extents_mm=frame.extents.tolist(), method=frame.method
        ),
        regions=RegionNumbers(**scan_numbers(scan.mesh)),
        cement="measured",
        tissues={},
        solvers=SolverRecords(),
        solver_options={},
        ranks=1,
        seconds=dict(progress.seconds),
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        finished=now(),
        command=command(),
        versions=versions(),
        given={},
        defaults={},
        warnings=tuple(warnings),
    )


def measure_and_store(
    case: Case,
    out: Path,
    puncture_side: Side | None = None,
    progress: Progress | None = None,
    before: Case | None = None,
) -> Measured:
    """Measure a CT and write its folder whole or not at all: numbers, one row of CSV, cement, pictures and report.

    Args:
        case: see :func:`measure`.
        out: directory to write; an older one of ours is replaced when the new one is whole.
        puncture_side: see :func:`measure`.
        progress: where the stages are shown; nowhere by default.
        before: see :func:`measure`.

    Raises:
        InputError: the files or ``out`` cannot be used.
    """
    progress = progress or Progress()
    check_target(out)
    shown = case.output.pictures
    progress.plan({name: time for name, time in EXPECTED_SECONDS.items() if shown or name in ("read", "measure")})
    measured = measure(case, puncture_side, progress, before)
    with case_directory(out) as folder:
        measured.write(folder)
        write_row(folder / ROW, out.name, measured.results)
        if case.output.pictures:
            from experiments.pictures.drawing import draw_pictures

            with progress.stage("pictures"):
                draw_pictures(FinishedCase(out.name, folder, measured.results, measured.manifest), folder / PICTURES)
        write_results(folder, measured.results)
        write_manifest(folder, measured.manifest.with_values(seconds=dict(progress.seconds)))
        if case.output.pictures:
            from experiments.report.page import REPORT, case_report

            with progress.stage("report"):
                (folder / REPORT).write_text(case_report(FinishedCase.read(folder, out.name)), encoding="utf-8")
    return measured


def write_row(path: Path, name: str, results: Results) -> None:
    """Write the single numbers and words of the results as a table of one row, named as in ``results.json``."""
    row = {"case": name, **dict(_entries(results.plain()))}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)


def _entries(content: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted name -> value; lists are left out."""
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _entries(value, f"{place}{name}.")
        elif not isinstance(value, list):
            yield f"{place}{name}", value
