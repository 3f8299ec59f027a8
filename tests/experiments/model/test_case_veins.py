"""The veins that a case asks for: told where their draw was cut, and refused where they leave too little bone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.model.veins import CaseVeins, case_veins
from meshes.errors import InputError
from meshes.vertebra import Vertebra


def veins_of(vertebra: Vertebra, **veins: Any) -> CaseVeins:
    case = build_case({"patient": {"demo": True}, "veins": veins})
    return case_veins(case, Laws.of_case(case), vertebra)


def test_a_cut_draw_is_told(demo_vertebra: Vertebra) -> None:
    assert veins_of(demo_vertebra).warnings == ()
    found = veins_of(demo_vertebra, calibre_mm=2.0, calibre_spread=3.0, branch_number=4, seed=5)
    assert found.network is not None
    assert found.network.diameters.max() <= 8.0
    (warning,) = found.warnings
    assert warning.endswith("lower calibre_mm or calibre_spread")


def test_veins_that_leave_no_bone_are_refused(demo_vertebra: Vertebra, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"25 % of the body.*; lower calibre_mm, calibre_spread or branch_number"):
        veins_of(demo_vertebra, calibre_mm=4.0, calibre_spread=3.0, branch_number=12, seed=9)
    frame = demo_vertebra.frame
    rows = ["line,x_mm,y_mm,z_mm,diameter_mm"]
    for line, height in enumerate(np.linspace(0.2, 0.8, 8)):
        for depth in (0.1, 0.5, 1.2):
            x, y, z = frame.to_scanner(frame.point(0.0, depth, height)[None])[0]
            rows.append(f"{line},{x},{y},{z},8")
    (tmp_path / "veins.csv").write_text("\n".join(rows))
    with pytest.raises(InputError, match=r"veins.network: its veins have .* lower the diameters in .*veins.csv"):
        veins_of(demo_vertebra, network=str(tmp_path / "veins.csv"))
