"""The compact table of results that the command line prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from experiments.cli.exit_codes import rank
from experiments.results.parts.fill import PrescribedCementResults
from experiments.results.parts.heat import HeatResults
from experiments.results.parts.injection import InjectionResults
from experiments.results.parts.mesh import MeshResults
from experiments.results.parts.results import Results
from experiments.results.parts.scan import ScanResults
from experiments.results.wording import (
    NOTICE,
    held_back,
    label,
    leaked,
    network_share,
    number,
    over_earlier,
    percent,
    row,
    severity,
    states_in_words,
    told,
    which_veins,
    words,
)


def result_rows(results: Results) -> list[tuple[str, str]]:
    """Quantity and value with unit, as people read them."""
    mesh, fill = results.mesh, results.fill
    rows = [("mesh", f"{told(mesh, 'cells')} tetrahedra, {told(mesh, 'volume_ml')} ({_mask(mesh)})")]
    if results.veins is not None:
        rows.append(("veins in the body", f"{told(results.veins, 'volume_ml')}, {which_veins(results.veins)}"))
    if results.injection is not None:
        rows += _injection_rows(results.injection, fill.fraction)
    elif results.prescribed_cement is not None:
        rows += _prescribed_rows(results, results.prescribed_cement)
    elif results.scan is not None:
        rows += _scan_rows(results, results.scan)
    by_side = fill.occupied_by_side_ml if fill.cement_by_side_ml is None else fill.cement_by_side_ml
    sides = ", ".join(f"{number(volume, 'ml')} {side}" for side, volume in by_side.items())
    rows.append(("distribution", f"{told(fill, 'pattern')}, {sides}"))
    if results.heat is not None:
        rows.append(_heat_row(results.heat))
    if results.stiffness is not None:
        reached: dict[str, float] = {}
        for state, value in results.stiffness.axial.items():
            reached[state] = value
            beside = "" if len(reached) == 1 else f" ({', '.join(over_earlier(reached))})"
            name = f"{state}_n_per_mm"
            rows.append((label(results.stiffness, name), told(results.stiffness, name) + beside))
    if results.strength is not None:
        if found := results.strength.change_n:
            change = f"{states_in_words(found, 'N')} ({', '.join(over_earlier(found))})"
            rows.append((label(results.strength.augmented, results.strength.best), change))
        for state, strength in results.strength.states.items():
            if strength.ended is not None:
                rows.append((f"load curve, {state}", f"no strength: {strength.ended}"))
    if results.injection is not None:
        rows.append(row(results.injection, "mass_balance_error", 2))
    return rows


def _heat_row(heat: HeatResults) -> tuple[str, str]:
    peaks = {place: heat.peak_c[place] for place in ("cement", "interface", "canal")}
    told_peaks = ", ".join(f"{words(place)} {number(value, digits=3)}" for place, value in peaks.items() if value)
    return label(heat, "peak_c"), f"{told_peaks} °C; {number(sum(heat.necrosis_ml.values()), 'ml', 2)} of tissue killed"


def _mask(mesh: MeshResults) -> str:
    return f"mask {told(mesh, 'mask_volume_ml')}"


def _prescribed_rows(results: Results, cement: PrescribedCementResults) -> list[tuple[str, str]]:
    fill = results.fill
    told_fill = f"{told(fill, 'cement_ml')}, {told(fill, 'fraction')} of it, in {told(fill, 'occupied_ml')} of bone"
    rows = [row(cement, "source"), (label(fill, "cement_ml"), told_fill)]
    return rows if cement.scan_outside_ml is None else [*rows, row(cement, "scan_outside_ml")]


def _scan_rows(results: Results, scan: ScanResults) -> list[tuple[str, str]]:
    fill = results.fill
    rows = [
        (label(scan, "body_ml"), f"{told(scan, 'body_ml')}, {told(fill, 'occupied_fraction')} of it"),
        (label(scan, "leaked_ml"), told(scan, "leaked_ml") if leaked(scan.leaked_ml) else "nothing"),
    ]
    for site, leak in (results.leaks or {}).items():
        if leak.observed:
            size = f"{told(leak, 'size_mm', 3)} in extent, {severity(leak)}"
            rows.append((f"  {words(site)}", f"{told(leak, 'volume_ml')}, {size}"))
    if len(scan.thresholds) > 1:
        first, last = scan.thresholds[0], scan.thresholds[-1]
        span = ", ".join(
            f"{told(other, 'body_ml')} and {told(other, 'leaked_ml')} from {told(other, 'low_hu')} on"
            for other in (first, last)
        )
        rows.append(("in the body and leaked", span))
    if results.volumetry is not None:
        rows.append(row(results.volumetry, "cement_ratio"))
        if results.volumetry.puncture_side is not None:
            rows.append(row(results.volumetry, "puncture_side_ratio"))
    if (heights := results.heights) is not None:
        three = ", ".join(f"{place} {told(heights, f'{place}_mm', 3)}" for place in ("anterior", "middle", "posterior"))
        rows.append(("heights", three))
    if results.before is not None:
        before = results.before
        change = ", ".join(f"{place} {number(mm, 'mm', 2)}" for place, mm in before.height_change_mm.items())
        rows += [(label(before, "height_change_mm"), change), row(before, "cement_in_bone_share")]
    return rows


def _injection_rows(injection: InjectionResults, fraction: float | None) -> list[tuple[str, str]]:
    rows = [
        (label(injection, "injected_ml"), f"{told(injection, 'injected_ml')} in {told(injection, 'duration_s')}"),
        row(injection, "stop_reason"),
        (label(injection, "stored_ml"), f"{told(injection, 'stored_ml')}, {percent(fraction)} of it"),
        *(row(injection, name) for name in ("in_veins_ml", "in_conduits_ml") if leaked(getattr(injection, name))),
        (label(injection, "leaked_ml"), told(injection, "leaked_ml") if leaked(injection.leaked_ml) else "nothing"),
    ]
    for site, leak in injection.leaks.items():
        if leak.onset_s is not None:
            onset = f"from {told(leak, 'onset_s')} ({told(leak, 'onset_injected_ml')})"
            rows.append((f"  {words(site)}", f"{told(leak, 'volume_ml')}, {onset}, {severity(leak)}"))
    if injection.networks is not None:
        rows.append(("leak in many networks", network_share(injection.networks)))
    pressures = f"{told(injection, 'peak_tip_pressure_kpa')} at the tip, "
    syringe = f"{told(injection, 'peak_syringe_pressure_kpa')} in the syringe{held_back(injection)}"
    rows.append(("peak pressure", f"{pressures}{syringe}"))
    return rows


def result_table(results: Results) -> Table:
    """The rows of :func:`result_rows` as a table for a terminal."""
    return two_columns(result_rows(results))


def two_columns(rows: list[tuple[str, str]]) -> Table:
    """A table of names and values without decoration."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    return table


