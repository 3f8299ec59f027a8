"""What the noise of the CT makes of the permeability."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.case.laws import Laws
from meshes.images.noise import ImageNoise
from meshes.images.units import DENSITY, HOUNSFIELD
from meshes.interior import blurred_mantle, noise_left
from meshes.vertebra import Vertebra

NOISE = {HOUNSFIELD: "image_noise_hu", DENSITY: "image_noise_mg_per_cm3"}
"""What the CT counts -> entry of the results that holds its noise."""

DECIDES = 0.5
"""Scatter of ln k by noise above which the run warns: the least that the bone itself has, 0.5 to 1.1 (tag D)."""


def noise_of(laws: Laws, vertebra: Vertebra) -> dict[str, float]:
    """Entries of the part ``bone`` of the results that tell of the CT's noise; none where the body is too thin.

    The noise of single voxels counts as independent. The averaging over the material length leaves a share of it; what
    that is in ln k follows from the bone's laws at the median of the inside.

    Args:
        laws: laws of the case.
        vertebra: CT and masks.
    """
    law, spacing = laws.bone, vertebra.ct.spacing
    core = vertebra.body & ~blurred_mantle(vertebra, law.blurred_shell.reach(spacing))
    noise = ImageNoise.estimated(vertebra.ct.values, core)
    if noise is None:
        return {}
    left = noise.sd * noise_left(spacing, law.material_length)
    thin, dense = _log_permeability(laws, np.median(vertebra.ct.values[core]) + left * np.array([-1.0, 1.0]))
    return {
        NOISE[vertebra.units]: noise.sd,
        "image_correlation": noise.correlation,
        "image_noise_ln_k": 0.5 * float(thin - dense),
    }


def noise_warnings(noise: dict[str, float]) -> list[str]:
    """A sentence where noise makes more of the permeability than the bone does.

    Args:
        noise: entries of :func:`noise_of`.
    """
    scatter = noise.get("image_noise_ln_k", 0.0)
    if scatter <= DECIDES:
        return []
    told = " and ".join(f"{noise[name]:.0f} {units.symbol}" for units, name in NOISE.items() if name in noise)
    return [
        f"noise of the CT ({told} in a voxel) still scatters ln k by {scatter:.1f} after "
        f"averaging, more than the {DECIDES:g} that bone itself has at least; raise bone.material_length_mm or use a "
        "smoother CT"
    ]


def _log_permeability(laws: Laws, values: NDArray[np.float64]) -> NDArray[np.float64]:
    law = laws.bone
    return np.log(law.permeability.axial(law.porosity.porosity(law.calibration.density(values))))
