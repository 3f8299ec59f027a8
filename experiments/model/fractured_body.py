"""The body that the case file breaks: what its table [fracture] expands into, once, before anything else is done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from experiments.case.errors import about
from experiments.case.laws import Laws
from experiments.case.schema import Case
from experiments.case.sections import Cavity, Defect
from experiments.case.sections.walls import WALL_HEIGHTS
from experiments.case.units import to_clinical, to_internal
from experiments.model.defects import MIDDLE, WALL_PLACES, defect_point
from experiments.results.builders import height_results
from experiments.results.parts.fracture import FractureResults
from experiments.results.parts.manifest import FractureRecord
from materials.fracture import FractureDraw
from meshes.body_heights import PLACES, BodyHeights, body_heights
from meshes.body_wall import BodyWall
from meshes.fracture import BrokenPlate, Fracture, Kind
from meshes.fractured import BreakableBody, MovedVoxels, fractured, fractured_labels, fractured_veins
from meshes.images.image import Image
from meshes.tetmesh import TetMesh
from meshes.vein_network import VeinNetwork
from meshes.vertebra import Vertebra

LARGEST_LOSS = 0.7
"""Largest height loss that is drawn, if the body can give it: that of the key ``fracture.height_loss`` (tag D)."""


@dataclass(frozen=True)
class FracturedBody:
    """A body after its fracture, and the case that describes it.

    Attributes:
        case: with the cavities and the defects that the fracture brings along.
        before: the vertebra before.
        vertebra: the vertebra after.
        fracture: the map from one to the other.
        voxels: of the grid, that the fracture moved.
        broken_strain: compression from which bone is broken.
        heights: before and after.
        bone_ratio: bone of the body after over before.
        record: for the manifest.
    """

    case: Case
    before: Vertebra
    vertebra: Vertebra
    fracture: Fracture
    voxels: MovedVoxels
    broken_strain: float
    heights: tuple[BodyHeights, BodyHeights]
    bone_ratio: float
    record: FractureRecord

    def moved(self, masks: tuple[Image | None, ...]) -> tuple[Image | None, ...]:
        """Masks that were drawn on the body before, on the body after."""
        return tuple(None if mask is None else fractured_labels(mask, self.before, self.fracture) for mask in masks)

    def moved_veins(self, network: VeinNetwork | None) -> VeinNetwork | None:
        """Veins that were laid in the body before, in the body after; see :func:`meshes.fractured.fractured_veins`."""
        return None if network is None else fractured_veins(network, self.before, self.vertebra, self.fracture)

    def moved_values(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """CT numbers of bone on the grid of the CT, before and after, other than those of the CT itself."""
        return self.voxels.values(values)

    def places_before(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where (n, 3) points in the frame of the body after were, in the frame of the body before; mm."""
        there = self.before.frame.to_frame(self.vertebra.frame.to_scanner(points))
        return self.fracture.before(there)

    def volume_ratio(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) volume of the bone at (n, 3) points of the body after, in its frame, over its volume before."""
        return self.fracture.jacobian(self.places_before(points))

    def broken(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n,) whether the bone at (n, 3) points of the body after is broken: trabeculae or the shell."""
        return self.volume_ratio(points) < 1.0 - self.broken_strain

    def damage(self, points: NDArray[np.float64], elsewhere: float) -> NDArray[np.float64]:
        """(n,) share of its modulus that bone keeps at (n, 3) points of the body after; each place has one damage.

        Args:
            points: in mm in the frame of the body after.
            elsewhere: of the bone that the fracture did not break.
        """
        return np.where(self.broken(points), self.record.damage_factor, elsewhere)

    def results(self, mesh: TetMesh) -> FractureResults:
        """The part ``fracture`` of the results."""
        ratio = self.volume_ratio(mesh.cell_centroids)
        before, after = (height_results(heights) for heights in self.heights)
        return FractureResults(
            type=self.record.type,
            plate=self.record.plate,
            height_loss=self.record.height_loss,
            before=before,
            after=after,
            body_before_ml=to_clinical(self.before.body_volume, "ml"),
            body_after_ml=to_clinical(self.vertebra.body_volume, "ml"),
            bone_ratio=self.bone_ratio,
            least_volume_ratio=float(ratio.min()),
            broken_ml=to_clinical(float(mesh.cell_volumes[self.broken(mesh.cell_centroids)].sum()), "ml"),
        )


