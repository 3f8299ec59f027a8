"""All that is measured in a post-operative CT, as parts of the results."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.case.units import to_clinical
from experiments.results.parts.scan import ScannedLeakResults, ScanResults, ThresholdResults
from experiments.scans.leaks import OutsideCement, find_leaks
from experiments.scans.postoperative import PostoperativeScan
from fem.measures.severity import LeakSeverity, leak_classes_yeom, severity_of_size, worst_grade
from meshes.dimensions import pedicle_diameter, vertebral_height
from meshes.errors import InputError
from meshes.leak_sites import LEAK_CLASSES, SITES

STEPS_HU = (-500.0, -250.0, 0.0, 250.0, 500.0)
"""By which the threshold is moved to see what it decides (tag D)."""


def leak_results(scan: PostoperativeScan, outside: OutsideCement) -> dict[str, ScannedLeakResults]:
    """The part ``leaks``: what lies outside of the body, for every site."""
    found = {}
    for site, severity in _severities(scan, outside).items():
        pieces = outside.of_site(site)
        found[site] = ScannedLeakResults(
            volume_ml=to_clinical(outside.volumes[site], "ml"),
            observed=bool(pieces),
            pieces=len(pieces),
            size_mm=severity.size,
            severity=severity.grade,
        )
    return found


def scan_results(scan: PostoperativeScan, outside: OutsideCement, low: float | None, high: float | None) -> ScanResults:
    """The part ``scan``: how the cement was told, and volumes that do not belong to one site.

    Args:
        scan: vertebra and cement.
        outside: of the body.
        low: HU from which on a voxel counts as cement; None with a mask.
        high: HU up to which it counts.
    """
    volumes = outside.volumes
    return ScanResults(
        source=scan.cement.kind,
        threshold_low_hu=low,
        threshold_high_hu=high,
        body_ml=to_clinical(scan.cement.inside, "ml"),
        leaked_ml=to_clinical(outside.volume, "ml"),
        rim_ml=to_clinical(outside.rim, "ml"),
        small_ml=to_clinical(outside.small, "ml"),
        leak_classes={
            name: to_clinical(sum(volumes[site] for site in sites), "ml") for name, sites in LEAK_CLASSES.items()
        },
        leak_classes_yeom={name: to_clinical(volume, "ml") for name, volume in leak_classes_yeom(volumes).items()},
        leak_severity=worst_grade(_severities(scan, outside).values()),
        pedicle_diameter_mm=pedicle_diameter(scan.vertebra, scan.mesh).value,
        vertebral_height_mm=vertebral_height(scan.vertebra.frame),
        voxel_mm=tuple(scan.vertebra.ct.spacing.tolist()),
        thresholds=() if low is None or high is None else tuple(_repeated(scan, low, high)),
    )


def _severities(scan: PostoperativeScan, outside: OutsideCement) -> dict[str, LeakSeverity]:
    """Site -> size and grade of its largest piece, for every site."""
    diameter, height = pedicle_diameter(scan.vertebra, scan.mesh).value, vertebral_height(scan.vertebra.frame)
    found = {}
    for site in SITES:
        size = max((leak.size for leak in outside.of_site(site)), default=0.0)
        found[site] = LeakSeverity(size, severity_of_size(size, diameter, height) if size > 0.0 else None)
    return found


def _repeated(scan: PostoperativeScan, low: float, high: float) -> Iterator[ThresholdResults]:
    """The same scan with other thresholds, as far as these leave cement in the body."""
    for step in STEPS_HU:
        try:
            other = scan.with_threshold(low + step, high)
        except InputError:
            return
        outside = find_leaks(other)
        yield ThresholdResults(
            low_hu=low + step,
            body_ml=to_clinical(other.cement.inside, "ml"),
            leaked_ml=to_clinical(outside.volume, "ml"),
            sites=tuple(site for site in SITES if outside.of_site(site)),
        )
