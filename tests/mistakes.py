"""Typical mistakes of people with a case of their own, by what they do: what is refused or warned of, as a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner

from experiments.case.laws import Laws
from experiments.case.schema import read_case
from experiments.cli.main import app
from experiments.model.needle_paths import plan_paths
from experiments.model.procedure import check_front_limit
from meshes.demo_patient import DemoPatient
from meshes.errors import InputError
from meshes.vertebra import Vertebra, read_vertebra

DEMO = "[patient]\ndemo = true\n"

CASE_FILES = {
    "a key with a slip": DEMO + "[[needles]]\nguage = 11\n",
    "a table with a slip": DEMO + "[needle]\ngauge = 11\n",
    "single brackets around a table of several": DEMO + "[needles]\ngauge = 11\n",
    "a key in the wrong table": DEMO + "[cement]\nvolume_ml = 4.0\n",
    "a word that is none": DEMO + '[cement]\nviscosity = "thick"\n',
    "a number in quotation marks": DEMO + '[[needles]]\ngauge = "11"\n',
    "a decimal comma": DEMO + "[[needles]]\nleft = 0,2\n",
    "a word without quotation marks": DEMO + "[cement]\nviscosity = low\n",
    "mm in place of a fraction": DEMO + "[[needles]]\nleft = -12.0\n",
    "percent in place of a share": DEMO + '[[lesions]]\nkind = "osteolytic"\nfraction = 30.0\n',
    "a volume beyond any procedure": DEMO + "[injection]\nvolume_ml = 40.0\n",
    "a needle of no size that is sold for it": DEMO + "[[needles]]\ngauge = 20\n",
    "an injection after the working time": DEMO + "[injection]\nworking_time_min = 4.0\n",
    "two needles with one tip": DEMO + '[[needles]]\n[[needles]]\nside = "right"\nleft = 0.2\n',
    "volumes that do not add up": DEMO + "[[needles]]\nvolume_ml = 2.0\n[injection]\nvolume_ml = 4.0\n",
    "one angle of two": DEMO + '[[needles]]\napproach = "free"\ncamber_deg = 20.0\n',
    "a drawn needle without its line": DEMO + '[[needles]]\napproach = "drawn"\n',
    "half of a stepped cannula": DEMO + "[[needles]]\nproximal_bore_mm = 3.6\n",
    "the demo and a CT": '[patient]\ndemo = true\nct = "ct.nii.gz"\n',
    "a CT without its mask": '[patient]\nct = "ct.nii.gz"\nlevel = "L3"\n',
    "no patient": 'title = "mine"\n',
    "files that are not there": '[patient]\nct = "ct.nii.gz"\nmask = "mask.nii.gz"\nlevel = "L3"\n',
    "a level that nobody has": '[patient]\nct = "ct.nii.gz"\nmask = "mask.nii.gz"\nlevel = "L9"\n',
    "a convention of labels with a slip": '[patient]\nct = "a"\nmask = "b"\nlevel = "L3"\nlabels = "vers"\n',
    "a lesion without a shape": DEMO + '[[lesions]]\nkind = "osteolytic"\n',
    "a lesion with two shapes": DEMO + '[[lesions]]\nkind = "osteolytic"\nfraction = 0.2\nlabel = 1\nmask = "l.nii"\n',
    "a cleft without its size": DEMO + '[[cavities]]\nkind = "cleft"\nleft = 0.0\ndepth = 0.4\nheight = 0.7\n',
    "a balloon of two sizes": DEMO
    + '[[cavities]]\nkind = "balloon"\nleft = 0.0\ndepth = 0.4\nheight = 0.5\nvolume_ml = 2.0\ndiameter_mm = 15.0\n',
    "a fracture without its loss of height": DEMO + '[fracture]\ntype = "wedge"\n',
    "an injection beside prescribed cement": DEMO
    + "[injection]\nvolume_ml = 3.0\n[prescribed_cement]\nthreshold_hu = [1500, 3071]\n",
    "thresholds in the wrong order": DEMO + "[prescribed_cement]\nthreshold_hu = [3071, 1500]\n",
    "a rheometer and a class of viscosity": DEMO + '[cement]\nrheometer = "mine.csv"\nviscosity = "low"\n',
    "densities from a CT in HU": DEMO + '[bone]\nunits = "mg/cm3"\n',
    "a law's value without quotation marks": DEMO + "[laws]\ncement.activation_energy = 50.0\n",
}
"""What people do -> the case file."""

PLANS = {
    "a target outside of the bone": DEMO + "[[needles]]\nleft = 0.9\ndepth = 0.05\nheight = 0.95\n",
    "the sign of left, or the side": DEMO + '[[needles]]\nside = "right"\nleft = 0.3\n',
    "a path beside the bone": DEMO + "[[needles]]\nleft = 0.8\ndepth = 0.85\nheight = 0.1\n",
    "angles of the other side": DEMO
    + '[[needles]]\nside = "left"\napproach = "free"\nleft = 0.2\ncamber_deg = -25.0\nsagittal_deg = 0.0\n',
    "a finish line in front of the tip": DEMO + "[[needles]]\ndepth = 0.6\n[injection]\nfront_limit_depth = 0.5\n",
}
"""What people do -> the case file, which loads."""


IMAGES: dict[str, Callable[[str, Any], Any]] = {
    "an 8-bit picture of a CT": lambda name, values: (
        np.clip((values + 200) / 5, 0, 255).astype(np.uint8) if name == "ct" else values
    ),
    "a CT without its rescale intercept": lambda name, values: values + np.int16(1024) if name == "ct" else values,
    "HU that are shifted": lambda name, values: values + np.int16(300) if name == "ct" else values,
    "an empty mask": lambda name, values: values if name == "ct" else 0 * values,
    "a CT in place of the mask": lambda name, values: values,
    "a mask upside down": lambda name, values: values if name == "ct" else values[:, ::-1],
    "a mask that is mirrored": lambda name, values: values if name == "ct" else values[:, :, ::-1],
    "a mask beside its bone": lambda name, values: values if name == "ct" else np.roll(values, 3, axis=0),
    "a mask of fewer slices": lambda name, values: values if name == "ct" else values[:, :-4],
}
"""What people do -> how the demo patient's files change: the name of a file, and its values."""

