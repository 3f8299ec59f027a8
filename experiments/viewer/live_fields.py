"""The fields of a body as its injection goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.pictures.plan import Plan
from experiments.pictures.static_bodies import ARCH, BONE, Body
from experiments.results.vein_cement import VeinCement
from experiments.viewer.body_fields import BodyFields, Course
from experiments.viewer.ct_planes import CtPlanes, FloatArray


@dataclass(frozen=True)
class LiveStep:
    """One step of an injection.

    Attributes:
        time_s: since the start.
        injected_ml: cement that has left the needles.
        leaked_ml: cement that has left the body.
        tip_pressure_kpa: the largest of the needles.
        syringe_pressure_kpa: the largest of the needles.
        saturation: (cells,) cement.
        pressure_kpa: (cells,) above the resting venous pressure.
        in_veins: cement in the veins; None without a network.
    """

    time_s: float
    injected_ml: float
    leaked_ml: float
    tip_pressure_kpa: float
    syringe_pressure_kpa: float
    saturation: NDArray[np.float32]
    pressure_kpa: NDArray[np.float32]
    in_veins: VeinCement | None


@dataclass(frozen=True)
class Beginning:
    """What the viewer has to know before the first step.

    Attributes:
        name: of the case.
        title: for people.
        plan: what is injected where.
    """

    name: str
    title: str
    plan: Plan


# takes what a viewer is told; a text says how the run stands
Teller = Callable[[Beginning | LiveStep | str], None]


class _LiveCourse:
    """The steps so far, as charts take them."""

    def __init__(self, steps: list[LiveStep]) -> None:
        self.time_s = [step.time_s for step in steps]
        self.injected_ml = [step.injected_ml for step in steps]
        self.leaked_ml = [step.leaked_ml for step in steps]
        self.syringe_pressure_kpa = [step.syringe_pressure_kpa for step in steps]
        self.tip_pressure_kpa = [step.tip_pressure_kpa for step in steps]


class LiveFields(BodyFields):
    """A body that is being injected.

    Args:
        beginning: what is injected where.
        first: the state before any cement.
    """

    def __init__(self, beginning: Beginning, first: LiveStep) -> None:
        """Begin with the first step."""
        self._plan, self._steps = beginning.plan, [first]
        body = self._plan.body
        ct = CtPlanes(body.ct, body.units, body.frame, body.mesh.points)
        super().__init__(beginning.name, beginning.title, body.mesh, ct)

    def append(self, step: LiveStep) -> None:
        """Take up the next step."""
        self._steps.append(step)

    @property
    def times(self) -> FloatArray:
        """Times in s so far."""
        return np.array([step.time_s for step in self._steps])

    @property
    def course(self) -> Course:
        """The injection so far."""
        return _LiveCourse(self._steps)

    def bodies(self) -> Iterator[Body]:
        """Bone, what lies in it, openings and needles."""
        for body in self._plan.bodies():
            # of translucent bones the near side alone: software rendering mixes the two sides triangle by triangle
            yield replace(body, style=body.style | {"culling": "back"}) if body.layer in (BONE, ARCH) else body

    def _values(self, step: int) -> dict[str, Any]:
        return {"saturation": self._steps[step].saturation, "pressure_kpa": self._steps[step].pressure_kpa}

    def _in_veins(self, step: int) -> VeinCement | None:
        return self._steps[step].in_veins
