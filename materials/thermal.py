"""How tissues and cement conduct, hold and lose heat.

Conductivities are in mJ/(s mm K), which is the same number in W/(m K); heat capacities of a volume in mJ/(mm3 K), which
is 1e-6 of the number in J/(m3 K); perfusion in volumes of blood per volume of tissue and second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from materials.provenance import check_ranges, quantity

FloatArray = NDArray[np.float64]

TISSUES = "table of tissues, McIntosh & Anderson 2010, 10.1142/S1793048010001184"
PMMA = "usual values of PMMA cement"
MARROW_BLOOD = "10 to 30 ml/(100 ml min), a third of it after 50 years: Radiology 2001, PMID 11426000"

_CONDUCTIVITY, _CAPACITY, _PERFUSION = "mJ/(s mm K)", "mJ/(mm3 K)", "1/s"


@dataclass(frozen=True)
class ThermalProperties:
    """Of every material around a vertebra.

    Blood comes with body temperature and leaves with that of the tissue (Pennes 1948, 10.1152/jappl.1948.1.2.93, tag
    M): a volume of tissue loses its perfusion times the heat capacity of blood for each degree. Cement, mineralised
    tissue and discs have no blood.

    Attributes:
        bone: mineralised tissue of trabeculae and cortex; marrow fills the pores between.
        epidural: what lies in the canal between bone and dura, fat with a plexus of veins.
        neural: dural sac with cord or cauda equina, and roots.
        soft: muscle and all else around the vertebra.
    """

    cement_conductivity: float = quantity(0.2, _CONDUCTIVITY, PMMA, "M", 0.02, 5.0)
    cement_capacity: float = quantity(
        2.0, _CAPACITY, f"{PMMA}: 1190 kg/m3 by 1700 J/(kg K), of 1500 to 2000", "M", 0.5, 5.0
    )
    bone_conductivity: float = quantity(0.45, _CONDUCTIVITY, "cortical bone, 0.4 to 0.5", "M", 0.05, 5.0)
    bone_capacity: float = quantity(2.5, _CAPACITY, TISSUES, "M", 0.5, 5.0)
    marrow_conductivity: float = quantity(0.24, _CONDUCTIVITY, "0.19 (yellow) to 0.28 (red)", "M", 0.05, 5.0)
    marrow_capacity: float = quantity(2.4, _CAPACITY, TISSUES, "M", 0.5, 5.0)
    marrow_perfusion: float = quantity(0.001, _PERFUSION, f"{MARROW_BLOOD}; 0.003 1/s over 3", "D", 0.0, 0.1)
    tumour_conductivity: float = quantity(0.5, _CONDUCTIVITY, TISSUES, "M", 0.05, 5.0)
    tumour_capacity: float = quantity(3.7, _CAPACITY, TISSUES, "M", 0.5, 5.0)
    tumour_perfusion: float = quantity(0.003, _PERFUSION, "as marrow before 50 years", "D", 0.0, 0.1)
    epidural_conductivity: float = quantity(0.21, _CONDUCTIVITY, f"fat: {TISSUES}", "M", 0.05, 5.0)
    epidural_capacity: float = quantity(2.1, _CAPACITY, f"fat: {TISSUES}", "M", 0.5, 5.0)
    epidural_perfusion: float = quantity(0.001, _PERFUSION, "twice that of fat, for the venous plexus", "D", 0.0, 0.1)
    neural_conductivity: float = quantity(0.54, _CONDUCTIVITY, f"cord and its fluid: {TISSUES}", "M", 0.05, 5.0)
    neural_capacity: float = quantity(4.0, _CAPACITY, f"cord and its fluid: {TISSUES}", "M", 0.5, 5.0)
    neural_perfusion: float = quantity(
        0.004, _PERFUSION, "half of the sac is cord or roots, at 0.008 1/s", "D", 0.0, 0.1
    )
    disc_conductivity: float = quantity(0.49, _CONDUCTIVITY, TISSUES, "M", 0.05, 5.0)
    disc_capacity: float = quantity(3.9, _CAPACITY, TISSUES, "M", 0.5, 5.0)
    soft_conductivity: float = quantity(0.49, _CONDUCTIVITY, f"muscle: {TISSUES}", "M", 0.05, 5.0)
    soft_capacity: float = quantity(3.7, _CAPACITY, f"muscle: {TISSUES}", "M", 0.5, 5.0)
    soft_perfusion: float = quantity(0.0007, _PERFUSION, f"muscle at rest: {TISSUES}", "M", 0.0, 0.1)
    blood_capacity: float = quantity(3.8, _CAPACITY, f"blood: {TISSUES}", "M", 0.5, 5.0)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)


def along_struts(strut: ArrayLike, filler: ArrayLike, share: ArrayLike) -> FloatArray:
    """Conductivity of a bundle of parallel struts in a filler, along them: the mean by volume.

    Args:
        strut: conductivity of the struts.
        filler: of what is between.
        share: of the volume that is strut.
    """
    strut, filler, share = np.asarray(strut), np.asarray(filler), np.asarray(share)
    return share * strut + (1.0 - share) * filler


def across_struts(strut: ArrayLike, filler: ArrayLike, share: ArrayLike) -> FloatArray:
    """Conductivity of the same bundle across the struts, cylinders that are apart from each other.

    k_m (k_m (1 - v) + k_f (1 + v)) / (k_m (1 + v) + k_f (1 - v)) with the share v of the struts: the lower bound of
    Hashin 1983 (10.1115/1.3167081, tag M) where they conduct better than the filler, exact for coated cylinders.
    """
    strut, filler, share = np.asarray(strut), np.asarray(filler), np.asarray(share)
    more, less = 1.0 + share, 1.0 - share
    return filler * (filler * less + strut * more) / (filler * more + strut * less)