COMMANDS = {
    "a CT without its mask, on the command line": ["check", "ct.nii.gz"],
    "a CT and a mask without a level": ["check", "ct.nii.gz", "mask.nii.gz"],
    "a case file that is not there": ["run", "missing.toml"],
    "a template that is none": ["new", "mine.toml", "--like", "kyphoplastie"],
    "a report of no run": ["report", "nowhere"],
    "results over something else": ["demo", "-o", "taken"],
}
"""What people do -> the command."""


def said_of_case_file(text: str, folder: Path) -> str:
    """What reading a case file says."""
    (folder / "case.toml").write_text(text)
    try:
        read_case(folder / "case.toml")
    except InputError as error:
        return str(error)
    return ""


def said_of_plan(text: str, folder: Path, vertebra: Vertebra) -> str:
    """What laying the needles of a case says, refused or warned."""
    (folder / "case.toml").write_text(text)
    case = read_case(folder / "case.toml")
    try:
        paths = plan_paths(case.needles, Laws.of_case(case).cannulas, vertebra)
        check_front_limit(case, vertebra.frame, paths)
    except InputError as error:
        return str(error)
    return "\n".join(warning for path in paths for warning in path.warnings)


def said_of_images(
    change: Callable[[str, Any], Any], folder: Path, write: Callable[..., DemoPatient], name: str
) -> str:
    """What reading changed images says, refused or warned."""
    files = write(folder, change=change)
    try:
        vertebra = read_vertebra(
            files.ct, files.ct if name == "a CT in place of the mask" else files.mask, "L3", "verse"
        )
    except InputError as error:
        return str(error)
    return "\n".join(vertebra.warnings)


def said_of_command(arguments: list[str]) -> str:
    """What a command says in the current folder."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2, result.output
    return result.output.removeprefix("error: ").strip()
