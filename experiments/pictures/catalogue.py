"""The pictures that a run writes, in the order in which people look at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from experiments.results.finished_case import FinishedCase
from experiments.results.wording import leaked

Needs = Literal["run", "computed", "scan", "veins", "injection", "prescribed", "leak", "load", "load_curves", "heat"]


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        name: of its files, without ending.
        title: a few words.
        caption: what is to be seen, with units.
        needs: what a run must have for it.
        vector: whether it is a plot, which is written as SVG beside the PNG.
    """

    name: str
    title: str
    caption: str
    needs: Needs = "run"
    vector: bool = False

    @property
    def file(self) -> str:
        """Name of the PNG file."""
        return f"{self.name}.png"

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all its files."""
        return (self.file, f"{self.name}.svg") if self.vector else (self.file,)


CATALOGUE = (
    Picture(
        "mesh",
        "Mesh and regions",
        "Surface of the meshed vertebral body from both sides, with its named regions and the ends of veins.",
    ),
    Picture(
        "veins",
        "Veins in the body",
        "Veins in the translucent body in their own calibre, with the ends at which they leave the bone; a random "
        "network is one draw, and another seed gives other veins.",
        "veins",
    ),
    Picture(
        "density",
        "Bone mineral density",
        "Bone mineral density of the body's cells in mg/cm³ over the CT, in an axial, a coronal and a sagittal "
        "section through the body's centroid, with the veins that lie near them.",
        "computed",
    ),
    Picture(
        "cement_in_ct",
        "Cement in the CT",
        "The CT in an axial, a coronal and a sagittal section through the middle of the cement, and in further ones "
        "through the largest leaks: cement in the body, and outside of it coloured by clinical class.",
        "scan",
    ),
    Picture(
        "leaks_in_ct",
        "Leaks of the CT",
        "Cement in the translucent body and outside of it, coloured by clinical class, with the volume in ml.",
        "scan",
    ),
    Picture(
        "fill_front",
        "Fill front over time",
        "Cement in the translucent body after a quarter, half, three quarters and all of the injection, or at the "
        "stored times where these are fewer, with needles.",
        "injection",
    ),
    Picture(
        "front_times",
        "Fill front in one picture",
        "Surfaces of the cement after 25, 50, 75 and 100 % of the injection's time, or at the stored times where these "
        "are fewer, one inside the other and cut open at an axial plane, and their lines in this plane over the CT; "
        "where the front stood still, its line has the colour of the earliest time. Veins are drawn where they are.",
        "injection",
    ),
    Picture("filled", "Cement in the body", "The prescribed cement in the translucent body.", "prescribed"),
    Picture(
        "pressure",
        "Pressure at the end",
        "Pressure in kPa above that of the veins at the last stored time, over the CT in three sections through the "
        "cement; the line is the cement's edge, and veins that lie near a section are drawn with the cement in them.",
        "injection",
    ),
    Picture(
        "leaks",
        "Leak sites",
        "Where the wall is open, coloured by the clinical class of what lies behind: full at the spot where "
        "cement left, with the volume in ml, and pale elsewhere.",
        "injection",
    ),
    Picture(
        "leak_sites",
        "Leaked volume by site",
        "Cement in ml that left the body at each site, coloured by clinical class.",
        "leak",
        vector=True,
    ),
    Picture(
        "history",
        "Course of the injection",
        "Pressures in kPa, rate in ml/min, and cement injected, in the body and leaked in ml, against time in s.",
        "injection",
        vector=True,
    ),
    Picture(
        "heat",
        "Highest temperatures",
        "Highest temperature in °C of every place over the CT, in three sections through the cement, with lines at 45, "
        "50 and 60 °C; the blue line is the cement's edge.",
        "heat",
    ),
    Picture(
        "heat_course",
        "Temperatures over time",
        "Highest temperature in °C at named places, and the conversion of the cement, against time in min.",
        "heat",
        vector=True,
    ),
    Picture(
        "necrosis",
        "Tissue killed by heat",
        "Tissue whose Arrhenius damage has reached 1 around the cement in the translucent body, with its volume in ml.",
        "heat",
    ),
    Picture(
        "mechanics",
        "Stress and strain under load",
        "Von Mises stress in MPa and effective strain in % in a coronal section under the load, intact beside "
        "augmented on one scale, on the bone as it is displaced; the title says how much the displacement is enlarged.",
        "load",
    ),
    Picture(
        "stiffness",
        "Stiffness before and after",
        "Stiffness of the body intact and with cement: axial in N/mm, in flexion, lateral bending and torsion in "
        "N m/deg, with their ratios.",
        "load",
        vector=True,
    ),
    Picture(
        "load_curves",
        "Load curves to failure",
        "Axial force in N over compression in mm in every state; failure is where the curve meets the dotted line of "
        "elastic stiffness from a strain of 0.2 %.",
        "load_curves",
        vector=True,
    ),
    Picture(
        "failed",
        "Failed bone",
        "Equivalent plastic strain in % in a coronal section at the end of the load curves, state beside state on one "
        "scale; above 0.2 % bone counts as failed.",
        "load_curves",
    ),
)
"""All pictures in their order."""


def pictures_of(case: FinishedCase) -> tuple[Picture, ...]:
    """The pictures that belong to a finished case, in their order."""
    has: Mapping[Needs, bool] = {
        "run": True,
        "veins": case.results.veins is not None,
        "injection": case.injected,
        "computed": not case.measured,
        "scan": case.measured,
        "prescribed": not case.injected and not case.measured,
        "leak": any(leaked(site.leaked_ml) for site in case.leak_sites()),
        "heat": case.results.heat is not None,
        "load": case.results.load is not None,
        "load_curves": case.results.strength is not None and case.results.strength.best == "nonlinear_n",
    }
    return tuple(picture for picture in CATALOGUE if has[picture.needs])