def break_body(case: Case, laws: Laws, vertebra: Vertebra) -> FracturedBody | None:
    """Break the body as the case asks; None where it does not.

    Args:
        case: what is asked.
        laws: its laws.
        vertebra: as the CT shows it.

    Raises:
        InputError: the body cannot give the height that is asked for.
    """
    if case.fracture is None or laws.broken_body is None:
        return None
    body = BreakableBody.of(vertebra)
    draw = _chosen(case, laws, body)
    with about("fracture"):
        kind, plate = cast(Kind, draw.kind), cast(BrokenPlate, draw.plate)
        fracture = body.fracture(kind, draw.height_loss, plate, draw.deepest, case.fracture.band)
    empty = laws.bone.calibration.image_value(laws.bone.porosity.without_bone)
    voxels = MovedVoxels.of(vertebra, fracture, empty)
    after = fractured(voxels)
    healed = case.fracture.age == "old" and not draw.cleft
    fissured = draw.fissures and not healed if case.fracture.fissures is None else case.fracture.fissures
    defects = _fissures(draw, laws, fracture, vertebra, after) if fissured else ()
    cavities = (_cleft(draw, laws, fracture, vertebra, after, defects),) if draw.cleft else ()
    mass_before, mass_after = ((one.ct.values[one.body] - empty).sum(dtype=np.float64) for one in (vertebra, after))
    return FracturedBody(
        case=case.model_copy(
            update={"cavities": (*case.cavities, *cavities), "defects": (*case.defects, *defects)},
        ),
        before=vertebra,
        vertebra=after,
        fracture=fracture,
        voxels=voxels,
        broken_strain=laws.broken_body.broken_strain,
        heights=(body.heights, body_heights(after.body, after.ct, vertebra.frame)),
        bone_ratio=float(mass_after / mass_before),
        record=FractureRecord(
            type=draw.kind,
            plate=draw.plate,
            height_loss=draw.height_loss,
            deepest=draw.deepest,
            age=case.fracture.age,
            band=fracture.bands[0].extent,
            damage_factor=laws.broken_body.damage(case.fracture.age),
            cavities=tuple(table.model_dump(mode="json", exclude_unset=True) for table in cavities),
            defects=tuple(table.model_dump(mode="json", exclude_unset=True) for table in defects),
        ),
    )


def _chosen(case: Case, laws: Laws, body: BreakableBody) -> FractureDraw:
    """The fracture that the table asks for, drawn where it asks for that."""
    asked, law = case.fracture, laws.broken_body
    if asked is None or law is None:
        raise ValueError("the case breaks no body")
    given: dict[str, Any] = {
        name: getattr(asked, name) for name in ("height_loss", "plate", "deepest", "cleft") if asked.gives(name)
    }
    if asked.aperture_mm is not None:
        given["aperture"] = to_internal(asked.aperture_mm, "mm")
    if asked.type != "random":
        usual = law.usual(asked.type, "both" if asked.type == "biconcave" else "superior", asked.height_loss or 0.0)
        return replace(usual, **given)
    draw = replace(law.drawn(asked.seed or 0, LARGEST_LOSS), **given)
    most = body.largest_loss(cast(Kind, draw.kind), cast(BrokenPlate, draw.plate), draw.deepest, asked.band)
    most = min(max(0.999 * most, law.loss_least + 0.01), LARGEST_LOSS)  # a body that cannot give the least is refused
    return replace(law.drawn(asked.seed or 0, most), **given)


