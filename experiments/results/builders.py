"""Builds the parts of the results from what was computed, in clinical units."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from experiments.case.sections import Side
from experiments.case.units import to_clinical
from experiments.results.parts.bone import BoneResults
from experiments.results.parts.fill import ContactResults, FillResults
from experiments.results.parts.fracture import HeightResults
from experiments.results.parts.injection import (
    InjectionCourse,
    InjectionResults,
    LeakResults,
    NeedleCourse,
    NeedleResults,
)
from experiments.results.parts.mesh import MeshResults
from experiments.results.parts.solvers import InjectionSolver
from experiments.results.parts.stiffness import StateStiffness
from experiments.results.parts.veins import VeinResults
from fem.injection.history import InjectionHistory, StepRecord
from fem.measures.fill import FillMeasures
from fem.measures.severity import LeakGeometry, leak_classes_yeom, leak_severity, smallest_observed, worst_grade
from fem.mechanics.stiffness import StiffnessMatrix
from materials.bone import BoneField
from materials.observation import LEAST_LEAK, Modality
from meshes.body_heights import BodyHeights
from meshes.dimensions import PedicleDiameter
from meshes.leak_sites import LEAK_CLASSES, SITES
from meshes.quality import MeshQuality
from meshes.vein_network import VeinNetwork
from meshes.vertebra import Vertebra


def mesh_results(quality: MeshQuality) -> MeshResults:
    """The part ``mesh`` of the results."""
    return MeshResults(
        cells=quality.cells,
        points=quality.points,
        facets=quality.facets,
        volume_ml=to_clinical(quality.volume, "ml"),
        mask_volume_ml=to_clinical(quality.mask_volume, "ml"),
        volume_error=quality.volume_error,
        centroid_offset_mm=quality.centroid_offset,
        gamma_min=quality.gamma_min,
        gamma_p05=quality.gamma_p05,
        gamma_median=quality.gamma_median,
        surface_distance_p95_mm=quality.surface_distance_p95,
        hausdorff_mm=quality.hausdorff,
        edge_length_mean_mm=quality.edge_length_mean,
    )


def bone_results(vertebra: Vertebra, bone: BoneField, noise: Mapping[str, float]) -> BoneResults:
    """The part ``bone`` of the results: medians over the cells, noise, and the share of cells at each bound of a law.

    Args:
        vertebra: whose bone it is.
        bone: of each cell.
        noise: entries of the results that tell of the CT's noise, see :func:`experiments.model.image_noise.noise_of`.
    """
    return BoneResults(
        level=vertebra.level,
        bmd_median_mg_per_cm3=to_clinical(float(np.median(bone.bmd)), "mg/cm3"),
        porosity_median=float(np.median(bone.porosity)),
        permeability_axial_median_m2=to_clinical(float(np.median(bone.permeability_axial)), "m2"),
        modulus_median_mpa=float(np.median(bone.modulus.mean(axis=1))),
        bound_shares=bone.bound_shares,
        **noise,
    )


def height_results(heights: BodyHeights) -> HeightResults:
    """Heights of a body."""
    return HeightResults(
        anterior_mm=heights.anterior,
        middle_mm=heights.middle,
        posterior_mm=heights.posterior,
        compression_ratio=heights.compression_ratio,
        anterior_posterior_ratio=heights.anterior_posterior_ratio,
        wedge_angle_deg=heights.wedge_angle,
    )


def vein_results(network: VeinNetwork, seed: int | None) -> VeinResults:
    """The part ``veins`` of the results.

    Args:
        network: of the case.
        seed: that it was drawn with; None of a file's.
    """
    ends = np.flatnonzero(np.bincount(network.segments.ravel()) == 1)
    sites = list(network.exit_sites.values())
    order = np.argsort(network.diameters, kind="stable")
    middle = np.searchsorted(np.cumsum(network.lengths[order]), 0.5 * network.lengths.sum())
    return VeinResults(
        source="file" if seed is None else "random",
        **({} if seed is None else {"seed": seed}),
        branches=len(ends) - sites.count("basivertebral_foramen"),
        exits={site: sites.count(site) for site in SITES if site in sites},
        length_mm=float(network.lengths.sum()),
        volume_ml=to_clinical(network.volume, "ml"),
        calibre_median_mm=float(network.diameters[order[middle]]),
    )


HELD = 1.0 - 1e-4
"""Share of the limit of the syringe's pressure from which it counts as held there."""


