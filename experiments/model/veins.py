"""The veins in the body of one case: none, one draw from their distributions, or those of a file."""

from __future__ import annotations

from pathlib import Path

from experiments.case.errors import about
from experiments.case.laws import Laws
from experiments.case.schema import Case
from experiments.model.vein_draw import draw_veins
from meshes.vein_file import read_veins
from meshes.vein_layout import lay_veins
from meshes.vein_network import VeinNetwork
from meshes.vertebra import Vertebra


def case_veins(case: Case, laws: Laws, vertebra: Vertebra) -> VeinNetwork | None:
    """The network of veins that a case asks for, the same whatever mesh is made of the body.

    There is none where the case asks for none, and where its cement is prescribed, so that nothing flows.

    Args:
        case: what is asked.
        laws: its laws.
        vertebra: mask and frame.

    Raises:
        InputError: the file cannot be used, or the body has no place for the veins.
    """
    if case.prescribed_cement is not None:
        return None
    veins = case.veins
    with about("veins.network"):
        if isinstance(veins.network, Path):
            return read_veins(veins.network, vertebra)
        if laws.vein_distributions is None:
            return None
        plan = draw_veins(
            laws.vein_distributions,
            veins.seed,
            foramina=veins.foramina_number,
            age=case.patient.age_years,
            widening=laws.network_widening(),
        )
        return lay_veins(plan, vertebra)
