"""An injection that goes on from stored states, on one or several ranks."""

import pickle

import dolfinx_solver  # noqa: F401
from mpi4py import MPI

import numpy as np
from flow_phantom import build_phantom
from injection_on_ranks import two_needles

from fem.injection.injection_state import InjectionState
from fem.partition import Partition

STORED_AFTER = 7


def same(one: InjectionState, other: InjectionState) -> bool:
    """Saturation, entry times, shares, pressures and rates."""
    pairs = (
        (one.saturation, other.saturation),
        (one.entry_time, other.entry_time),
        (one.fluid_shares, other.fluid_shares),
        (one.flow.pressure.relative_pressure, other.flow.pressure.relative_pressure),
        (one.flow.rates, other.flow.rates),
    )
    return one.time == other.time and all(np.array_equal(left, right) for left, right in pairs)


def continued(comm: MPI.Comm) -> tuple[int, bool]:
    """Carry the case out, store a state of every rank, and go on from it with all set up anew.

    Returns:
        How many steps were compared with those of the uninterrupted injection, and whether all of their fields and
        numbers are the same to the bit on every rank.
    """
    phantom = build_phantom()
    injection = two_needles(Partition.build(phantom.mesh, comm), phantom)
    states = [injection.start()]
    states += injection.steps(states[0])
    stored = pickle.dumps(states[STORED_AFTER])
    injection.destroy()
    anew = two_needles(Partition.build(phantom.mesh, comm), phantom)
    continued = list(anew.steps(pickle.loads(stored)))
    anew.destroy()
    equal = all(same(*pair) for pair in zip(continued, states[STORED_AFTER + 1 :], strict=True))
    return len(continued), bool(comm.allreduce(equal, op=MPI.LAND))