def injection_results(
    history: InjectionHistory,
    sides: Sequence[Side],
    pedicle: PedicleDiameter,
    vertebral_height: float,
    geometry: LeakGeometry,
    modality: Modality,
    pressure_limit: float,
    vein_sites: Collection[str] = (),
) -> InjectionResults:
    """The part ``injection`` of the results: volumes, needles, leaks by site and class, pressures, balances, course.

    Args:
        history: what came of the injection.
        sides: the patient's side on which each needle enters.
        pedicle: largest diameter of a pedicle, by which small leaks are graded.
        vertebral_height: mm, by which large ones are graded.
        geometry: what shapes leaks are taken to form.
        modality: what an image shows of them.
        pressure_limit: largest pressure in a syringe in MPa.
        vein_sites: to which veins of a network lead.
    """
    last = history.last
    held = (record.time for record in history.records if record.syringe_pressure >= HELD * pressure_limit)
    leaks: dict[str, LeakResults] = {}
    severities = []
    for site, smallest in smallest_observed(modality, geometry).items():
        onset = history.onset(site, smallest)
        severity = leak_severity(last.leaked[site], site, pedicle.value, vertebral_height, geometry, smallest)
        severities.append(severity)
        leaks[site] = LeakResults(
            volume_ml=to_clinical(last.leaked[site], "ml"),
            observed=last.leaked[site] >= smallest,
            onset_s=None if onset is None else onset.time,
            onset_injected_ml=None if onset is None else to_clinical(onset.injected, "ml"),
            size_mm=severity.size,
            cast_length_mm=geometry.cast(site).size(last.leaked[site]) if site in vein_sites else None,
            severity=severity.grade,
        )
    return InjectionResults(
        injected_ml=to_clinical(last.injected, "ml"),
        stored_ml=to_clinical(last.stored, "ml"),
        in_veins_ml=to_clinical(last.in_veins, "ml"),
        in_conduits_ml=to_clinical(last.in_conduits, "ml"),
        leaked_ml=to_clinical(sum(last.leaked.values()), "ml"),
        displaced_out_ml=to_clinical(last.displaced_out, "ml"),
        inflow_ml=to_clinical(last.inflow, "ml"),
        fluids_out_ml={name: to_clinical(volume, "ml") for name, volume in last.fluid_out.items()},
        mass_balance_error=history.balance_error,
        tracer_balance_error=history.tracer_error,
        divergence_error=history.divergence_error,
        saturation_min=min(record.saturation_range[0] for record in history.records),
        saturation_max=max(record.saturation_range[1] for record in history.records),
        front_viscosity_ratio_min=history.least_front_ratio,
        stop_reason=history.stop_reason,
        duration_s=last.time,
        resting_pressure_kpa=to_clinical(history.resting_pressure, "kPa"),
        peak_tip_pressure_kpa=to_clinical(history.peak_tip_pressure, "kPa"),
        peak_syringe_pressure_kpa=to_clinical(history.peak_syringe_pressure, "kPa"),
        pressure_limit_kpa=to_clinical(pressure_limit, "kPa"),
        limited_from_s=next(held, None),
        needles=tuple(_needle_results(history, number, side) for number, side in enumerate(sides)),
        modality=modality.name,
        leaks=leaks,
        leak_classes={
            name: to_clinical(sum(last.leaked[site] for site in sites), "ml") for name, sites in LEAK_CLASSES.items()
        },
        leak_classes_yeom={name: to_clinical(volume, "ml") for name, volume in leak_classes_yeom(last.leaked).items()},
        leak_severity=worst_grade(severities),
        pedicle_diameter_mm=pedicle.value,
        vertebral_height_mm=vertebral_height,
        course=injection_course(history),
    )


def _needle_results(history: InjectionHistory, number: int, side: Side) -> NeedleResults:
    states, end = [record.needles[number] for record in history.records], history.needle_ends[number]
    return NeedleResults(
        side=side,
        stop_reason=end.reason,
        ended_s=end.time,
        injected_ml=to_clinical(states[-1].injected, "ml"),
        peak_tip_pressure_kpa=to_clinical(max(state.tip_pressure for state in states), "kPa"),
        peak_syringe_pressure_kpa=to_clinical(max(state.syringe_pressure for state in states), "kPa"),
    )


