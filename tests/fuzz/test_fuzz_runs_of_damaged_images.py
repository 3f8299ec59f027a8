"""Whole coarse runs on damaged masks and CTs end in a refusal or with a closed mass balance."""

from pathlib import Path
from typing import Any

from mpi4py import MPI

import numpy as np
from hypothesis import strategies as st
from label_changes import CHANGE, Change, changed
from outcomes import Tally, campaign, explore
from phantom import LABEL, PhantomFiles, hounsfield, subregions

from experiments.case.schema import build_case
from experiments.run.pipeline import run_case
from fem.injection.history import BALANCE_LIMIT, DIVERGENCE_LIMIT

RUN_LIMIT = 180.0
"""Seconds that a whole run may take."""

HU_CHANGES = st.one_of(
    st.just(()),
    st.tuples(
        st.builds(Change, st.just("speckle"), st.tuples(st.just(0.02), st.sampled_from([-900, 3000]), st.just(1)))
    ),
    st.tuples(st.sampled_from([-900, 3000, 30000, 0]).map(lambda hu: Change("paint", ((10, 6, 8), (9, 7, 6), hu)))),
    st.tuples(st.sampled_from([0.5, 2.0]).map(lambda factor: Change("scaled", (factor,)))),
)
"""Noise, metal, holes, another scale."""

SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "defects": st.just([{"wall": "posterior_wall", "left": 0.0, "height": 0.5, "diameter_mm": 8.0}]),
        "lesions": st.just([{"kind": "osteolytic", "fraction": 0.2}]),
        "cement": st.sampled_from([{"viscosity": "low"}, {"viscosity": "high"}]),
        "walls": st.just({"missing_shell": "open"}),
    },
)


@campaign(1, 60)
def test_runs_on_damaged_images(inputs: int, tally: Tally, phantom: PhantomFiles, tmp_path: Path) -> None:
    def check(content: tuple[tuple[Change, ...], tuple[Change, ...], dict[str, Any]]) -> None:
        of_mask, of_ct, sections = content
        mask = changed(tmp_path / "mask.nii", LABEL * (subregions() > 0), of_mask, "float64")
        ct = changed(tmp_path / "ct.nii", hounsfield(), of_ct, "float32")
        case = {
            "patient": {
                "ct": str(ct),
                "mask": str(mask),
                "subregions": str(phantom.subregions),
                "level": "L3",
                "labels": LABEL,
            },
            "mesh": {"size_mm": 4.0, "needle_size_mm": 1.4},
            "needles": [{"approach": "free", "camber_deg": 20.0, "sagittal_deg": 0.0, "gauge": 10}],
            "injection": {"volume_ml": 1.0},
            "mechanics": {"degree": 1},
            "output": {"pictures": False, "field_times": 1},
            **sections,
        }
        outcome = tally.attempt(lambda: run_case(build_case(case), comm=MPI.COMM_SELF), RUN_LIMIT)
        if outcome is not None:
            injection = outcome.results.injection
            assert injection.mass_balance_error <= BALANCE_LIMIT
            assert injection.divergence_error <= DIVERGENCE_LIMIT
            assert 0.0 < injection.injected_ml <= 1.0 + 1e-9
            assert np.isfinite(outcome.results.stiffness.augmented_n_per_mm)

    explore(inputs, st.tuples(st.lists(CHANGE, max_size=1).map(tuple), HU_CHANGES, SECTIONS), check)