def _cleft(
    draw: FractureDraw,
    laws: Laws,
    fracture: Fracture,
    before: Vertebra,
    after: Vertebra,
    fissures: tuple[Defect, ...],
) -> Cavity:
    """The open part of the fracture: behind the fissure where the height was lost, else shut off in the broken bone.

    Of a wedge and a crush that is the fissure of the anterior wall, of a biconcave body that of the first broken plate.
    The cleft has its middle on it and reaches in as far as it is large, so that half of the ellipsoid is in the body.
    """
    law = laws.broken_body
    if law is None:
        raise ValueError("the case breaks no body")
    width, length, _ = np.ptp(after.frame.extents, axis=1)
    semi_axes = 0.5 * np.array([law.cleft_width * width, law.cleft_depth * length, law.cleft_height])
    if fissures:
        opened = next(one for one in fissures if draw.kind == "biconcave" or one.wall == "anterior_wall")
        semi_axes[list(MIDDLE).index(WALL_PLACES[opened.wall][0])] *= 2.0
        inwards = np.array(WALL_PLACES[opened.wall][2])
        centre = BodyWall(after).entry(defect_point(opened, after.frame), inwards)
    else:
        middle = fracture.after(fracture.band_middle(draw.deepest))
        centre = after.frame.to_frame(before.frame.to_scanner(middle))
    left, depth, height = after.frame.fractions(centre)
    first, second, third = np.clip(semi_axes * to_clinical(1.0, "mm"), 0.5, 40.0).round(3).tolist()
    return Cavity(
        kind="cleft",
        left=round(left, 3),
        depth=round(depth, 3),
        height=round(height, 3),
        semi_axes_mm=(first, second, third),
    )


def _fissures(
    draw: FractureDraw, laws: Laws, fracture: Fracture, before: Vertebra, after: Vertebra
) -> tuple[Defect, ...]:
    """Fissures across the broken endplates and the anterior wall, and the posterior wall of severe fractures.

    Those of vertical walls have their height on the wall itself: the front of a wedge is lower, and the walls of a
    biconcave body are higher, than the body's middle from which heights are counted, so that they can exceed 0 and 1.
    """
    law = laws.broken_body
    if law is None:
        raise ValueError("the case breaks no body")
    width = float(np.ptp(after.frame.extents[0]))
    lower = draw.plate == "inferior"

    def fissure(wall: str, share: float, **place: float) -> Defect:
        return Defect.model_validate(
            {
                "wall": wall,
                "left": 0.0,
                **place,
                "fracture_length_mm": round(to_clinical(share * width, "mm"), 3),
                "fracture_angle_deg": 0.0,
                "aperture_mm": round(to_clinical(draw.aperture, "mm"), 3),
            }
        )

    def height(place: str, share: float) -> float:
        edge, both = before.frame.point(0.0, PLACES[place], 0.5), fracture.bands[0].plates
        ends = np.array([edge, edge])
        ends[:, 2] = both.inferior.height(edge), both.superior.height(edge)
        ends = after.frame.to_frame(before.frame.to_scanner(fracture.after(ends)))
        on_wall = ends[0] + (1.0 - share if lower else share) * (ends[1] - ends[0])
        return round(float(np.clip(after.frame.fractions(on_wall)[2], *WALL_HEIGHTS)), 3)

    plates = ("superior", "inferior") if draw.plate == "both" else (draw.plate,)
    found = [fissure(f"{plate}_endplate", law.plate_fissure, depth=draw.deepest) for plate in plates]
    found.append(fissure("anterior_wall", law.anterior_fissure, height=height("anterior", draw.anterior_height)))
    if law.breaks_posterior_wall(draw.kind, draw.height_loss):
        found.append(fissure("posterior_wall", law.posterior_fissure, height=height("posterior", law.anterior_height)))
    return tuple(found)
