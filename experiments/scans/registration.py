"""The rigid motion that carries a vertebra of one scan onto the same vertebra in another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from meshes.images.image import Image
from meshes.vertebra import Vertebra

REACH = 6.0
"""mm from the surface beyond which distances are cut off: what differs by more, as a process that only one mask has,
does not pull."""

MARGIN = 8.0
"""mm around the vertebra that take part."""

FINEST = 1.0
"""mm between the voxels at which the distances are compared."""

SAMPLED = 0.1
"""Share of these voxels that are taken, evenly spaced: many times as many as six unknowns need."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class RigidMotion:
    """A motion from the scanner's LPS mm of one scan to that of another.

    Attributes:
        matrix: (4, 4) from points of the first to points of the second.
    """

    matrix: FloatArray

    def __call__(self, points: FloatArray) -> FloatArray:
        """Carry (..., 3) points of the first scan into the second."""
        return np.asarray(points) @ self.matrix[:3, :3].T + self.matrix[:3, 3]

    @property
    def inverse(self) -> RigidMotion:
        """The motion back."""
        return RigidMotion(np.linalg.inv(self.matrix))

    @property
    def angle(self) -> float:
        """Angle of its rotation in degrees."""
        return float(np.degrees(Rotation.from_matrix(self.matrix[:3, :3]).magnitude()))


def by_frames(first: Vertebra, second: Vertebra) -> RigidMotion:
    """The motion that carries the anatomical frame of one vertebra onto that of another."""
    return RigidMotion(np.linalg.inv(second.frame.matrix) @ first.frame.matrix)


def register_bodies(first: Vertebra, second: Vertebra) -> RigidMotion:
    """The rigid motion that carries the body of one vertebra onto that of another.

    Signed distances to both surfaces are matched by least squares (SimpleITK), starting from the anatomical frames.
    Bone and cement do not matter, only the masks do. Where both have an arch, that is matched alone in the end: it
    keeps its shape where a body loses height or is raised, while half of what an endplate moved would go into the
    motion of the bodies.

    Args:
        first: vertebra in one scan, such as that before the operation.
        second: the same vertebra in another scan.
    """
    solids = [(second.body, first.body)]
    if first.arch.any() and second.arch.any():
        solids.append((second.arch, first.arch))
    start = by_frames(second, first)
    transform = SimpleITK.Euler3DTransform()
    transform.SetCenter(second.frame.origin.tolist())
    transform.SetMatrix(start.matrix[:3, :3].ravel().tolist())
    transform.SetTranslation((start(second.frame.origin) - second.frame.origin).tolist())
    for fixed, moving in solids:
        _match(_distances(second, fixed), _distances(first, moving), transform)
    back = np.eye(4)
    back[:3, :3] = np.reshape(transform.GetMatrix(), (3, 3))
    centre = np.array(transform.GetCenter())
    back[:3, 3] = centre + np.array(transform.GetTranslation()) - back[:3, :3] @ centre
    return RigidMotion(back).inverse


def _match(fixed: SimpleITK.Image, moving: SimpleITK.Image, transform: SimpleITK.Transform) -> None:
    """Improve a transform from points of one image to those of another."""
    method = SimpleITK.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsMeanSquares()
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(SAMPLED)
    method.SetInterpolator(SimpleITK.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=0.5, minStep=1e-3, numberOfIterations=100, gradientMagnitudeTolerance=1e-8
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(transform, inPlace=True)
    method.Execute(fixed, moving)


def _distances(vertebra: Vertebra, solid: NDArray[np.bool_]) -> SimpleITK.Image:
    """Signed distances to the surface of a part of a vertebra, positive outside, cut off at :data:`REACH`."""
    grid = vertebra.ct
    margin = np.ceil(MARGIN / grid.spacing).astype(int)
    box = ndimage.find_objects(solid.astype(np.uint8))[0]
    first = np.array([part.start for part in box]) - margin
    padded = np.pad(solid[box], [(size, size) for size in margin.tolist()])
    outside = ndimage.distance_transform_edt(~padded, sampling=grid.spacing)
    inside = ndimage.distance_transform_edt(padded, sampling=grid.spacing)
    half = 0.5 * grid.voxel_volume ** (1.0 / 3.0)
    signed = np.clip(np.where(padded, half - inside, outside - half), -REACH, REACH)
    steps = np.maximum(np.floor(FINEST / grid.spacing + 1e-6), 1.0).astype(int)
    signed = ndimage.gaussian_filter(signed, 0.5 * (steps - 1))[:: steps[0], :: steps[1], :: steps[2]]
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_world(first)
    affine[:3, :3] = affine[:3, :3] * steps
    return _image(Image(signed, affine))


def _image(image: Image) -> SimpleITK.Image:
    made = SimpleITK.GetImageFromArray(np.ascontiguousarray(image.values.transpose(2, 1, 0), dtype=np.float64))
    made.SetSpacing(image.spacing.tolist())
    made.SetOrigin(image.affine[:3, 3].tolist())
    made.SetDirection((image.affine[:3, :3] / image.spacing).ravel().tolist())
    return made
