"""A compression fracture of the body: the table [fracture]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from experiments.case.sections.base import Choice, Section, joined, physical


class Fracture(Section):
    """A compression fracture: the body is broken before anything else is done with it.

    CT and masks are compressed together under the broken endplate, so that no bone is lost and it becomes denser there.
    Fractions of the body, in all other tables, are those of the body after. The table expands into a band of broken
    bone with `damage_factor`, a cleft as in `[[cavities]]` and fissures as in `[[defects]]`, which the manifest lists
    under `fracture`; tables of your own come on top. The state `intact` of the mechanics is the body before.

    - `wedge`: the front comes down and the posterior wall stays,
    - `biconcave`: the middle of the endplate sinks in between its rims,
    - `crush`: the whole plate comes down, posterior wall included,
    - `random`: what is left out of this table is drawn from the frequencies that `docs/theory/fractures.md` gives.

    `height_loss` counts where the type loses most: at the anterior wall, at the deepest point, everywhere. How much a
    body can give depends on its shape and is refused with the range. In an `old` fracture callus has bridged the broken
    bone and closed the fissures, unless a cleft shows that it did not heal. See `docs/how-to/fractures.md`.
    """

    notes = """
    ```toml
    [fracture]
    type = "wedge"
    height_loss = 0.35
    cleft = true
    ```
    """

    type: Literal["wedge", "biconcave", "crush", "random"] = Field(description="shape of the broken body")
    height_loss: float | None = physical(
        None, "1", "share of its height that the body has lost; required unless drawn", 0.05, 0.7
    )
    plate: Literal["superior", "inferior", "both"] | None = Field(
        default=None,
        description="the broken endplate; two share the height loss; by default the superior one, or both of a "
        "biconcave body",
    )
    age: Literal["fresh", "old"] = Field(default="fresh", description="whether callus has bridged the broken bone")
    seed: int | None = physical(
        None, "1", "seed of a random fracture: another seed, another body; 0 where it is left out", 0, 2**31 - 1
    )
    deepest: float | None = physical(
        None,
        "1",
        "depth, 0 anterior, of the deepest point of a biconcave body, of the broken plate's fissure and of a cleft "
        "that opens into that or into none",
        0.15,
        0.6,
    )
    band: float | None = physical(
        None,
        "1",
        "share of the height between the endplates that gives way under each broken one; by default as needed",
        0.1,
        1.0,
    )
    damage_factor: float | None = physical(
        None,
        "1",
        "share of its modulus that broken bone keeps",
        0.05,
        1.0,
        sets=("broken_body.damage_fresh", "broken_body.damage_old"),
    )
    cleft: Choice | None = Field(
        default=None,
        description="whether there is a cleft, open into a fissure if there are any; without, unless drawn",
    )
    fissures: Choice | None = Field(
        default=None, description="whether the cortex is fissured; by default unless healed or drawn otherwise"
    )
    aperture_mm: float | None = physical(None, "mm", "width of the fissures", 0.05, 2.0)

    @model_validator(mode="after")
    def _fissures_to_be_wide(self) -> Fracture:
        whole = self.cleft is False or (self.cleft is None and self.type != "random")
        if self.aperture_mm is not None and self.fissures is False:
            raise ValueError("aperture_mm is the width of fissures, but fissures = false; remove one of them")
        if self.aperture_mm is not None and self.fissures is None and self.age == "old" and whole:
            raise ValueError(
                "aperture_mm is the width of fissures, which an old fracture without a cleft has closed; set "
                "fissures = true or remove aperture_mm"
            )
        return self

    @model_validator(mode="after")
    def _drawn_or_given(self) -> Fracture:
        if self.type == "random":
            return self
        if strange := self.gives("seed"):
            raise ValueError(f'{joined(strange)} belongs to type = "random"; remove it')
        if self.height_loss is None:
            raise ValueError(f'type = "{self.type}" needs height_loss as well, as in height_loss = 0.3')
        return self
