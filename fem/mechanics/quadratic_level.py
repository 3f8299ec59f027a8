"""The quadratic elements of :mod:`fem.mechanics.two_level`: their matrix, and its smoother."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)

import numpy as np
from dolfinx import fem
from dolfinx.cpp.la import BlockMode
from numpy.typing import NDArray

from fem import profiling
from fem.mechanics.block_smoother import BlockSmoother

_assemble_matrix: Any = fem.assemble_matrix  # its overloads are dispatched at run time


class QuadraticLevel:
    """A matrix of 3 x 3 blocks with identity in place of the constrained unknowns.

    Attributes:
        data: (blocks * 9,) its entries.
        smoother: of the matrix, which has its pattern.
    """

    def __init__(self, space: fem.FunctionSpace[np.float64], form: Any, bcs: Sequence[Any]) -> None:
        """Set up the pattern of the matrix."""
        self._form, self._bcs = form, bcs
        self._matrix: Any = fem.create_matrix(form, block_mode=BlockMode.compact)
        owned = space.dofmap.index_map.size_local
        self.data: NDArray[np.float64] = self._matrix.data
        self.smoother = BlockSmoother(
            space.mesh.comm,
            self._matrix.index_map(1),
            self._matrix.indptr[: owned + 1],
            self._matrix.indices,
            space.tabulate_dof_coordinates()[:owned],
        )

    def assemble(self) -> None:
        """Fill the matrix for the current coefficients of its form."""
        with profiling.Event("vpElasticMatrix"):
            self.data[:] = 0.0
            _assemble_matrix(self._matrix, self._form, bcs=self._bcs)
            self._matrix.scatter_reverse()
        with profiling.Event("vpElasticSetUp"):
            self.smoother.update(self.data)
