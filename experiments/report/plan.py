"""The page of a plan: what will be injected where, over the CT and as a scene, before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.case.units import to_clinical
from experiments.model.needle_paths import NeedlePath
from experiments.pictures.plan import Plan, bone_left, draw_plan_bodies, draw_plan_sections, needle_name
from experiments.report.content import Headline, Picture, pairs, picture
from experiments.report.page import page_environment, report_page
from experiments.report.scene import bodies_page
from experiments.results.parts.manifest import TissueRecord
from experiments.results.wording import capitalised, number, percent, place, told, words


def draw_plan(plan: Plan, folder: Path) -> list[Picture]:
    """Draw a plan in a folder, which is there: one picture for each needle, or one without, and the vertebra.

    Returns:
        The pictures for the page.
    """
    caption = (
        "Lines: the edge of the body as it is meshed, of the arch as the mask has it, and of what lies in the body; "
        "thick: where the wall is open."
    )
    drawn = []
    for needle in plan.needles or (None,):
        name = "plan.png" if needle is None else f"plan_needle_{needle.number + 1}.png"
        title = "Over the CT" if needle is None else f"{capitalised(needle_name(needle))}, over the CT"
        drawn.append(picture(draw_plan_sections(plan, folder / name, needle), title, caption))
    bodies = draw_plan_bodies(plan, folder / "plan_bodies.png")
    return [*drawn, picture(bodies, "In the vertebra", "The translucent vertebra from behind and from the front.")]


def plan_page(
    title: str, rows: Sequence[tuple[str, str]], plan: Plan, warnings: Sequence[str], pictures: Sequence[Picture]
) -> str:
    """The whole page.

    Args:
        title: of the case.
        rows: what :func:`plan_rows` gives.
        plan: what is shown.
        warnings: sentences for the reader.
        pictures: what :func:`draw_plan` gives.
    """
    environment = page_environment()
    return report_page(
        environment,
        "plan.html",
        scene=bodies_page([[(body, None) for body in plan.bodies()]], plan.extent, environment),
        title=title,
        headlines=[_headline(path) for path in plan.needles],
        warnings=warnings,
        listing=pairs("What is planned", rows),
        pictures=pictures,
    )


def plan_rows(level: str, body_ml: float, plan: Plan, tissues: Mapping[str, TissueRecord]) -> list[tuple[str, str]]:
    """What is planned, and its value with unit.

    Args:
        level: of the vertebra.
        body_ml: volume of its body.
        plan: what is planned.
        tissues: lesions, cavities, defects and channels with their volumes.
    """
    rows = [("vertebra", f"{level}, body of {number(body_ml, 'ml')}")]
    for path in plan.needles:
        rows.append((needle_name(path), f"tip {place(path.tip.tolist())} of the body's centroid"))
        rows.append(("  its axis", _axis(path)))
        rows.append(("  in its pedicle", bone_left(path)))
    rows += [
        (words(name), f"{told(tissue, 'volume_ml')}, {percent(tissue.fraction_of_body)} of the body")
        for name, tissue in tissues.items()
    ]
    if plan.veins is not None:
        rows.append(("veins", f"{len(plan.veins.segments)} pieces, {len(plan.veins.exit_sites)} ends at the wall"))
    if plan.sites:
        rows.append(("open to cement", ", ".join(words(site.site) for site in plan.sites)))
    return rows


def _axis(path: NeedlePath) -> str:
    camber, sagittal = (to_clinical(angle, "deg") for angle in (path.camber, path.sagittal))
    return f"camber {camber:.0f}°, sagittal {sagittal:.0f}°"


def _headline(path: NeedlePath) -> Headline:
    clearance = path.clearance
    value = "–" if clearance is None else f"{clearance.distance:.1f} mm"
    around = "around it" if clearance is None else f"around it, least on the {clearance.side} side"
    return Headline(
        needle_name(path),
        value,
        f"of bone {around}; {_axis(path)}",
        alarming=clearance is not None and clearance.distance < 0.0,
    )
