"""The load-displacement curve of a body between plates up to its failure, and the strength that it shows.

The body fails where the curve meets a line with the elastic stiffness that starts at a compression of 0.2 % of the
body's height, the offset by which tests of bone define yield (:data:`OFFSET`). Without softening the force goes on
rising after that, towards the limit load.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fem.errors import ConvergenceError
from fem.mechanics.plasticity import PlasticPlates

FloatArray = NDArray[np.float64]

OFFSET = 0.002
"""Strain of the offset, and plastic strain beyond which bone counts as failed (0.2 % as in Morgan & Keaveny 2001,
10.1016/S0021-9290(01)00011-2; tag M)."""

STEPS = 8
"""Steps up to the position at which half of the volume would have yielded elastically; twice as many change the
strength of the demo by 0.1 % (tag D)."""

SMALLEST_STEP = 1.0 / 64.0
"""Share of a full step below which a step that fails ends the curve."""

FARTHEST = 10.0
"""Position at which a curve without failure ends, over that at which half of the volume would have yielded."""


@dataclass(frozen=True)
class LoadCurve:
    """Force over the position of the superior plate; the arrays begin with zeros and have one entry for each step.

    Attributes:
        stiffness: elastic, in N/mm.
        height: of the body in mm, which the offset refers to.
        position: compression in mm.
        force: compressive force in N.
        work: external work in N mm.
        dissipation: of it, what plastic flow took, in N mm.
        failed_volume: mm3 with a plastic strain beyond :data:`OFFSET`.
        plastic_strain: (cells,) mean equivalent plastic strain at the end in the order of the whole mesh, on rank 0.
        newton_steps: over the whole curve.
        reason: why the curve ends before failure; None where it reached it.
    """

    stiffness: float
    height: float
    position: FloatArray
    force: FloatArray
    work: FloatArray
    dissipation: FloatArray
    failed_volume: FloatArray
    plastic_strain: FloatArray | None = field(repr=False)
    newton_steps: int
    reason: str | None

    def at_failure(self, values: FloatArray) -> float | None:
        """One of the curve's columns where the body fails, linear between steps; None where it does not."""
        if self.reason is not None:
            return None
        above = self.force[-2:] - self.stiffness * (self.position[-2:] - OFFSET * self.height)
        share = above[0] / (above[0] - above[1])
        return float(values[-2] + share * (values[-1] - values[-2]))

    @property
    def strength(self) -> float | None:
        """Force at failure in N; None where the curve ends before."""
        return self.at_failure(self.force)


def load_curve(
    body: PlasticPlates, height: float, steps: int = STEPS, on_step: Callable[[float], None] | None = None
) -> LoadCurve:
    """Compress a body until it fails.

    A step that does not converge is halved, and after one that does the next is twice as long, up to the full length.
    Where even the smallest step fails, or the plate has come far without failure, the curve ends and says why.

    Args:
        body: not yet moved.
        height: of the body in mm.
        steps: see :data:`STEPS`.
        on_step: is told the share that is done after each step.
    """
    full = body.yield_position / steps
    step, newton_steps, reason = full, 0, None
    rows = [(0.0,) * 5]
    while True:
        try:
            newton_steps += body.move(body.position + step)
        except ConvergenceError as error:
            step *= 0.5
            if step < SMALLEST_STEP * full:
                reason = f"at {body.position:.4g} mm and {body.force:.4g} N a step did not converge: {error}"
                break
            continue
        step = min(2.0 * step, full)
        rows.append((body.position, body.force, body.work, body.dissipation, body.volume_beyond(OFFSET)))
        offset = (body.position - body.force / body.stiffness) / (OFFSET * height)
        if on_step is not None:
            on_step(min(1.0, 0.5 * min(1.0, body.position / body.yield_position) + 0.5 * offset))
        if offset >= 1.0:
            break
        if body.position >= FARTHEST * body.yield_position:
            reason = f"no failure up to {body.position:.4g} mm and {body.force:.4g} N"
            break
    position, force, work, dissipation, failed_volume = np.array(rows).T
    return LoadCurve(
        stiffness=body.stiffness,
        height=height,
        position=position,
        force=force,
        work=work,
        dissipation=dissipation,
        failed_volume=failed_volume,
        plastic_strain=body.partition.gather_cells(body.plastic_strain.mean(axis=1)),
        newton_steps=newton_steps,
        reason=reason,
    )
