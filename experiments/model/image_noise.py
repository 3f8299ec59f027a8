"""What the noise of the CT makes of the permeability and of the modulus."""

from __future__ import annotations

import numpy as np

from experiments.case.laws import Laws
from meshes.images.noise import ImageNoise
from meshes.images.units import DENSITY, HOUNSFIELD
from meshes.interior import blurred_mantle, noise_left
from meshes.vertebra import Vertebra

NOISE = {HOUNSFIELD: "image_noise_hu", DENSITY: "image_noise_mg_per_cm3"}
"""What the CT counts -> entry of the results that holds its noise."""

DECIDES = {"k": 0.5, "E": 1.0}
"""Scatter by noise above which the run warns. Of ln k it is the least that bone itself has, 0.5 to 1.1; of ln E that at
which a law's bound cuts the soft half off, so that noise shifts the mean; at 0.4 it moves a stiffness by 1 %
(tag D)."""


def noise_of(laws: Laws, vertebra: Vertebra) -> dict[str, float]:
    """Entries of the part ``bone`` of the results that tell of the CT's noise; none where the body is too thin.

    The noise of single voxels counts as independent. The averaging over the material length leaves a share of it; what
    that is in ln k and ln E follows from the bone's laws at the median of the inside.

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
    density = law.calibration.density(np.median(vertebra.ct.values[core]) + left * np.array([-1.0, 1.0]))
    thin, dense = np.log(law.permeability.axial(law.porosity.porosity(density)))
    soft, stiff = np.log(law.modulus.modulus(density))
    return {
        NOISE[vertebra.units]: noise.sd,
        "image_correlation": noise.correlation,
        "image_noise_ln_k": 0.5 * float(thin - dense),
        "image_noise_ln_modulus": 0.5 * float(stiff - soft),
    }


def noise_warnings(noise: dict[str, float], mechanics: bool) -> list[str]:
    """A sentence for each of permeability and modulus where noise makes more of it than the bone does.

    Args:
        noise: entries of :func:`noise_of`.
        mechanics: whether the modulus matters.
    """
    told = " and ".join(f"{noise[name]:.0f} {units.symbol}" for units, name in NOISE.items() if name in noise)
    scatter = {"k": noise.get("image_noise_ln_k", 0.0)}
    if mechanics:
        scatter["E"] = noise.get("image_noise_ln_modulus", 0.0)
    return [
        f"noise of the CT ({told} in a voxel) still scatters ln {letter} by {value:.1f} after averaging, more than "
        f"{DECIDES[letter]:g}, from which it decides; raise bone.material_length_mm or use a smoother CT"
        for letter, value in scatter.items()
        if value > DECIDES[letter]
    ]
