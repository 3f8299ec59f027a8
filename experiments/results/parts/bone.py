"""The part ``bone`` of the results: the body's bone as the CT shows it."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.results.parts.base import Part, number, share, text


class BoneResults(Part):
    """Medians over the cells of the body, and the share of cells at each bound of a law."""

    level: str = text("level", "Level of the vertebra.")
    bmd_median_mg_per_cm3: float = number(
        "mg/cm3", "bone mineral density, median", "Median of the bone mineral density over the cells."
    )
    porosity_median: float = number("1", "porosity, median", "Median of the porosity over the cells.")
    permeability_axial_median_m2: float = number(
        "m2", "axial permeability, median", "Median of the permeability along the superior-inferior axis."
    )
    modulus_median_mpa: float = number(
        "MPa", "Young's modulus, median", "Median of Young's modulus along the superior-inferior axis."
    )
    image_noise_hu: float | None = number(
        "HU",
        "noise of the CT",
        "Standard deviation of the noise of single voxels inside the body, from second differences.",
        optional=True,
    )
    image_noise_mg_per_cm3: float | None = number(
        "mg/cm3",
        "noise of the CT, in density",
        "The same where the CT counts densities.",
        optional=True,
    )
    image_correlation: float | None = number(
        "1",
        "correlation of next voxels",
        "Correlation of voxels next to each other inside the body; near 0 where noise decides.",
        signed=True,
        optional=True,
    )
    image_noise_ln_k: float | None = number(
        "1",
        "noise in ln k",
        "Standard deviation of the logarithm of the permeability that the noise leaves after averaging.",
        optional=True,
    )
    image_noise_ln_modulus: float | None = number(
        "1", "noise in ln E", "The same of the logarithm of Young's modulus.", optional=True
    )
    bound_shares: Mapping[str, float] = share(
        "cells at the bound", "Share of the cells at which a law of the bone stands at a bound, by the bound's name."
    )
