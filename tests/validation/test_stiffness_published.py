"""Stiffness against published series, on the demo's L3 with edges of 3 mm, quadratic elements and rigid plates.

- Lytic defects (microFE, reference incomplete): -3 to -30 % of the axial stiffness for 4 to 35 % of the volume, linear,
  wherever the lesion lies. Accepted: -0.7 to -1.1 % per %, R2 above 0.9. Holes here have a thousandth of the modulus.
- Dose and response: cement of 14 % (Liebschner 2001), 30 % (10.3340/jkns.2012.52.5.435) or 29.8 % (Molloy 2003) of the
  body restores its stiffness. As these disagree, accepted is: monotone, restored between 10 and 35 %. Bone keeps DAMAGE
  of its modulus; the cement is one ellipsoid in the middle of the body.
- One side or two (10.1007/s00586-011-1744-3, Liebschner 2001): 0.85 to 1.05 of the bilateral axial stiffness at equal
  volume where the cement crosses the midline; a one-sided fill tilts more, towards the untreated side. The cement is
  15 % of the body. Masses as tall as each other are compared, and balls, of which two are less tall than one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import numpy as np
import pytest
from evidence import Evidence
from numpy.typing import NDArray

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.model.cortex import Cortex, bone_of
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plates import PlateProblem
from fem.mechanics.stiffness import StiffnessMatrix, stiffness_matrix
from fem.partition import Partition
from materials.bone import BoneField
from materials.composite import CementBoneComposite
from meshes.sampling import voxel_weights
from meshes.shapes import ellipsoid_of_capacity
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

DAMAGE = 0.5
"""Factor on the modulus of fractured bone in the dose series (tag D)."""

POISSON_RATIO = 0.3
HOLE = 1e-3

Shape = tuple[tuple[float, float, float], tuple[float, float, float], float]
"""Centre as (left, depth, height), proportions, and volume as a fraction of the body's."""

BALL, COLUMN, WIDE = (1.0, 1.0, 1.0), (1.0, 1.0, 6.0), (1.5, 1.0, 1.0)

LESIONS = (0.04, 0.10, 0.16, 0.22, 0.28, 0.35)
PLACES = {
    "ball in the middle": ((0.0, 0.5, 0.5), BALL),
    "ball at the left": ((0.4, 0.5, 0.5), BALL),
    "ball at the back": ((0.0, 0.7, 0.5), BALL),
    "column in the middle": ((0.0, 0.5, 0.5), COLUMN),
}

ONE_SIDED: list[Shape] = [((0.45, 0.4, 0.5), BALL, 0.15)]
ACROSS: list[Shape] = [((0.1, 0.4, 0.5), WIDE, 0.15)]
AS_TALL: list[Shape] = [((side, 0.4, 0.5), (0.87, 0.87, 1.0), 0.075) for side in (0.45, -0.45)]
BALLS: list[Shape] = [((side, 0.4, 0.5), BALL, 0.075) for side in (0.45, -0.45)]


