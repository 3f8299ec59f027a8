"""What ``measure`` finds of known cement in the image of the scanner, by voxel, slice, noise, blur and threshold.

Run it as ``python -m benchmarks.scanned_cement``; ``-o docs/scanned-cement.md`` writes its tables there, and
``--quick`` takes one setting and two sizes. The cement is that of :mod:`benchmarks.leak_phantoms`, around the demo's
L3, and that of two runs of the demo on a mesh of 3 mm, with and without a cleft in the posterior wall.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage

from benchmarks.leak_phantoms import BODY, burn, leak_phantoms
from benchmarks.page import options, publish, table
from experiments.case.schema import build_case, demo_case
from experiments.export.nifti import write_nifti
from experiments.export.scanner import FWHM, Scanned, Scanner, looked_up, scan_case, scan_vertebra
from experiments.model.patient import read_patient
from experiments.results.finished_case import FinishedCase
from experiments.scans.leaks import find_leaks
from experiments.scans.postoperative import MESH_SIZE, REACH, PostoperativeScan
from meshes.body_mesh import mesh_body
from meshes.scanned_cement import cement_by_threshold
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

PLAIN = Scanner(voxel=0.75, slice=0.75)
SETTINGS = {
    "voxels of 0.75 mm, blur of 1 mm, noise of 30 HU": PLAIN,
    "voxels of 0.4 mm, slices of 0.75 mm": dataclasses.replace(PLAIN, voxel=0.4),
    "voxels of 1 mm": dataclasses.replace(PLAIN, voxel=1.0, slice=1.0),
    "voxels of 1.5 mm": dataclasses.replace(PLAIN, voxel=1.5, slice=1.5),
    "slices of 1.5 mm": dataclasses.replace(PLAIN, slice=1.5),
    "slices of 3 mm": dataclasses.replace(PLAIN, slice=3.0),
    "blur of 0.5 mm": dataclasses.replace(PLAIN, blur=0.5),
    "blur of 1.5 mm": dataclasses.replace(PLAIN, blur=1.5),
    "noise of 100 HU": dataclasses.replace(PLAIN, noise=100.0),
    "cement of 2000 HU": dataclasses.replace(PLAIN, cement=2000.0),
}
"""Name -> scanner; what a name does not say is as in the first."""

VOLUMES = (3.0, 10.0, 30.0, 100.0, 300.0)
"""mm3 of each leak."""

THRESHOLDS = (1000.0, 1200.0, 1500.0, 1800.0)
CHOSEN = 1500.0
FAT = -100.0
"""HU around a vein outside of the bone."""
STEP = 0.02
"""mm between points of a profile."""
LARGEST_HU = 3071.0


@dataclasses.dataclass(frozen=True)
class Trip:
    """What became of the cement of one scan at one threshold.

    Attributes:
        known: place -> mm3 that is there.
        found: place -> mm3 that is measured.
    """

    known: dict[str, float]
    found: dict[str, float]

    def share(self, place: str) -> float:
        """Measured over known volume."""
        return self.found.get(place, 0.0) / self.known[place]

    @property
    def invented(self) -> dict[str, float]:
        """Site -> mm3 where nothing is."""
        return {site: volume for site, volume in self.found.items() if volume > 0.0 and site not in self.known}


class Scans:
    """The trips of one setting, which share its masks.

    Args:
        patient: the vertebra without cement.
        scanner: the setting.
    """

    def __init__(self, patient: Vertebra, scanner: Scanner) -> None:
        """Nothing is scanned yet."""
        self.patient, self.scanner = patient, scanner
        self._mesh: TetMesh | None = None

    def of_phantoms(self, volume: float) -> dict[float, Trip]:
        """Threshold -> trip of leaks of a volume in mm3."""
        known: dict[str, float] = {}

        def cement(fine):
            body = looked_up(dataclasses.replace(self.patient.ct, values=self.patient.body.astype(np.float32)), fine)
            background = looked_up(self.patient.ct, fine)
            added, volumes = burn(
                leak_phantoms(self.patient, volume), self.patient, fine, self.scanner.cement, body >= 0.5, background
            )
            known.update(volumes)
            return added

        return dict(self._measured(scan_vertebra(self.patient, self.scanner, cement), known))

    def of_run(self, case: FinishedCase) -> dict[float, Trip]:
        """Threshold -> trip of a finished run."""
        scanned = scan_case(case, self.scanner)
        leaks = {site: 1000.0 * leak["shown_ml"] for site, leak in scanned.truth["leaks"].items()}
        known = {BODY: 1000.0 * scanned.truth["body"]["occupied_ml"]}
        known |= {site: volume for site, volume in leaks.items() if volume >= 1.0}
        return dict(self._measured(scanned, known))

    def _measured(self, scanned: Scanned, known: dict[str, float]) -> Iterator[tuple[float, Trip]]:
        with tempfile.TemporaryDirectory() as folder:
            files = {name: str(Path(folder, f"{name}.nii.gz")) for name in ("ct", "mask", "subregions")}
            for path, image in zip(files.values(), (scanned.ct, scanned.mask, scanned.parts), strict=True):
                write_nifti(Path(path), image)
            content = {"patient": {**files, "level": self.patient.level}}
            vertebra = read_patient(build_case(content), REACH)
        if self._mesh is None:
            self._mesh = mesh_body(vertebra, MESH_SIZE)
        cement = cement_by_threshold(vertebra, CHOSEN, LARGEST_HU)
        scan = PostoperativeScan(vertebra, cement, np.zeros_like(vertebra.body), self._mesh)
        for threshold in THRESHOLDS:
            at = scan.with_threshold(threshold, LARGEST_HU)
            found = {BODY: float(at.inside.sum()) * at.voxel, **find_leaks(at).volumes}
            yield threshold, Trip(known, found)


SITES = {"canal_posterior_wall": "canal", "disc_superior": "disc", "segmental_veins_left": "vein", BODY: "body"}
SITES |= {"paravertebral_anterior": "in front"}
LEAKS = ("canal_posterior_wall", "disc_superior", "segmental_veins_left", "paravertebral_anterior")


def shares(trips: dict[float, Trip], place: str) -> str:
    """The share at the chosen threshold, and in brackets at lower and higher ones; a dash for what is not seen."""
    cells = [f"{share:.2f}" if (share := trips[threshold].share(place)) > 0.0 else "–" for threshold in THRESHOLDS]
    chosen = cells.pop(THRESHOLDS.index(CHOSEN))
    return f"**{chosen}** ({', '.join(cells)})"


def invented(trips: dict[float, Trip]) -> str:
    """Where leaks are found that are not there, at the chosen threshold."""
    found = trips[CHOSEN].invented
    return ", ".join(f"{site}: {volume / 1000.0:.3f} ml" for site, volume in found.items()) or "none"


def least(of_sizes: dict[float, dict[float, Trip]], site: str) -> str:
    """The smallest volume from which on all are found at their site at the chosen threshold, in ml."""
    unseen = [volume for volume, trips in of_sizes.items() if trips[CHOSEN].share(site) == 0.0]
    seen = [volume for volume in of_sizes if volume > max(unseen, default=0.0)]
    return f"{min(seen) / 1000.0:g}" if seen else "none"


def by_size(patient: Vertebra, of_sizes: dict[float, dict[float, Trip]]) -> str:
    """Shares of leaks of each size."""
    rows = []
    for volume, trips in of_sizes.items():
        shapes = {phantom.site: phantom.shape for phantom in leak_phantoms(patient, volume)}
        rows.append([f"{volume / 1000.0:g}", *(f"{shares(trips, site)}<br>{shapes[site]}" for site in LEAKS)])
    return table(["leak in ml", *(SITES[site] for site in LEAKS)], rows)


def by_setting(found: dict[str, dict[float, dict[float, Trip]]]) -> str:
    """Body, smallest leaks and shares of each setting."""
    rows = []
    for name, of_sizes in found.items():
        largest = of_sizes[max(of_sizes)]
        middle = of_sizes[min(of_sizes, key=lambda volume: abs(volume - 100.0))]
        wrong = {site for trips in of_sizes.values() for site in trips[CHOSEN].invented}
        rows.append(
            [
                *(name, shares(largest, BODY)),
                *(f"{least(of_sizes, site)}; {middle[CHOSEN].share(site):.2f}" for site in LEAKS),
                ", ".join(sorted(wrong)) or "none",
            ]
        )
    head = [
        "scanner",
        "body, beside leaks of 0.3 ml",
        *(f"{SITES[site]}: smallest seen in ml; share of 0.1 ml" for site in LEAKS),
        "invented",
    ]
    return table(head, rows)


def tube_share(diameter: float, voxel: float, threshold: float) -> float:
    """Seen over true section of a long tube in fat, from its blurred profile alone.

    Args:
        diameter: mm.
        voxel: mm; a voxel blurs like a Gaussian of its variance, a twelfth of the square of its width.
        threshold: HU.
    """
    sigma = np.hypot(PLAIN.blur / FWHM, voxel / np.sqrt(12.0))
    half = 0.5 * diameter + 4.0 * sigma
    axis = np.arange(-half, half, STEP)
    inside = np.hypot(*np.meshgrid(axis, axis)) <= 0.5 * diameter
    share = ndimage.gaussian_filter(inside.astype(float), sigma / STEP)
    return float((FAT + (PLAIN.cement - FAT) * share >= threshold).sum() / inside.sum())


def of_tubes() -> str:
    """What the blurred profile alone says of casts in veins."""
    voxels = (0.4, 0.75, 1.0, 1.5)
    rows = []
    for diameter in (1.0, 1.25, 1.5, 2.0, 3.0, 4.0):
        cells = []
        for voxel in voxels:
            low, chosen, high = (tube_share(diameter, voxel, threshold) for threshold in (1200.0, CHOSEN, 1800.0))
            cells.append(f"**{chosen:.2f}** ({low:.2f}, {high:.2f})")
        rows.append([f"{diameter:g} mm", *cells])
    return table(["tube", *(f"voxels of {voxel:g} mm" for voxel in voxels)], rows)


def of_runs(quick: bool, settings: dict[str, Scanner]) -> str:
    """Trips of runs of the demo."""
    from experiments.run.pipeline import run_and_store

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for title, defect in (("demo", False), ("demo --defect", True))[: 1 if quick else 2]:
            content = demo_case(defect, 3.0).model_dump(mode="json", exclude_unset=True)
            content |= {"mechanics": {"enabled": False}, "output": {"pictures": False}}
            target = Path(folder, title.replace(" ", ""))
            run_and_store(build_case(content), target)
            for name, scanner in settings.items():
                case = FinishedCase.read(target)
                trips = Scans(case_patient(case), scanner).of_run(case)
                known = trips[CHOSEN].known
                leaks = [
                    f"{site}, {known[site] / 1000.0:.3f} ml: {shares(trips, site)}" for site in known if site != BODY
                ]
                body = f"{known[BODY] / 1000.0:.2f} ml: {shares(trips, BODY)}"
                rows.append([title, name, body, "<br>".join(leaks) or "none", invented(trips)])
    return table(["run", "scanner", "body", "leaks", "invented"], rows)


def case_patient(case: FinishedCase) -> Vertebra:
    """The patient of a run of the demo."""
    return read_patient(build_case({"patient": {"demo": True}}, str(case.folder)), REACH)


def main() -> None:
    """Scan, measure and publish."""
    asked = options(__doc__, quick="one setting, two sizes and one run").parse_args()
    patient = read_patient(demo_case(), REACH)
    settings = dict(list(SETTINGS.items())[:1]) if asked.quick else SETTINGS
    volumes = (10.0, 100.0) if asked.quick else VOLUMES
    found: dict[str, dict[float, dict[float, Trip]]] = {}
    for name, scanner in settings.items():
        scans = Scans(patient, scanner)
        found[name] = {volume: scans.of_phantoms(volume) for volume in volumes}
    few = {name: SETTINGS[name] for name in settings if name in list(SETTINGS)[:4]}
    others = ", ".join(f"{threshold:g}" for threshold in THRESHOLDS if threshold != CHOSEN)
    publish(
        "scanned_cement",
        asked,
        "Known cement, scanned and measured",
        [
            f"Measured over known volume from {CHOSEN:g} HU on, and in brackets from {others} HU on; a dash is "
            "not seen.\n",
            f"Leaks that no run has made, {next(iter(settings))}:\n",
            by_size(patient, next(iter(found.values()))),
            "The same by the scanner; what a line does not say is as in the first:\n",
            by_setting(found),
            "Cement of runs on a mesh of 3 mm:\n",
            of_runs(asked.quick, few),
            "What is left of a long tube in fat, by its blurred profile alone, at 1500 HU, and in brackets at 1200 and "
            "1800:\n",
            of_tubes(),
        ],
    )


if __name__ == "__main__":
    main()
