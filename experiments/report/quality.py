"""How far the numbers of a case can be relied on: mesh, balances, iterations, warnings, versions and checksums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.report.content import Table, pairs
from experiments.results.finished_case import FinishedCase
from experiments.results.wording import number, plain, words


def quality_tables(case: FinishedCase) -> tuple[Table, ...]:
    """Everything of the quality page as tables."""
    results, manifest = case.results, case.manifest
    solvers = manifest["solvers"]
    tables = [_mesh(results["mesh"])]
    if case.injected:
        tables += [_balances(results["injection"], solvers["injection"]), _flow_solver(solvers["injection"])]
    if "stiffness" in solvers:
        tables.append(_elastic_solver(solvers["stiffness"]))
    tables += [_bone(results["bone"]), _patient(manifest)]
    if case.injected:
        tables.append(_outlets(manifest["outlets"]))
    return (*tables, _effort(manifest), _versions(manifest), _checksums(manifest))


def _mesh(mesh: Mapping[str, Any]) -> Table:
    return pairs(
        "Mesh",
        [
            ("tetrahedra", number(mesh["cells"])),
            ("points", number(mesh["points"])),
            ("facets of the surface", number(mesh["facets"])),
            ("mean edge", number(mesh["edge_length_mean_mm"], "mm")),
            ("volume", number(mesh["volume_ml"], "ml")),
            ("volume of the mask", number(mesh["mask_volume_ml"], "ml")),
            ("volume, relative to the mask's", number(mesh["volume_error"])),
            ("centroid from the mask's", number(mesh["centroid_offset_mm"], "mm")),
            ("surface from the mask's, 95 % within", number(mesh["surface_distance_p95_mm"], "mm")),
            ("surface from the mask's, all within", number(mesh["hausdorff_mm"], "mm")),
            ("cell quality gamma, worst", number(mesh["gamma_min"])),
            ("cell quality gamma, 5th percentile", number(mesh["gamma_p05"])),
            ("cell quality gamma, median", number(mesh["gamma_median"])),
        ],
        "Gamma is three times a cell's inner radius over its outer one: 1 for a regular tetrahedron.",
    )


def _balances(injection: Mapping[str, Any], record: Mapping[str, Any]) -> Table:
    def largest(key: str) -> str:
        return number(max(record[key], default=0.0))

    return Table(
        "Mass balance of the injection",
        ("error", "at the end", "largest of a step"),
        (
            (
                "cement: injected = stored + leaked",
                number(injection["mass_balance_error"]),
                largest("mass_balance_error_per_step"),
            ),
            (
                "tracer of the displaced tissue",
                number(injection["tracer_balance_error"]),
                largest("tracer_error_per_step"),
            ),
            (
                "divergence of the fluxes of a cell",
                number(injection["divergence_error"]),
                largest("divergence_error_per_step"),
            ),
            ("saturation below 0", number(max(-injection["saturation_min"], 0.0)), ""),
            ("saturation above 1", number(max(injection["saturation_max"] - 1.0, 0.0)), ""),
        ),
        "Balances are relative to the injected volume, the divergence to the rate of the injection.",
        frozenset({1, 2}),
    )


def _flow_solver(record: Mapping[str, Any]) -> Table:
    rounds = record["viscosity_rounds_per_step"]
    return pairs(
        "Iterations of the injection",
        [
            ("time steps", number(record["steps"])),
            ("pressure iterations per step", number(record["pressure_iterations_per_step"])),
            ("transport sweeps per step", number(record["transport_sweeps_per_step"])),
            ("viscosity rounds per step, mean", number(sum(rounds) / max(len(rounds), 1))),
            ("viscosity rounds per step, most", number(max(rounds, default=0))),
            ("wall rounds of a step, most", number(record["wall_rounds_max"])),
        ],
    )


def _elastic_solver(record: Mapping[str, Any]) -> Table:
    states = [name for name, entry in record.items() if isinstance(entry, Mapping) and "iterations" in entry]
    names = {
        "asymmetry": "asymmetry of K",
        "balance": "balance of the plates' forces and moments",
        "energy": "K against the strain energy",
    }
    rows = [
        ("unknowns", *(number(record[state]["unknowns"]) for state in states)),
        ("iterations of the six motions", *(plain(record[state]["iterations"]) for state in states)),
        *((text, *(number(record[state][key]) for state in states)) for key, text in names.items()),
    ]
    columns = ("stiffness", *states)
    note = "Errors are those of the worst entry, relative to the diagonal."
    return Table(
        "Iterations and errors of the stiffness", columns, tuple(rows), note, frozenset(range(1, len(columns)))
    )


def _bone(bone: Mapping[str, Any]) -> Table:
    rows = [
        ("bone mineral density, median", number(bone["bmd_median_mg_per_cm3"], "mg/cm³")),
        ("porosity, median", number(bone["porosity_median"])),
        ("axial permeability, median", number(bone["permeability_axial_median_m2"], "m²")),
        ("Young's modulus, median", number(bone["modulus_median_mpa"], "MPa")),
        *(
            (f"cells at the bound: {words(name)}", f"{100.0 * share:.2f} %")
            for name, share in bone["bound_shares"].items()
        ),
    ]
    return pairs("Bone", rows)


def _patient(manifest: Mapping[str, Any]) -> Table:
    patient = manifest["patient"]
    rows = [(words(name), plain(value)) for name, value in patient.items()]
    rows += [
        ("pedicle's diameter", f"{number(found['value_mm'], 'mm')}, {found['source']}")
        for found in [manifest.get("pedicle_diameter")]
        if found
    ]
    rows += [
        (f"{words(name)}: volume", f"{number(tissue['volume_ml'], 'ml')}, {100.0 * tissue['fraction_of_body']:.2f} %")
        for name, tissue in manifest["tissues"].items()
    ]
    return pairs("Patient, frame and tissues", rows)


def _outlets(outlets: Mapping[str, Any]) -> Table:
    rows = [
        (
            f"{words(opening['site'])} ({words(opening['wall'])})",
            plain(opening["shape"]),
            number(opening["aperture_mm"]),
            number(opening["open_area_mm2"]),
            number(opening["length_mm"]),
            number(opening["entry_pressure_kpa"]),
            number(opening["conductance_ml_per_s_kpa"]),
        )
        for opening in outlets["openings"]
    ]
    note = (
        f"All outlets together conduct {number(outlets['total_ml_per_s_kpa'], 'ml/(s kPa)')} of marrow, which raises "
        f"the resting pressure by {number(outlets['pressure_rise_at_planned_rate_kpa'], 'kPa')} at the planned rate. "
        "This is one of the most influential and least known numbers."
    )
    columns = (
        "opening",
        "shape",
        "aperture [mm]",
        "open area [mm²]",
        "length [mm]",
        "entry pressure [kPa]",
        "conductance [ml/(s kPa)]",
    )
    return Table("Openings for cement", columns, tuple(rows), note, frozenset(range(2, 7)))


def _effort(manifest: Mapping[str, Any]) -> Table:
    rows = [(f"stage: {name}", f"{seconds:.1f} s") for name, seconds in manifest["seconds"].items()]
    rows += [("ranks", number(manifest["ranks"])), ("peak memory", f"{manifest['peak_memory_mb']:.0f} MB")]
    return pairs("Time and memory", rows)


def _versions(manifest: Mapping[str, Any]) -> Table:
    rows = [("code", manifest["identity"]["code"]), *sorted(manifest["versions"].items())]
    return Table("Versions", ("software", "version"), tuple((name, plain(text)) for name, text in rows))


def _checksums(manifest: Mapping[str, Any]) -> Table:
    identity = manifest["identity"]
    rows = [
        ("case: content, inputs and code", identity["case"]),
        *((f"input: {role}", digest) for role, digest in identity["inputs"].items()),
        *((f"output: {name}", digest) for name, digest in manifest["files"].items()),
    ]
    return Table("Checksums (SHA-256)", ("what", "checksum"), tuple(rows))