def mesh_table(mesh: MeshResults) -> Table:
    """The ``mesh`` part of the results as a table for a terminal."""
    distances = f"95 % within {told(mesh, 'surface_distance_p95_mm')}, all within {told(mesh, 'hausdorff_mm')}"
    worst, low, median = (told(mesh, f"gamma_{name}", 2) for name in ("min", "p05", "median"))
    return two_columns(
        [
            ("tetrahedra", f"{told(mesh, 'cells')} with {told(mesh, 'points')} points"),
            ("volume", f"{told(mesh, 'volume_ml')} ({_mask(mesh)})"),
            row(mesh, "volume_error"),
            row(mesh, "centroid_offset_mm"),
            ("surface from the mask's", distances),
            ("cell quality gamma", f"worst {worst}, 5th percentile {low}, median {median}"),
        ]
    )


def print_results(table: Table, out: Path, warnings: Sequence[str] = ()) -> None:
    """Print a table, the warnings and the files of a folder, on rank 0 alone."""
    if rank() != 0:
        return
    console = Console()
    console.print(table)
    for warning in warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False, highlight=False)
    console.print(f"\nResults: {out}/", markup=False, highlight=False)
    for path in sorted(out.rglob("*")):
        if path.is_file():
            console.print(f"  {path}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"\n{NOTICE}", style="italic", markup=False)
