"""What a viewer beside a run is told of it."""

from __future__ import annotations

import numpy as np

from experiments.case.units import to_clinical
from experiments.model.preparation import Preparation
from experiments.results.vein_cement import VeinCement
from experiments.results.wording import words
from experiments.run.planning import plan_of
from experiments.viewer.live_fields import Beginning, LiveStep, Teller
from fem.injection.history import FieldSnapshot
from meshes.vein_grid import VeinGrid


class Watch:
    """Tells of an injection, step by step.

    Args:
        tell: takes what the viewer is told.
        name: of the case.
        title: for people.
    """

    def __init__(self, tell: Teller, name: str, title: str) -> None:
        """Nothing is told before the injection begins."""
        self._tell, self._name, self._title = tell, name, title
        self._veins: VeinGrid | None = None

    def begin(self, prepared: Preparation) -> None:
        """Tell what is injected where."""
        if prepared.veins is not None:
            self._veins = VeinGrid.of_network(prepared.veins)
        self._tell(Beginning(self._name, self._title, plan_of(prepared)))

    def step(self, snapshot: FieldSnapshot) -> None:
        """Tell of the state after a step, or before the first one."""
        record, veins, filling = snapshot.record, self._veins, snapshot.vein_filling
        in_veins = None
        if veins is not None and filling is not None:
            in_veins = VeinCement(veins.ends, veins.diameter, filling)
        self._tell(
            LiveStep(
                time_s=record.time,
                injected_ml=to_clinical(record.injected, "ml"),
                leaked_ml=to_clinical(sum(record.leaked.values()), "ml"),
                tip_pressure_kpa=to_clinical(record.tip_pressure, "kPa"),
                syringe_pressure_kpa=to_clinical(record.syringe_pressure, "kPa"),
                saturation=snapshot.saturation.astype(np.float32),
                pressure_kpa=(to_clinical(1.0, "kPa") * snapshot.pressure).astype(np.float32),
                in_veins=in_veins,
            )
        )

    def end(self, stop_reason: str) -> None:
        """Tell what ended the injection."""
        self._tell(f"injection ended: {words(stop_reason)}; the run goes on")
