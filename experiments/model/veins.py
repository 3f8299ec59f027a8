"""The veins in the body of one case: none, one draw from their distributions, or those of a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.case.errors import about
from experiments.case.laws import Laws
from experiments.case.schema import Case
from experiments.model.vein_draw import draw_veins
from meshes.errors import InputError
from meshes.vein_file import read_veins
from meshes.vein_layout import lay_veins
from meshes.vein_network import DIAMETERS, VeinNetwork
from meshes.vertebra import Vertebra

LARGEST_SHARE = 0.2
"""Share of a body that its veins may take: ten times the 1.5 to 2 % that one lost in a model with its vein cut out, an
upper bound (J Orthop Surg Res 1:18; tag D)."""


@dataclass(frozen=True)
class CaseVeins:
    """The veins in the body of a case.

    Attributes:
        network: of veins; None without one.
        warnings: sentences for the reader of the results.
    """

    network: VeinNetwork | None
    warnings: tuple[str, ...] = ()


def case_veins(case: Case, laws: Laws, vertebra: Vertebra) -> CaseVeins:
    """The network of veins that a case asks for, the same whatever mesh is made of the body.

    There is none where the case asks for none, and where its cement is prescribed, so that nothing flows.

    Args:
        case: what is asked.
        laws: its laws.
        vertebra: mask and frame.

    Raises:
        InputError: the file cannot be used, or the body has no place for the veins, of which there are more than
            :data:`LARGEST_SHARE` of it.
    """
    if case.prescribed_cement is not None:
        return CaseVeins(None)
    veins = case.veins
    with about("veins.network"):
        if isinstance(veins.network, Path):
            return CaseVeins(
                _fitting(read_veins(veins.network, vertebra), vertebra, f"the diameters in {veins.network}")
            )
        if laws.vein_distributions is None:
            return CaseVeins(None)
        plan = draw_veins(
            laws.vein_distributions,
            veins.seed,
            foramina=veins.foramina_number,
            age=case.patient.age_years,
            widening=laws.network_widening(),
        )
        network = _fitting(lay_veins(plan, vertebra), vertebra, "calibre_mm, calibre_spread or branch_number")
    if not plan.cut:
        return CaseVeins(network)
    low, high = DIAMETERS
    return CaseVeins(
        network,
        (
            f"veins: {plan.cut} of {plan.trunks.size + plan.calibres.size} calibres were drawn outside {low:g} to "
            f"{high:g} mm and stand at the bound; lower calibre_mm or calibre_spread",
        ),
    )


def _fitting(network: VeinNetwork, vertebra: Vertebra, cause: str) -> VeinNetwork:
    """The same veins, once they leave enough of the body to bone."""
    share = network.volume / vertebra.body_volume
    if share > LARGEST_SHARE:
        raise InputError(
            f"its veins have {network.volume / 1000.0:.1f} ml, {100.0 * share:.0f} % of the body, more than the "
            f"{100.0 * LARGEST_SHARE:.0f} % that leave it bone; lower {cause}"
        )
    return network
