"""What is computed of the body under load: the table [mechanics]."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticKnownError

from experiments.case.sections.base import Choice, Section, physical


class Mechanics(Section):
    """Stiffness and strength, before and after."""

    notes = """
    `domain = "vertebra"` loads body and arch together; the mask must hold the whole vertebra. `plates` bear on the
    endplates themselves (`"rigid"`, bonded) or on a disc on either endplate, of PMMA (2.5 GPa) as specimens are potted
    in it or of a soft material (8 MPa); the stiffness is then that between the outer faces, discs included.

    With `cortex = "shell"` walls and endplates have a shell of their own, spread over the first 3 mm of bone, and the
    bone there takes the density of what lies behind, so that the shell, which the voxels blur over several millimetres,
    counts once. Its thickness follows from the mineral per area that the CT shows, or is `thickness_mm` of [walls];
    openings take their area out of it. `"voxels"` leaves the shell in the averaged voxels, as recipes in print do.
    `transverse_isotropy` divides the modulus across the axis by 2 in dense bone to 4 in porotic bone;
    cement makes a cell isotropic again as it fills it. `composite = "bulk"` gives filled bone the modulus of cement in
    bulk, to compare with.

    Stresses, strains, load shares and the linear estimate of strength belong to one load on the superior plate;
    `load_case` says how it acts, and the inferior plate is fixed. All are linear, so stresses go with the load, and the
    estimate, which is the axial force of a load that grows in proportion, depends only on `moment_nm` over `load_n`.

    | `load_case` | what bears on the superior plate |
    |---|---|
    | `"axial"` | the force `load_n` on a plate that does not tilt |
    | `"free"` | the same through the centroid of the endplate, on a plate that tilts, turns and slides as it likes |
    | `"point"` | the same through `load_left` and `load_depth` |
    | `"flexion"` | `"free"` with `moment_nm` forward, or backward where it is negative |
    | `"lateral"` | `"free"` with `moment_nm` to the left, or to the right where it is negative |
    | `"pressure"` | a uniform pressure on the endplate, or on its disc, without a plate; `load_n` is its axial part |

    The numbers are in the part `load` of `results.json`, the fields in `mechanics.vtu` (displacement at the points; von
    Mises and principal stress, principal and effective strain and energy density in the cells), in the scanner's LPS
    mm, and in the picture `mechanics.png`. With `[fracture]` those of `intact`, the body before, are in
    `mechanics_intact.vtu`. How they are defined, and how little the estimate of strength means as a number of its own,
    stands in [theory/strength.md](theory/strength.md).

    `neighbour = "below"` (or `"above"`) also loads the next vertebra by what each state passes on through
    `plates = "soft"`; its body must be whole in the same image and mask. Its strain and the pressure on its endplate
    are in `load.<state>.neighbour`. Both bodies have half of the disc between them.

    `strength = "nonlinear"` also compresses the bone of every state until it fails: it yields by `yield_law`, and so
    does the cement. Strength, energy to failure, failed volume and the load curve are in the part `strength` of
    `results.json`, the plastic strain at the end of the curves in the cells of `mechanics.vtu`. It takes minutes and
    goes with `degree = 2` and `load_case = "axial"`. `yield_law = "ogo"` is the recipe of a published benchmark
    and goes with `modulus_law = "walle"`.

    ```toml
    [mechanics]
    load_n = 800.0
    yield_strain = 0.0077       # compression, instead of the 0.007 of the criterion's authors
    ```
    """

    enabled: Choice = Field(default=True, description="compute the stiffness of the intact and augmented body")
    degree: Literal[1, 2] = Field(default=2, description="polynomial degree of the displacement")
    domain: Literal["body", "vertebra"] = Field(
        default="body", description="what is loaded: the body alone, or the whole vertebra with its arch"
    )
    plates: Literal["rigid", "pmma", "soft"] = Field(
        default="rigid",
        description="what bears on the endplates: bonded rigid plates, or PMMA or soft discs under them",
    )
    transverse_isotropy: Choice = Field(
        default=False, description="bone is stiffer along the superior-inferior axis than across it"
    )
    cortex: Literal["voxels", "shell"] = Field(
        default="shell", description="the cortical shell as a layer of its own, or as the averaged voxels show it"
    )
    composite: Literal["kinzl", "bulk"] = Field(
        default="kinzl", description="law of Young's modulus of cement-filled bone"
    )
    strength: Literal["linear", "nonlinear"] = Field(
        default="linear", description="strength by a linear estimate alone, or by load curves to failure as well"
    )
    yield_law: Literal["morgan_keaveny", "ogo"] = Field(
        default="morgan_keaveny", description="law of the yield stress of bone from its modulus"
    )
    cement_modulus_mpa: float | None = physical(
        None, "MPa", "Young's modulus of the cement", 100.0, 10000.0, sets="composite.cement_modulus"
    )
    cement_porosity: float | None = physical(
        None, "1", "pores of the cured cement, for the kinzl law", 0.0, 0.6, sets="composite.cement_porosity"
    )
    load_case: Literal["axial", "free", "point", "flexion", "lateral", "pressure"] = Field(
        default="axial", description="how the load of the fields acts on the superior plate"
    )
    load_n: float = physical(
        500.0,
        "N",
        "axial load of the fields",
        1.0,
        20000.0,
        "load on an augmented L2 in finite elements, 10.1186/s12891-022-05522-3",
        "S",
    )
    moment_nm: float = physical(
        7.5,
        "N m",
        "moment of the fields in flexion or to the left",
        -50.0,
        50.0,
        "recommended for tests of lumbar spines, Wilke 1998, 10.1007/s005860050045",
        "M",
    )
    load_left: float | None = physical(
        None, "1", "where the force of a point acts, fraction of the half width: 1 at the left wall", -1.0, 1.0
    )
    load_depth: float | None = physical(
        None, "1", "where the force of a point acts, fraction of the depth: 0 anterior, 1 posterior", 0.0, 1.0
    )
    neighbour: Literal["above", "below"] | None = Field(
        default=None, description="which neighbouring vertebra bears what this one passes on through the soft disc"
    )
    yield_strain: float | None = physical(
        None,
        "1",
        "effective strain above which bone counts as overstrained in the estimate of strength",
        0.001,
        0.05,
        sets="failure.yield_strain",
    )
    overstrained_share: float | None = physical(
        None,
        "1",
        "share of the bone's volume above yield_strain at which it counts as failed",
        0.001,
        0.5,
        sets="failure.volume_share",
    )
    poisson: float | None = physical(
        None, "1", "Poisson's ratio of bone and composite", 0.0, 0.45, sets="bone.poisson_ratio"
    )

    @model_validator(mode="after")
    def _what_load_curves_are_for(self) -> Mechanics:
        if self.strength == "linear":
            if "yield_law" in self.model_fields_set:
                raise ValueError('yield_law belongs to strength = "nonlinear"; remove it, or ask for that')
            return self
        if not self.enabled:
            raise ValueError('strength = "nonlinear" needs the mechanics; remove it, or set enabled = true')
        if self.degree == 1:
            raise ValueError(
                'strength = "nonlinear" needs degree = 2; linear elements lock where bone flows without changing its '
                "volume"
            )
        if self.load_case != "axial":
            raise ValueError(
                'strength = "nonlinear" compresses the bone between plates that do not tilt; remove it, or set '
                'load_case = "axial"'
            )
        return self

    @model_validator(mode="after")
    def _what_belongs_to_the_load_case(self) -> Mechanics:
        if "moment_nm" in self.model_fields_set and self.load_case not in ("flexion", "lateral"):
            raise ValueError(
                'moment_nm belongs to load_case = "flexion" or "lateral"; remove it, or ask for one of them'
            )
        places = (self.load_left, self.load_depth)
        if self.load_case == "point" and None in places:
            raise ValueError(
                'load_case = "point" needs load_left (-1 to 1) and load_depth (0 to 1), fractions of the body'
            )
        if self.load_case != "point" and places != (None, None):
            raise ValueError('load_left and load_depth belong to load_case = "point"; remove them, or choose it')
        return self

    @model_validator(mode="after")
    def _what_a_neighbour_needs(self) -> Mechanics:
        if self.neighbour is not None and (self.plates != "soft" or self.domain != "body" or not self.enabled):
            raise ValueError(
                'neighbour needs plates = "soft", domain = "body" and enabled = true: the load passes through a soft '
                "disc between two bodies"
            )
        return self

    @model_validator(mode="after")
    def _bulk_cement_has_no_pores(self) -> Mechanics:
        if self.composite == "bulk" and self.cement_porosity is not None:
            raise ValueError('cement_porosity belongs to composite = "kinzl"; bulk cement is taken as tested')
        return self

    @field_validator("degree", mode="before")
    @classmethod
    def _degree_is_a_whole_number(cls, value: Any) -> Any:
        # In Python true equals 1 and 2.0 equals 2, so the choice of literals alone lets them pass.
        if type(value) is not int:
            raise PydanticKnownError("int_type")
        return value
