"""A finite-element model of the voxels of an image: each is a linear hexahedron with a modulus of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI
from petsc4py import PETSc

import basix
import basix.ufl
import h5py  # noqa: F401  (must be loaded before DOLFINx)
import numpy as np
import ufl
from dolfinx import fem, mesh
from dolfinx.fem.petsc import assemble_matrix
from numpy.typing import NDArray
from scipy import ndimage

from fem.mechanics.yield_surface import TANGENT_SIZE, stress_and_tangent

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
    grid, space, voxels, top, held = _between_plates(modulus, spacing, upper, lower, bonded)
    stiffness = fem.Function(fem.functionspace(grid, ("DG", 0)))
    stiffness.x.array[:] = modulus[voxels]
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    strain = ufl.sym(ufl.grad(u))
    shear, bulk = 0.5 / (1.0 + poisson_ratio), poisson_ratio / (1.0 + poisson_ratio) / (1.0 - 2.0 * poisson_ratio)
    stress = 2.0 * shear * strain + bulk * ufl.tr(strain) * ufl.Identity(3)
    form = fem.form(stiffness * ufl.inner(stress, ufl.sym(ufl.grad(v))) * ufl.dx(degree=2))
    return _force(space, form, 3 * top + 2, held)


def load_curve(
    modulus: NDArray[np.float64],
    strength: NDArray[np.float64],
    spacing: NDArray[np.float64],
    upper: NDArray[np.bool_],
    lower: NDArray[np.bool_],
    positions: Sequence[float],
    poisson_ratio: float = 0.3,
) -> list[float]:
    """Force in N between sliding plates at several compressions in mm, of voxels that yield by Tresca.

    Newton's method for linear hexahedra with eight integration points, perfectly plastic.

    Args:
        modulus: as in :func:`axial_stiffness`.
        strength: (nx, ny, nz) yield stress in MPa.
        spacing: as in :func:`axial_stiffness`.
        upper: as in :func:`axial_stiffness`.
        lower: as in :func:`axial_stiffness`.
        positions: in their order.
        poisson_ratio: of all voxels.
    """
    grid, space, voxels, top, held = _between_plates(modulus, spacing, upper, lower, bonded=False)
    points, _ = basix.make_quadrature(basix.CellType.hexahedron, 2)

    def coefficient(count: int) -> fem.Function:
        element = basix.ufl.quadrature_element("hexahedron", value_shape=(count,), scheme="default", degree=2)
        return fem.Function(fem.functionspace(grid, element))

    def vector(tensor: Any) -> Any:
        return ufl.as_vector([*(tensor[i, i] for i in range(3)), 2 * tensor[1, 2], 2 * tensor[0, 2], 2 * tensor[0, 1]])

    stress, tangent, u = coefficient(6), coefficient(TANGENT_SIZE), fem.Function(space)
    trial, test = (vector(ufl.sym(ufl.grad(w))) for w in (ufl.TrialFunction(space), ufl.TestFunction(space)))
    place = np.zeros((6, 6), dtype=int)
    place[np.triu_indices(6)] = np.arange(TANGENT_SIZE)
    place = np.maximum(place, place.T)
    product = ufl.dot(ufl.as_matrix([[tangent[int(place[i, j])] for j in range(6)] for i in range(6)]), trial)
    dx = ufl.dx(metadata={"quadrature_degree": 2, "quadrature_scheme": "default"})
    form, forces = fem.form(ufl.dot(product, test) * dx), fem.form(ufl.dot(stress, test) * dx)
    expression = fem.Expression(vector(ufl.sym(ufl.grad(u))), points)
    cells = np.arange(len(voxels[0]), dtype=np.int32)
    count = len(points) * len(cells)
    young, limit = (np.repeat(values[voxels], len(points)) for values in (modulus, strength))
    moduli = np.stack([0.5 * young / (1.0 + poisson_ratio), young / (3.0 - 6.0 * poisson_ratio)], axis=1)
    limits = np.stack([limit, limit], axis=1)
    never = np.full_like(limits, np.inf)
    plastic, moved = np.zeros((count, 6)), 3 * top + 2
    into, matrix = stress.x.array.reshape(-1, 6), tangent.x.array.reshape(-1, TANGENT_SIZE)

    def residual(yields: bool = True) -> NDArray[np.float64]:
        elastic = expression.eval(grid, cells).reshape(-1, 6) - plastic
        stress_and_tangent("mohr_coulomb", elastic, moduli, limits if yields else never, into, matrix)
        return fem.assemble_vector(forces).array.copy()

    found: list[float] = []
    u.x.array[moved] = -positions[0]
    for number, position in enumerate(positions):
        for step in range(30):
            force = residual(yields=number > 0 or step > 0)  # the first guess moves one layer alone
            free = force.copy()
            free[held] = 0.0
            if step and np.linalg.norm(free) < 1e-4 * np.linalg.norm(force[moved]):
                break
            change = _solve(space, form, -free, held)
            scale = 1.0
            while scale > 0.1:  # halve a Newton step that makes it worse
                u.x.array[:] += scale * change
                ahead = residual()
                ahead[held] = 0.0
                if np.linalg.norm(ahead) < np.linalg.norm(free) or step == 0:
                    break
                u.x.array[:] -= scale * change
                scale *= 0.5
        else:
            raise AssertionError(f"no balance at {position} mm")
        found.append(-float(force[moved].sum()))
        shear, bulk = moduli.T
        mean = into[:, :3].mean(axis=1, keepdims=True)
        elastic = into / shear[:, None] * np.repeat([0.5, 1.0], 3)
        elastic[:, :3] += mean / (3.0 * bulk[:, None]) - 0.5 * mean / shear[:, None]
        plastic[:] = expression.eval(grid, cells).reshape(-1, 6) - elastic
        if number + 1 < len(positions):
            u.x.array[:] *= positions[number + 1] / position
    return found


def _between_plates(
    modulus: NDArray[np.float64],
    spacing: NDArray[np.float64],
    upper: NDArray[np.bool_],
    lower: NDArray[np.bool_],
    bonded: bool,
) -> tuple[mesh.Mesh, fem.FunctionSpace, tuple[NDArray[np.int64], ...], NDArray[np.int64], NDArray[np.int64]]:
    """Mesh, space of the displacement, voxel of each cell, nodes of the upper plate, and held components."""
    pieces, _ = ndimage.label(modulus > 0.0)
    voxels = np.argwhere(pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:]))
    size = np.array(modulus.shape) + 1
    corners = np.ravel_multi_index(tuple(np.moveaxis(voxels[:, None] + CORNERS, -1, 0)), tuple(size))
    numbers, cells = np.unique(corners, return_inverse=True)
    points = np.stack(np.unravel_index(numbers, tuple(size)), axis=-1) * spacing
    element = basix.ufl.element("Lagrange", "hexahedron", 1, shape=(3,))
    grid = mesh.create_mesh(MPI.COMM_SELF, cells.reshape(-1, 8), ufl.Mesh(element), points)
    space = fem.functionspace(grid, element)
    place = np.rint(space.tabulate_dof_coordinates() / spacing).astype(int)
    top, bottom = _face(upper, place, 1), _face(lower, place, 0)
    if bonded:
        held = (3 * np.concatenate([top, bottom])[:, None] + np.arange(3)).ravel()
    else:
        # Three components at two nodes stop the rigid motions that sliding leaves, without any force.
        first, far = bottom[np.argmin(place[bottom].sum(axis=1))], bottom[np.argmax(place[bottom, 0])]
        held = np.unique([*(3 * top + 2), *(3 * bottom + 2), 3 * first, 3 * first + 1, 3 * far + 1])
    return grid, space, tuple(voxels[grid.topology.original_cell_index].T), top, held


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


def _solve(
    space: fem.FunctionSpace, form: fem.Form, right: NDArray[np.float64], held: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Solution of a system whose held components are 0."""
    matrix = assemble_matrix(form)
    matrix.assemble()
    matrix.zeroRowsColumns(held.astype(np.int32), 1.0)
    matrix.setNearNullSpace(PETSc.NullSpace().createRigidBody(_coordinates(space, matrix)))
    solution, given = matrix.createVecs()
    given.array[:] = right
    solver = PETSc.KSP().create(MPI.COMM_SELF)
    solver.setOperators(matrix)
    solver.setType("cg")
    solver.getPC().setType("gamg")
    solver.setTolerances(rtol=1e-4, atol=0.0, max_it=400)
    solver.solve(given, solution)
    found = solution.array.copy()
    for item in (solver, matrix, solution, given):
        item.destroy()
    return found


def _coordinates(space: fem.FunctionSpace, matrix: PETSc.Mat) -> PETSc.Vec:
    """Of the nodes, as PETSc's rigid motions need them."""
    coordinates = matrix.createVecRight()
    coordinates.setBlockSize(3)
    coordinates.array[:] = space.tabulate_dof_coordinates().ravel()
    return coordinates
