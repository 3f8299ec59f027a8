"""What the veins of a body hold at one time of an injection, as plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class VeinState:
    """Cement in the veins, the same on every rank.

    Attributes:
        content: (k,) in each piece in mm3.
        entry_time: (k,) mean time in s at which it left the needle; in empty pieces that of what may come.
        pressure: (nodes,) of the last solve in MPa above that at which cement moves into blood.
        behind: (q,) the same behind each way in.
        entering: (q,) mm3/s of cement through each way in, by the last solve.
        step: length of the last step in s, for which the next solve foresees how plugs grow.
    """

    content: NDArray[np.float64]
    entry_time: NDArray[np.float64]
    pressure: NDArray[np.float64]
    behind: NDArray[np.float64]
    entering: NDArray[np.float64]
    step: float
