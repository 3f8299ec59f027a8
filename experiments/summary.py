"""The compact table of results that the command line prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

NOTICE = "Research software: not a medical device, not validated for patients, not for planning a treatment."


def result_rows(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Quantity and value with unit, as people read them.

    Args:
        results: content of ``results.json``.
    """
    injection, mesh = results["injection"], results["mesh"]
    rows = [
        ("mesh", f"{mesh['cells']} tetrahedra, {mesh['volume_ml']:.2f} ml (mask {mesh['mask_volume_ml']:.2f} ml)"),
        ("cement injected", f"{injection['injected_ml']:.3f} ml in {injection['duration_s']:.1f} s"),
        ("stopped by", str(injection["stop_reason"]).replace("_", " ")),
        ("cement in the body", f"{injection['stored_ml']:.3f} ml, {100.0 * results['fill']['fraction']:.1f} % of it"),
        ("cement leaked", f"{abs(injection['leaked_ml']):.3f} ml"),
    ]
    for site, leak in injection["leaks"].items():
        if leak["volume_ml"] > 0.0 and leak["onset_s"] is not None:
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
    fill = results["fill"]
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
        rows += [
            ("axial stiffness before", f"{intact:.0f} N/mm"),
            ("axial stiffness after", f"{augmented:.0f} N/mm ({augmented / intact:.2f} x)"),
        ]
    rows.append(("cement balance error", f"{injection['mass_balance_error']:.1e}"))
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
