"""All benchmarks of docs/benchmarks.md, one after the other.

Run them as ``uv run --group bench python -m benchmarks -o docs/benchmarks.md`` on a machine that does nothing
else. Each of them is also a module with a ``--help`` of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks import (
    cohort_cost,
    elastic_sizes,
    elastic_solve,
    flow_profile,
    flow_steps,
    injection_speed,
    start_up,
    whole_case,
)
from benchmarks.page import options

PARTS = (flow_steps, injection_speed, flow_profile, elastic_solve, elastic_sizes, whole_case, cohort_cost, start_up)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run them."""
    asked = options(__doc__).parse_args(arguments)
    for part in PARTS:
        print(part.__name__, file=sys.stderr, flush=True)
        part.main([] if asked.out is None else ["-o", str(asked.out)])


if __name__ == "__main__":
    main()
