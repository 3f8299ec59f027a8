"""What a measured CT shows: cement, leaks, volumes of a clinical series and heights."""

from __future__ import annotations

from experiments.report.content import Headline, Table, pairs
from experiments.results.parts.fracture import HeightResults
from experiments.results.parts.results import Results
from experiments.results.parts.scan import BeforeResults, ScannedHeights, ScannedLeakResults, ScanResults
from experiments.results.wording import (
    HEADLINE_DIGITS,
    heading,
    label,
    leaked,
    number,
    percent,
    rows,
    severity,
    told,
    words,
)
from meshes.body_heights import PLACES
from meshes.leak_sites import LEAK_SITES

YEOM_NAMES = {
    "B": "through the basivertebral vein",
    "S": "through segmental or anterior veins",
    "C": "through the cortex",
}
"""Class of a leak of :data:`fem.measures.severity.YEOM_CLASSES` -> where it leaves."""

LEAK_NOTE = (
    "Told by the wall of the body in front of which the cement lies; at the sides and in front a slender cast is taken "
    "for one in a vein. Size is the largest extent of a piece."
)


def scan_headlines(results: Results, filled: str) -> list[Headline]:
    """The first numbers of a measured CT.

    Args:
        results: of the CT.
        filled: how the cement lies in the body.
    """
    scan, heights, fill = results.scan, results.heights, results.fill
    if scan is None or heights is None:
        return []
    leaks = [
        f"{words(site)} {told(leak, 'volume_ml', HEADLINE_DIGITS)} ({severity(leak)})"
        for site, leak in (results.leaks or {}).items()
        if leak.observed
    ]
    three = ", ".join(told(heights, f"{place}_mm", HEADLINE_DIGITS) for place in PLACES)
    wedge = f"wedge {told(heights, 'wedge_angle_deg', 2)}, endplates {told(heights, 'endplate_angle_deg', 2)}"
    found = [
        Headline(
            "Cement leaked",
            told(scan, "leaked_ml", HEADLINE_DIGITS) if leaked(scan.leaked_ml) else number(0.0, "ml"),
            "; ".join(leaks) or "no cement outside of the body",
            alarming=scan.leak_severity is not None,
        ),
        Headline("Cement in the body", told(fill, "occupied_ml", HEADLINE_DIGITS), filled),
        Headline("Heights: front, middle, back", three, wedge),
    ]
    if (volumes := results.volumetry) is not None:
        side = volumes.puncture_side_ratio
        detail = "" if side is None else f"on the puncture side {percent(side)} (PSBCV/VBV)"
        found.append(Headline("BCV/VBV", told(volumes, "cement_ratio"), detail))
    return found


def scan_tables(results: Results) -> list[Table]:
    """All of it; nothing for a run."""
    scan, heights = results.scan, results.heights
    if scan is None or heights is None or results.volumetry is None:
        return []
    tables = [_leaks(results, scan), _classes(scan), _cement(scan)]
    if scan.thresholds:
        tables.append(_thresholds(scan))
    tables += [pairs("Volumes as the series of 585 vertebrae has them", rows(results.volumetry)), _heights(heights)]
    return tables if results.before is None else [*tables, _before(results.before)]


def _leaks(results: Results, scan: ScanResults) -> Table:
    found = tuple(
        (
            words(site),
            words(LEAK_SITES[site].leak_class),
            LEAK_SITES[site].yeom_class or "–",
            number(leak.volume_ml),
            told(leak, "pieces"),
            number(leak.size_mm, digits=HEADLINE_DIGITS),
            told(leak, "severity"),
        )
        for site, leak in (results.leaks or {}).items()
    )
    names = ("volume_ml", "pieces", "size_mm", "severity")
    known = [ScannedLeakResults.quantity(name) for name in names]
    columns = ("site", "class", "Yeom", *(heading(quantity.label, quantity.unit) for quantity in known))
    note = (
        f"{LEAK_NOTE} Punctual below the pedicle's {told(scan, 'pedicle_diameter_mm')}, moderate below the vertebra's "
        f"{told(scan, 'vertebral_height_mm')}, massive from there on."
    )
    return Table("Leaks by site", columns, found, note, frozenset({3, 4, 5}))


def _classes(scan: ScanResults) -> Table:
    found = [(words(name), number(volume, "ml")) for name, volume in scan.leak_classes.items()]
    found += [
        (f"Yeom {name}, {YEOM_NAMES[name]}", number(volume, "ml")) for name, volume in scan.leak_classes_yeom.items()
    ]
    note = "Yeom's classes: 10.1302/0301-620X.85B1.13026. The needle's track belongs to none of the classes."
    return Table("Leaks by class", ("class", label(scan, "leak_classes")), tuple(found), note, frozenset({1}))


def _cement(scan: ScanResults) -> Table:
    elsewhere = ("leak_classes", "leak_classes_yeom", "leak_severity", "pedicle_diameter_mm", "vertebral_height_mm")
    note = "Volumes are those of voxels, bone between the cement included."
    return pairs("Cement of the CT", rows(scan, elsewhere), note)


def _thresholds(scan: ScanResults) -> Table:
    found = tuple(
        (
            number(other.low_hu),
            number(other.body_ml),
            number(other.leaked_ml),
            ", ".join(words(site) for site in other.sites) or "none",
        )
        for other in scan.thresholds
    )
    columns = ("threshold [HU]", "in the body [ml]", "leaked [ml]", "sites")
    note = "The same CT with other thresholds: what changes here is no better known than by so much."
    return Table("What the threshold decides", columns, found, note, frozenset({0, 1, 2}))


def _heights(heights: ScannedHeights) -> Table:
    names = tuple(HeightResults.model_fields)
    bodies = {"this vertebra": heights, **heights.neighbours}
    found = [(HeightResults.quantity(name).label, *(told(body, name) for body in bodies.values())) for name in names]
    blank = [""] * len(heights.neighbours)
    found.append((label(heights, "endplate_angle_deg"), told(heights, "endplate_angle_deg"), *blank))
    found += [
        (f"{place} height over the neighbours'", percent(ratio), *blank)
        for place, ratio in (heights.relative or {}).items()
    ]
    note = "" if heights.relative else "The mask does not hold both neighbours whole, so there is no ratio to them."
    return Table("Heights", ("height", *bodies), tuple(found), note, frozenset(range(1, 1 + len(bodies))))


def _before(before: BeforeResults) -> Table:
    found = [*rows(before, ("before_to_after",)), *((f"{name}, before", value) for name, value in rows(before.heights))]
    return pairs("Before the operation", found)