def injection_course(history: InjectionHistory) -> InjectionCourse:
    """Quantity -> its value at every moment of the injection; ``needles`` has the same for each needle."""

    def leaked(record: StepRecord) -> float:
        return to_clinical(sum(record.leaked.values()), "ml")

    records = history.records
    return InjectionCourse(
        time_s=[record.time for record in records],
        injected_ml=[to_clinical(record.injected, "ml") for record in records],
        stored_ml=[to_clinical(record.stored, "ml") for record in records],
        in_veins_ml=[to_clinical(record.in_veins, "ml") for record in records],
        in_conduits_ml=[to_clinical(record.in_conduits, "ml") for record in records],
        leaked_ml=[leaked(record) for record in records],
        leaked_by_site_ml={
            site: [to_clinical(record.leaked[site], "ml") for record in records]
            for site in SITES
            if history.last.leaked[site] > LEAST_LEAK
        },
        open_sites=[list(record.open_sites) for record in records],
        rate_ml_per_min=[to_clinical(record.rate, "ml/min") for record in records],
        tip_pressure_kpa=[to_clinical(record.tip_pressure, "kPa") for record in records],
        syringe_pressure_kpa=[to_clinical(record.syringe_pressure, "kPa") for record in records],
        needles=tuple(
            NeedleCourse(
                rate_ml_per_min=[to_clinical(record.needles[number].rate, "ml/min") for record in records],
                injected_ml=[to_clinical(record.needles[number].injected, "ml") for record in records],
                tip_pressure_kpa=[to_clinical(record.needles[number].tip_pressure, "kPa") for record in records],
                syringe_pressure_kpa=[
                    to_clinical(record.needles[number].syringe_pressure, "kPa") for record in records
                ],
            )
            for number in range(len(history.last.needles))
        ),
    )


def fill_results(fill: FillMeasures) -> FillResults:
    """The part ``fill`` of the results: how far and how evenly the cement fills the body.

    Cement volumes are those of the cement itself; occupied volumes those of the bone that it occupies, pores and
    solid, as CT volumetry counts.
    """
    distribution = fill.distribution
    return FillResults(
        fraction=fill.cement_fraction,
        cement_ml=to_clinical(fill.cement_volume, "ml"),
        occupied_ml=to_clinical(fill.occupied_volume, "ml"),
        occupied_fraction=fill.occupied_fraction,
        cement_by_side_ml={name: to_clinical(volume, "ml") for name, volume in fill.cement_by_side.items()},
        occupied_by_side_ml={name: to_clinical(volume, "ml") for name, volume in fill.occupied_by_side.items()},
        cement_by_third_ml={name: to_clinical(volume, "ml") for name, volume in fill.cement_by_third.items()},
        occupied_by_third_ml={name: to_clinical(volume, "ml") for name, volume in fill.occupied_by_third.items()},
        puncture_side=fill.puncture_side,
        puncture_side_ratio=fill.puncture_side_ratio,
        puncture_side_occupied_ratio=fill.puncture_side_occupied_ratio,
        puncture_side_share=fill.puncture_side_share,
        endplate_contact={
            name: ContactResults(touches=contact.touches, area_mm2=contact.area, share=contact.share)
            for name, contact in fill.endplate_contact.items()
        },
        posterior_distance_mm=fill.posterior_distance,
        equivalent_radius_mm=fill.equivalent_radius,
        sphericity=fill.sphericity,
        largest_diameter_mm=fill.largest_diameter,
        centroid_mm=fill.centroid,
        pattern=distribution.pattern,
        components=distribution.components,
        bridge_area_mm2=distribution.bridge_area,
        largest_sagittal_section_mm2=distribution.largest_section,
        bridge_share=distribution.bridge_share,
    )


def stiffness_results(stiffness: StiffnessMatrix) -> StateStiffness:
    """The parts of ``stiffness`` by state, such as ``intact``: the matrix (mm, rad, N) and what follows from it."""
    forward, left = (to_clinical(float(tilt), "deg/kN") for tilt in stiffness.tilt_under_pressure)
    return StateStiffness(
        matrix=stiffness.matrix.tolist(),
        pole_mm=stiffness.pole.tolist(),
        axial_free_rotation_n_per_mm=stiffness.axial_stiffness_free_rotation,
        axial_free_n_per_mm=stiffness.axial_stiffness_free,
        flexion_nm_per_deg=to_clinical(stiffness.flexion_stiffness, "N m/deg"),
        lateral_bending_nm_per_deg=to_clinical(stiffness.lateral_bending_stiffness, "N m/deg"),
        torsion_nm_per_deg=to_clinical(stiffness.torsional_stiffness, "N m/deg"),
        flexion_centre_mm=stiffness.flexion_centre.tolist(),
        tilt_forward_deg_per_kn=forward,
        tilt_left_deg_per_kn=left,
    )


def solver_record(history: InjectionHistory) -> InjectionSolver:
    """What the solvers did, for the manifest."""
    records = history.records[1:]
    steps = max(len(records), 1)
    return InjectionSolver(
        steps=len(records),
        pressure_iterations_per_step=sum(record.pressure_iterations for record in records) / steps,
        transport_sweeps_per_step=sum(record.sweeps for record in records) / steps,
        viscosity_rounds_per_step=[record.picard_iterations for record in history.records],
        wall_rounds_max=max((record.sealing_solves for record in records), default=0),
        mass_balance_error_per_step=[record.balance_error for record in history.records],
        tracer_error_per_step=[record.tracer_error for record in history.records],
        divergence_error_per_step=[record.divergence_error for record in history.records],
    )
