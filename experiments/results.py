"""The numbers of a run as people and programs read them: clinical units, stable names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.units import to_clinical
from fem.plan import InjectionHistory
from fem.stiffness import StiffnessMatrix
from fem.walls import LEAK_CLASSES, SITES
from materials.bone import BoneField
from meshes.quality import MeshQuality
from meshes.vertebra import Vertebra


def mesh_results(quality: MeshQuality) -> dict[str, Any]:
    """The part ``mesh`` of the results."""
    return {
        "cells": quality.cells,
        "points": quality.points,
        "facets": quality.facets,
        "volume_ml": to_clinical(quality.volume, "ml"),
        "mask_volume_ml": to_clinical(quality.mask_volume, "ml"),
        "volume_error": quality.volume_error,
        "centroid_offset_mm": quality.centroid_offset,
        "gamma_min": quality.gamma_min,
        "gamma_p05": quality.gamma_p05,
        "gamma_median": quality.gamma_median,
        "surface_distance_p95_mm": quality.surface_distance_p95,
        "hausdorff_mm": quality.hausdorff,
        "edge_length_mean_mm": quality.edge_length_mean,
    }


def bone_results(vertebra: Vertebra, bone: BoneField) -> dict[str, Any]:
    """The part ``bone`` of the results: medians over the cells, and the share of cells at each bound of a law."""
    return {
        "level": vertebra.level,
        "bmd_median_mg_per_cm3": to_clinical(float(np.median(bone.bmd)), "mg/cm3"),
        "porosity_median": float(np.median(bone.porosity)),
        "permeability_axial_median_m2": to_clinical(float(np.median(bone.permeability_axial)), "m2"),
        "modulus_median_mpa": float(np.median(bone.modulus)),
        "bound_shares": bone.bound_shares,
    }


def injection_results(history: InjectionHistory) -> dict[str, Any]:
    """The part ``injection`` of the results: volumes, leaks by site and class, pressures, balances and the course."""
    last = history.last
    leaks: dict[str, dict[str, float | None]] = {}
    for site in SITES:
        onset = history.onsets.get(site)
        leaks[site] = {
            "volume_ml": to_clinical(last.leaked[site], "ml"),
            "onset_s": None if onset is None else onset.time,
            "onset_injected_ml": None if onset is None else to_clinical(onset.injected, "ml"),
        }
    return {
        "injected_ml": to_clinical(last.injected, "ml"),
        "stored_ml": to_clinical(last.stored, "ml"),
        "leaked_ml": to_clinical(sum(last.leaked.values()), "ml"),
        "marrow_out_ml": to_clinical(last.marrow_out, "ml"),
        "inflow_ml": to_clinical(last.inflow, "ml"),
        "mass_balance_error": history.balance_error,
        "divergence_error": history.divergence_error,
        "saturation_min": min(moment.saturation_range[0] for moment in history.moments),
        "saturation_max": max(moment.saturation_range[1] for moment in history.moments),
        "stop_reason": history.stop_reason,
        "duration_s": last.time,
        "peak_tip_pressure_kpa": to_clinical(history.peak_tip_pressure, "kPa"),
        "peak_syringe_pressure_kpa": to_clinical(history.peak_syringe_pressure, "kPa"),
        "leaks": leaks,
        "leak_classes": {
            name: to_clinical(sum(last.leaked[site] for site in sites), "ml") for name, sites in LEAK_CLASSES.items()
        },
        "course": injection_course(history),
    }


def injection_course(history: InjectionHistory) -> Mapping[str, list[float]]:
    """Quantity -> its value at every moment of the injection."""
    moments = history.moments
    return {
        "time_s": [moment.time for moment in moments],
        "injected_ml": [to_clinical(moment.injected, "ml") for moment in moments],
        "stored_ml": [to_clinical(moment.stored, "ml") for moment in moments],
        "leaked_ml": [to_clinical(sum(moment.leaked.values()), "ml") for moment in moments],
        "rate_ml_per_min": [to_clinical(moment.rate, "ml/min") for moment in moments],
        "tip_pressure_kpa": [to_clinical(moment.tip_pressure, "kPa") for moment in moments],
        "syringe_pressure_kpa": [to_clinical(moment.syringe_pressure, "kPa") for moment in moments],
    }


def stiffness_results(stiffness: StiffnessMatrix) -> dict[str, Any]:
    """The parts ``stiffness.intact`` and ``.augmented``: the matrix (mm, rad, N) and what follows from it."""
    forward, left = (to_clinical(float(tilt), "deg/kN") for tilt in stiffness.tilt_under_pressure)
    return {
        "matrix": stiffness.matrix.tolist(),
        "pole_mm": stiffness.pole.tolist(),
        "axial_free_rotation_n_per_mm": stiffness.axial_stiffness_free_rotation,
        "axial_free_n_per_mm": stiffness.axial_stiffness_free,
        "flexion_nm_per_deg": to_clinical(stiffness.flexion_stiffness, "N m/deg"),
        "lateral_bending_nm_per_deg": to_clinical(stiffness.lateral_bending_stiffness, "N m/deg"),
        "torsion_nm_per_deg": to_clinical(stiffness.torsional_stiffness, "N m/deg"),
        "flexion_centre_mm": stiffness.flexion_centre.tolist(),
        "tilt_forward_deg_per_kn": forward,
        "tilt_left_deg_per_kn": left,
    }


def solver_record(history: InjectionHistory) -> dict[str, Any]:
    """What the solvers did, for the manifest."""
    moments = history.moments[1:]
    steps = max(len(moments), 1)
    return {
        "steps": len(moments),
        "pressure_iterations_per_step": sum(moment.pressure_iterations for moment in moments) / steps,
        "transport_sweeps_per_step": sum(moment.sweeps for moment in moments) / steps,
        "wall_rounds_max": max((moment.wall_rounds for moment in moments), default=0),
        "first_viscosity_rounds": history.needle_viscosity_rounds,
        "mass_balance_error_per_step": [moment.balance_error for moment in history.moments],
        "divergence_error_per_step": [moment.divergence_error for moment in history.moments],
    }