class Body:
    """The demo's L3 between rigid plates: bone of the CT with its shell, or one modulus everywhere without one."""

    def __init__(self, vertebra: Vertebra, mesh: TetMesh) -> None:
        laws = Laws.of_case(build_case({"patient": {"demo": True}}))
        cortex = Cortex.measured(laws, vertebra, mesh)
        assert cortex is not None
        self.vertebra = vertebra
        self.mesh = mesh
        self.bone: BoneField = bone_of(laws, cortex, vertebra, mesh, voxel_weights(mesh, vertebra))
        self.shell = cortex.spread(mesh, np.ones(len(mesh.facets)))
        self.plates = PlateProblem(Partition.build(self.mesh, MPI.COMM_SELF))

    def shares(self, shapes: Sequence[Shape], capacity: NDArray[np.float64]) -> NDArray[np.float64]:
        """(cells,) what the shapes take of each cell's capacity."""
        taken = np.zeros(len(self.mesh.cells))
        for centre, proportions, fraction in shapes:
            taken, _ = ellipsoid_of_capacity(
                self.mesh,
                self.vertebra.frame.point(*centre),
                np.array(proportions),
                capacity,
                fraction * self.mesh.volume,
                taken,
            )
        return taken

    def axial(self, material: ElasticMaterial) -> float:
        """Axial stiffness in N/mm without tilt."""
        self.plates.assemble(material)
        return -float(self.plates.solve((0.0, 0.0, -1.0, 0.0, 0.0, 0.0)).reaction_superior[2])

    def with_lesion(self, place: str, fraction: float, *, uniform: bool) -> ElasticMaterial:
        """The body with a hole that has a fraction of its volume."""
        hole = self.shares([(*PLACES[place], fraction)], self.mesh.cell_volumes) if fraction else 0.0
        left = np.broadcast_to(1.0 - (1.0 - HOLE) * hole, len(self.mesh.cells))[:, None]
        if uniform:
            return ElasticMaterial.isotropic(300.0 * left[:, 0], POISSON_RATIO)
        bone = self.bone.modulus * left
        return ElasticMaterial.transversely_isotropic(*self.shell.mixed(bone, bone), POISSON_RATIO)

    def cemented(self, shapes: Sequence[Shape], damage: float) -> ElasticMaterial:
        """The damaged body with cement whose own volume is given."""
        saturation = self.shares(shapes, self.bone.porosity * self.mesh.cell_volumes)[:, None]
        both = self.shell.mixed(self.bone.modulus, self.bone.modulus)
        filled = (CementBoneComposite().modulus(damage * modulus, saturation) for modulus in both)
        return ElasticMaterial.transversely_isotropic(*filled, POISSON_RATIO)

    def stiffness(self, material: ElasticMaterial) -> StiffnessMatrix:
        """The whole stiffness matrix."""
        self.plates.assemble(material)
        return stiffness_matrix(self.plates)


@pytest.fixture(scope="module")
def body(demo_vertebra: Vertebra, demo_mesh: Callable[..., TetMesh]) -> Iterator[Body]:
    body = Body(demo_vertebra, demo_mesh(3.0))
    yield body
    body.plates.destroy()


def slope_of(body: Body, place: str, *, uniform: bool = False) -> tuple[float, float]:
    """Change of the stiffness in % for each % of volume, and the R2 of the line."""
    intact, *softer = (body.axial(body.with_lesion(place, part, uniform=uniform)) for part in (0.0, *LESIONS))
    change = [100.0 * (stiffness / intact - 1.0) for stiffness in softer]
    volume = 100.0 * np.array(LESIONS)
    print(place, np.round(change, 1).tolist())
    return float(np.polyfit(volume, change, 1)[0]), float(np.corrcoef(volume, change)[0, 1] ** 2)


def check_slope(evidence: Evidence, slope: float, linearity: float, name: str, about: str = "open") -> None:
    case, source = f"V10 lytic defect, {name}", "microFE (reference incomplete, S)"
    evidence.check(
        case=case,
        quantity="R² of the line of stiffness over volume [-]",
        computed=linearity,
        low=0.9,
        source=source,
        kind="published",
        about=about,
    )
    evidence.check(
        case=case,
        quantity="change of axial stiffness for each % of volume [%/%]",
        expected=-0.87,
        computed=slope,
        low=-1.1,
        high=-0.7,
        source=source,
        kind="published",
        about=about,
    )


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="-0.52 % per %: the shell bears two thirds")
def test_a_lytic_defect_softens_the_bone_of_the_ct(evidence: Evidence, body: Body) -> None:
    check_slope(evidence, *slope_of(body, "ball in the middle"), "ball in the middle")


