"""The compact table of results that the command line prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from experiments.results.wording import leaked, words


def result_rows(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Quantity and value with unit, as people read them.

    Args:
        results: content of ``results.json``.
    """
    mesh, fill = results["mesh"], results["fill"]
    rows = [("mesh", f"{mesh['cells']} tetrahedra, {mesh['volume_ml']:.2f} ml (mask {mesh['mask_volume_ml']:.2f} ml)")]
    rows += _injection_rows(results) if "injection" in results else _prescribed_rows(results)
    sides = fill["cement_by_side_ml"]
    rows.append(
        (
            "distribution",
            f"{str(fill['pattern']).replace('_', ' ')}, {sides['left']:.2f} ml left, {sides['right']:.2f} ml right",
        )
    )
    stiffness = results.get("stiffness") or {}
    if stiffness.get("intact_n_per_mm") is not None:
        intact, augmented = stiffness["intact_n_per_mm"], stiffness["augmented_n_per_mm"]
        rows.append(("axial stiffness before", f"{intact:.0f} N/mm"))
        if (fractured := stiffness.get("fractured_n_per_mm")) is not None:
            rows.append(("axial stiffness fractured", f"{fractured:.0f} N/mm ({fractured / intact:.2f} x)"))
        rows.append(("axial stiffness after", f"{augmented:.0f} N/mm ({augmented / intact:.2f} x)"))
    load = results.get("load") or {}
    if load and load["augmented"]["strength_n"] is not None:
        before, after = load["intact"]["strength_n"], load["augmented"]["strength_n"]
        change = f"{before:.0f} N before, {after:.0f} N after ({after / before:.2f} x)"
        rows.append(("strength, linear estimate", change))
    if "injection" in results:
        rows.append(("cement balance error", f"{results['injection']['mass_balance_error']:.1e}"))
    return rows


def _prescribed_rows(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    cement, fill = results["prescribed_cement"], results["fill"]
    rows = [
        ("cement prescribed by", str(cement["source"])),
        (
            "cement in the body",
            f"{fill['cement_ml']:.3f} ml, {100.0 * fill['fraction']:.1f} % of it, in {fill['occupied_ml']:.3f} ml of "
            "bone",
        ),
    ]
    if "scan_outside_ml" in cement:
        rows.append(("outside of the body in the scan", f"{cement['scan_outside_ml']:.3f} ml"))
    return rows


def _injection_rows(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    injection = results["injection"]
    total = injection["leaked_ml"]
    rows = [
        ("cement injected", f"{injection['injected_ml']:.3f} ml in {injection['duration_s']:.1f} s"),
        ("stopped by", words(str(injection["stop_reason"]))),
        ("cement in the body", f"{injection['stored_ml']:.3f} ml, {100.0 * results['fill']['fraction']:.1f} % of it"),
        ("cement leaked", f"{total:.3f} ml" if leaked(total) else "nothing"),
    ]
    for site, leak in injection["leaks"].items():
        if leak["onset_s"] is not None:
            rows.append(
                (
                    f"  {site.replace('_', ' ')}",
                    f"{leak['volume_ml']:.3f} ml, from {leak['onset_s']:.1f} s ({leak['onset_injected_ml']:.2f} ml), "
                    f"{leak['severity']}",
                )
            )
    rows.append(
        (
            "peak pressure",
            f"{injection['peak_tip_pressure_kpa']:.2f} kPa at the tip, "
            f"{injection['peak_syringe_pressure_kpa']:.0f} kPa in the syringe",
        )
    )
    return rows


def result_table(results: Mapping[str, Any]) -> Table:
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


def mesh_table(mesh: Mapping[str, Any]) -> Table:
    """The ``mesh`` part of the results as a table for a terminal."""
    percent = 100.0 * mesh["volume_error"]
    return two_columns(
        [
            ("tetrahedra", f"{mesh['cells']} with {mesh['points']} points"),
            ("volume", f"{mesh['volume_ml']:.3f} ml (mask {mesh['mask_volume_ml']:.3f} ml, {percent:+.3f} %)"),
            ("centroid from the mask's", f"{mesh['centroid_offset_mm']:.3f} mm"),
            (
                "surface from the mask's",
                f"95 % within {mesh['surface_distance_p95_mm']:.2f} mm, all within {mesh['hausdorff_mm']:.2f} mm",
            ),
            (
                "cell quality gamma",
                f"worst {mesh['gamma_min']:.2f}, 5th percentile {mesh['gamma_p05']:.2f}, "
                f"median {mesh['gamma_median']:.2f}",
            ),
        ]
    )
