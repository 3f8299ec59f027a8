"""A finite-element model of the voxels of an image: each is a linear hexahedron with a modulus of its own."""

from __future__ import annotations

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI
from petsc4py import PETSc

import basix.ufl
import h5py  # noqa: F401  (must be loaded before DOLFINx)
import numpy as np
import ufl
from dolfinx import fem, mesh
from dolfinx.fem.petsc import assemble_matrix
from numpy.typing import NDArray
from scipy import ndimage

CORNERS = np.array([[i, j, k] for k in (0, 1) for j in (0, 1) for i in (0, 1)])
"""Corners of a voxel in DOLFINx's order."""


def axial_stiffness(
    modulus: NDArray[np.float64],
    spacing: NDArray[np.float64],
    upper: NDArray[np.bool_],
    lower: NDArray[np.bool_],
    bonded: bool = False,
    poisson_ratio: float = 0.3,
) -> float:
    """Stiffness in N/mm between plates on the outer faces of two parts of the image.

    Args:
        modulus: (nx, ny, nz) MPa of each voxel; 0 where there is none. What hangs on to the rest by no face is left
            out.
        spacing: (3,) edges of a voxel in mm.
        upper: voxels of the part whose highest faces move down.
        lower: voxels of the part whose lowest faces are held.
        bonded: whether the plates hold the faces in their plane, too, or let them slide.
        poisson_ratio: of all voxels.
    """
    pieces, _ = ndimage.label(modulus > 0.0)
    voxels = np.argwhere(pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:]))
    size = np.array(modulus.shape) + 1
    corners = np.ravel_multi_index(tuple(np.moveaxis(voxels[:, None] + CORNERS, -1, 0)), tuple(size))
    numbers, cells = np.unique(corners, return_inverse=True)
    points = np.stack(np.unravel_index(numbers, tuple(size)), axis=-1) * spacing
    element = basix.ufl.element("Lagrange", "hexahedron", 1, shape=(3,))
    grid = mesh.create_mesh(MPI.COMM_SELF, cells.reshape(-1, 8), ufl.Mesh(element), points)
    stiffness = fem.Function(fem.functionspace(grid, ("DG", 0)))
    stiffness.x.array[:] = modulus[tuple(voxels.T)][grid.topology.original_cell_index]
    space = fem.functionspace(grid, element)
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    strain = ufl.sym(ufl.grad(u))
    shear, bulk = 0.5 / (1.0 + poisson_ratio), poisson_ratio / (1.0 + poisson_ratio) / (1.0 - 2.0 * poisson_ratio)
    stress = 2.0 * shear * strain + bulk * ufl.tr(strain) * ufl.Identity(3)
    form = fem.form(stiffness * ufl.inner(stress, ufl.sym(ufl.grad(v))) * ufl.dx(degree=2))
    place = np.rint(space.tabulate_dof_coordinates() / spacing).astype(int)
    top, bottom = _face(upper, place, 1), _face(lower, place, 0)
    if bonded:
        held = (3 * np.concatenate([top, bottom])[:, None] + np.arange(3)).ravel()
    else:
        # Three components at two nodes stop the rigid motions that sliding leaves, without any force.
        first, far = bottom[np.argmin(place[bottom].sum(axis=1))], bottom[np.argmax(place[bottom, 0])]
        held = np.unique([*(3 * top + 2), *(3 * bottom + 2), 3 * first, 3 * first + 1, 3 * far + 1])
    return _force(space, form, 3 * top + 2, held)


def _face(part: NDArray[np.bool_], place: NDArray[np.int64], end: int) -> NDArray[np.int64]:
    """Nodes of the outermost faces of a part that are seen from above (``end`` = 1) or from below (0)."""
    columns = part.any(axis=2)
    depth = part.shape[2]
    outer = depth - 1 - np.argmax(part[:, :, ::-1], axis=2) if end else np.argmax(part, axis=2)
    found = np.zeros(np.array(part.shape) + 1, dtype=bool)
    for i, j in np.argwhere(columns):
        found[i : i + 2, j : j + 2, outer[i, j] + end] = True
    return np.flatnonzero(found[tuple(place.T)])


def _force(space: fem.FunctionSpace, form: fem.Form, moved: NDArray[np.int64], held: NDArray[np.int64]) -> float:
    """Force in N that moves components by -1 mm while others are held."""
    matrix = assemble_matrix(form)
    matrix.assemble()
    whole = matrix.copy()
    prescribed, right = matrix.createVecs()
    prescribed.array[moved] = -1.0
    matrix.zeroRowsColumns(held.astype(np.int32), 1.0, prescribed, right)
    matrix.setNearNullSpace(PETSc.NullSpace().createRigidBody(_coordinates(space, matrix)))
    solver = PETSc.KSP().create(MPI.COMM_SELF)
    solver.setOperators(matrix)
    solver.setType("cg")
    solver.getPC().setType("gamg")
    solver.setTolerances(rtol=1e-8, atol=0.0, max_it=2000)
    solution, force = matrix.createVecs()
    solver.solve(right, solution)
    assert solver.getConvergedReason() > 0, f"no solution after {solver.getIterationNumber()} iterations"
    whole.mult(solution, force)
    found = -float(force.array[moved].sum())
    for item in (solver, matrix, whole, prescribed, right, solution, force):
        item.destroy()
    return found


def _coordinates(space: fem.FunctionSpace, matrix: PETSc.Mat) -> PETSc.Vec:
    """Of the nodes, as PETSc's rigid motions need them."""
    coordinates = matrix.createVecRight()
    coordinates.setBlockSize(3)
    coordinates.array[:] = space.tabulate_dof_coordinates().ravel()
    return coordinates