SHALLOW = {"ball at the left": -0.43, "ball at the back": -0.57, "column in the middle": -0.49}
"""Place of a hole -> % of stiffness for each % of volume, too little for the band."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "place",
    [
        pytest.param(place, marks=pytest.mark.xfail(strict=True, raises=AssertionError, reason=f"{slope} % per %"))
        for place, slope in {
            "ball at the left": -0.43,
            "ball at the back": -0.57,
            "column in the middle": -0.49,
        }.items()
    ],
)
def test_a_lytic_defect_elsewhere_softens_it_as_much(evidence: Evidence, body: Body, place: str) -> None:
    check_slope(evidence, *slope_of(body, place), place)


@pytest.mark.slow
@pytest.mark.parametrize(
    "place",
    [
        pytest.param(
            "ball in the middle", marks=pytest.mark.xfail(strict=True, raises=AssertionError, reason="-1.23 % per %")
        ),
        pytest.param(
            "column in the middle", marks=pytest.mark.xfail(strict=True, raises=AssertionError, reason="-1.12 % per %")
        ),
    ],
)
def test_a_lytic_defect_softens_a_uniform_body(evidence: Evidence, body: Body, place: str) -> None:
    """Where all bone is equal, none of the load goes around the hole through a stiffer wall."""
    check_slope(evidence, *slope_of(body, place, uniform=True), f"{place}, one modulus everywhere", "alternative")


def test_more_cement_restores_a_damaged_body(evidence: Evidence, body: Body) -> None:
    intact = body.axial(body.cemented([], 1.0))
    doses = (0.10, 0.15, 0.20, 0.30)
    ratios = [body.axial(body.cemented([((0.0, 0.5, 0.5), WIDE, dose)], DAMAGE)) / intact for dose in doses]
    assert ratios == sorted(ratios)
    assert ratios[0] < 1.0 < ratios[-1]
    restored = float(np.interp(1.0, ratios, doses))
    evidence.curve(
        case="V15 dose and response",
        title="Stiffness over cement, bone at half its modulus",
        x_label="cement over the volume of the body [%]",
        y_label="axial stiffness over that of intact bone [-]",
        series=[("computed", 100.0 * np.array(doses), ratios)],
    )
    evidence.check(
        case="V15 dose and response, bone at half its modulus",
        quantity="fill that restores the axial stiffness [%]",
        expected=14.0,
        computed=100.0 * restored,
        low=10.0,
        high=35.0,
        source="Liebschner 2001 (M); 10.3340/jkns.2012.52.5.435 and Molloy 2003 (M): 30 %",
        kind="published",
    )


LESS_TALL = {
    (1.0, "axial_stiffness"): 1.052,
    (DAMAGE, "axial_stiffness"): 1.072,
    (DAMAGE, "axial_stiffness_free_rotation"): 1.069,
}
"""What misses the band with balls."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bilateral", "damage", "name"),
    [
        pytest.param(
            shapes,
            damage,
            name,
            id=f"{tall}-{damage:g}-{name}",
            marks=[pytest.mark.xfail(strict=True, raises=AssertionError, reason=f"{LESS_TALL[damage, name]}")]
            if shapes is BALLS and (damage, name) in LESS_TALL
            else [],
        )
        for tall, shapes in {"as tall": AS_TALL, "balls": BALLS}.items()
        for damage in (1.0, DAMAGE)
        for name in ("axial_stiffness", "axial_stiffness_free_rotation")
    ],
)
def test_one_mass_across_the_midline_is_as_stiff_as_two(
    evidence: Evidence, body: Body, bilateral: list[Shape], damage: float, name: str
) -> None:
    one, two = (getattr(body.stiffness(body.cemented(shapes, damage)), name) for shapes in (ACROSS, bilateral))
    evidence.check(
        case=f"V16 one mass over two{'' if bilateral is AS_TALL else ' less tall'}, bone at {damage:g}",
        quantity=f"{name.replace('_', ' ')} [-]",
        expected=0.95,
        computed=one / two,
        low=0.85,
        high=1.05,
        source="10.1007/s00586-011-1744-3 (M)",
        kind="published",
        about="open",
    )


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(
            1.0, marks=pytest.mark.xfail(strict=True, raises=AssertionError, reason="0.019 °/kN: 1.4 times, not twice")
        ),
        pytest.param(DAMAGE, marks=pytest.mark.slow),
    ],
)
def test_a_one_sided_fill_tilts_towards_the_untreated_side(evidence: Evidence, body: Body, damage: float) -> None:
    """The fill is on the left, so the plate sinks to the right."""
    one_sided, bilateral = (
        float(body.stiffness(body.cemented(shapes, damage)).tilt_under_pressure[1]) for shapes in (ONE_SIDED, AS_TALL)
    )
    evidence.check(
        case=f"V16 tilt under uniform pressure, fill on the left, bone at {damage:g}",
        quantity="tilt to the right, at least twice that of a bilateral fill [°/kN]",
        computed=-1e3 * float(np.degrees(one_sided)),
        low=2e3 * abs(float(np.degrees(bilateral))),
        source="10.1007/s00586-011-1744-3 (M)",
        kind="published",
    )
