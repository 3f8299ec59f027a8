"""The veins in the body and those that leave it: the table [veins]."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from experiments.case.sections.base import LINES, Choice, InputPath, Section, joined, physical
from materials.vein_distributions import MOST_BRANCHES

SINGLE_VEINS = (
    "basivertebral_number",
    "basivertebral_diameter_mm",
    "basivertebral_channel",
    "segmental_number_per_side",
    "segmental_diameter_mm",
    "segmental_length_mm",
)
"""Keys of the veins that begin at the wall, where there is no network."""

NETWORK_VEINS = ("collapse_pressure_kpa", "wall_entry_factor", "contact_radius_mm")
"""Keys of what enters the veins of a network."""

DRAWN_VEINS = ("seed", "foramina_number", "branch_number", "calibre_mm", "calibre_spread")
"""Keys of a network that is drawn at random."""


class Veins(Section):
    """The veins in the body and those that leave it; what is left out takes the law's own default.

    `network` says what veins there are in the body:

    - `"none"`: none; veins begin at the foramen and at the side walls, as the keys `basivertebral_*` and `segmental_*`
      have them. A group of which there is none leaves its share of the outlets to intact wall. The channel conducts
      like the most porous bone from the foramen forwards, where there is neither lesion nor cavity.
    - `"random"`: one draw from the distributions of [theory/veins.md](theory/veins.md), with trunks from the foramina
      in the posterior wall and branches to the front and the sides. The same `seed` gives the same veins on every
      mesh and machine, and a change of one key does not shuffle what the others say. `age_years` in `[patient]` and
      rapidly growing tumours widen them.
      Marrow drains into the veins of a network with the shares of both groups of veins in `[outlets.shares]`; cement
      enters them, too, and moves on in them as plugs.
    - a path: polylines from a scan or an atlas in the scanner's LPS mm, each point or line with its `diameter_mm`, as
      VTK (`.vtp`, `.vtk`) or as CSV with the columns `line`, `x_mm`, `y_mm`, `z_mm` and `diameter_mm`. Lines join where
      they share a point, and leave the body where they cross its wall or end within 2 mm of it; each has to join one
      that leaves.

    With `[fracture]` all of them are the veins of the body before, and move with the bone.
    """

    notes = """
    ```toml
    [veins]
    network = "random"
    seed = 7
    branch_number = 5
    calibre_mm = 1.2
    ```

    ```toml
    [veins]
    network = "veins.vtp"
    ```

    ```toml
    [veins]
    network = "none"
    basivertebral_diameter_mm = 2.5
    segmental_number_per_side = 1
    opening_pressure_kpa = 0.5
    ```
    """

    network: Literal["none", "random"] | InputPath = Field(
        default="random",
        description="the veins in the body: none, drawn at random, or the polylines of a file",
        json_schema_extra={"allowed": "'none', 'random' or the path of polylines (.vtp, .vtk or .csv)", "file": LINES},
    )
    seed: int = physical(1, "1", "seed of a random network: another seed, other veins", 0, 2**31 - 1)
    foramina_number: int | None = physical(
        None, "1", "foramina in the posterior wall of a random network, each with a trunk; drawn where left out", 1, 5
    )
    branch_number: int | None = physical(
        None,
        "1",
        "branches of a random network to the front and the sides",
        1,
        MOST_BRANCHES,
        sets=("vein_distributions.fewest_branches", "vein_distributions.most_branches"),
    )
    calibre_mm: float | None = physical(
        None,
        "mm",
        "median diameter of the branches of a random network, halfway to the wall",
        0.2,
        4.0,
        sets="vein_distributions.calibre",
    )
    calibre_spread: float | None = physical(
        None,
        "1",
        "geometric standard deviation of that diameter: 1 gives all branches the median",
        1.0,
        3.0,
        sets="vein_distributions.calibre_spread",
    )

    collapse_pressure_kpa: float | None = physical(
        None,
        "kPa",
        "pressure above the venous one at which cement moves on in a vein of the network",
        0.0,
        50.0,
        sets="vein_walls.collapse_pressure",
    )
    wall_entry_factor: float | None = physical(
        None,
        "1",
        "what the wall of a vein of the network lets through of the cement that the bone around it would give",
        1e-4,
        1.0,
        sets="vein_walls.wall_entry_factor",
    )
    contact_radius_mm: float | None = physical(
        None,
        "mm",
        "radius of the bone around a vein of the network that gives off marrow and cement to it",
        0.1,
        10.0,
        sets="vein_walls.contact_radius",
    )
    basivertebral_number: int | None = physical(
        None,
        "1",
        "number of basivertebral veins that leave through the foramen; 0 closes it for cement",
        0,
        6,
        sets="basivertebral_veins.number",
    )
    basivertebral_diameter_mm: float | None = physical(
        None, "mm", "diameter of a basivertebral vein", 0.2, 8.0, sets="basivertebral_veins.diameter"
    )
    basivertebral_channel: Choice = Field(
        default=True, description="the basivertebral veins run on as a more permeable channel inside the body"
    )
    segmental_number_per_side: int | None = physical(
        None,
        "1",
        "number of segmental veins at each lateral wall; 0 closes this path for cement",
        0,
        6,
        sets="segmental_veins.number",
    )
    segmental_diameter_mm: float | None = physical(
        None, "mm", "diameter of a segmental vein", 0.5, 6.0, sets="segmental_veins.diameter"
    )
    segmental_length_mm: float | None = physical(
        None,
        "mm",
        "length of a segmental vein between the body and a large vein",
        1.0,
        100.0,
        sets="segmental_veins.length",
    )
    opening_pressure_kpa: float | None = physical(
        None,
        "kPa",
        "pressure above the venous one at which cement enters a vein; that of collapse adds to it",
        0.0,
        50.0,
        sets=(
            "basivertebral_veins.opening_pressure",
            "segmental_veins.opening_pressure",
            "vein_walls.opening_pressure",
        ),
    )

    @property
    def drawn_with(self) -> int | None:
        """The seed of a random network; None of others."""
        return self.seed if self.network == "random" else None

    @field_validator("network", mode="before")
    @classmethod
    def _no_word_in_capitals(cls, network: Any) -> Any:
        if isinstance(network, str) and network not in ("none", "random") and network.lower() in ("none", "random"):
            raise ValueError(f'{network!r} would be the path of a file; did you mean "{network.lower()}"?')
        return network

    @model_validator(mode="after")
    def _keys_of_the_network(self) -> Veins:
        if self.network != "none" and (single := self.gives(*SINGLE_VEINS)):
            raise ValueError(
                f"{joined(single)} {'describes' if len(single) == 1 else 'describe'} veins without a network in the "
                f'body; remove {"it" if len(single) == 1 else "them"}, or set network = "none"'
            )
        if self.network == "none" and (walls := self.gives(*NETWORK_VEINS)):
            raise ValueError(
                f"{joined(walls)} {'belongs' if len(walls) == 1 else 'belong'} to a network of veins in the body; "
                f'remove {"it" if len(walls) == 1 else "them"}, or set network = "random"'
            )
        if self.network != "random" and (drawn := self.gives(*DRAWN_VEINS)):
            raise ValueError(
                f"{joined(drawn)} {'belongs' if len(drawn) == 1 else 'belong'} to a network that is drawn at random; "
                f'remove {"it" if len(drawn) == 1 else "them"}, or set network = "random"'
            )
        return self
