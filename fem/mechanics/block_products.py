"""Products of matrices of 3 x 3 blocks with several columns at once, so that every block is read once for all of them.

Columns lie beside each other: a field is (nodes, 3, columns), flat. The columns of one component are one vector of the
processor, which numba's loops alone do not make of so few.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

type Columns = tuple[int, ...]
"""A tuple as long as there are columns, which thereby are a constant of the compiled kernels."""


def _row_code(
    _: Any, data: Any, indices: Any, first: Any, last: Any, x: Any, y: Any, row: Any, columns: Any
) -> tuple[Any, Any]:
    """``y[row]`` = sum over k from ``first`` to below ``last`` of ``data[k] x[indices[k]]``."""
    count = columns.count

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        scalar = context.get_data_type(data.dtype)
        vector, size = ir.VectorType(scalar, count), context.get_abi_sizeof(scalar)

        def pointer(position: int) -> Any:
            return context.make_array(signature.args[position])(context, builder, arguments[position]).data

        def index(position: int) -> Any:
            return context.cast(builder, arguments[position], signature.args[position], types.intp)

        def place(array: Any, node: Any, component: int) -> Any:
            offset = builder.add(builder.mul(node, node.type(3 * count)), node.type(component * count))
            return builder.bitcast(builder.gep(array, [offset]), vector.as_pointer())

        blocks, neighbours, given, found = (pointer(position) for position in (0, 1, 4, 5))
        sums = [cgutils.alloca_once(builder, vector) for _ in range(3)]
        for each in sums:
            builder.store(ir.Constant(vector, [0.0] * count), each)
        start, stop = index(2), index(3)
        with cgutils.for_range_slice(builder, start, stop, start.type(1)) as (k, _):
            node = builder.sext(builder.load(builder.gep(neighbours, [k])), k.type)
            values = [builder.load(place(given, node, b), align=size) for b in range(3)]
            block = builder.mul(k, k.type(9))
            for a in range(3):
                total = builder.load(sums[a])
                for b in range(3):
                    entry = builder.load(builder.gep(blocks, [builder.add(block, k.type(3 * a + b))]))
                    spread = builder.insert_element(ir.Constant(vector, ir.Undefined), entry, ir.IntType(32)(0))
                    mask = ir.Constant(ir.VectorType(ir.IntType(32), count), [0] * count)
                    spread = builder.shuffle_vector(spread, spread, mask)
                    product = builder.fmul(spread, values[b], flags=("contract",))
                    total = builder.fadd(total, product, flags=("contract",))
                builder.store(total, sums[a])
        for a in range(3):
            builder.store(builder.load(sums[a]), place(found, index(6), a), align=size)
        return context.get_dummy_value()

    return types.void(data, indices, first, last, x, y, row, columns), generate


_row_product: Any = intrinsic(_row_code)


@numba.njit(cache=True, error_model="numpy")
def multiply(
    starts: NDArray[np.int64],
    indices: NDArray[np.int32],
    data: NDArray[Any],
    x: NDArray[Any],
    y: NDArray[Any],
    columns: Columns,
) -> None:
    """``y`` = A ``x`` of the rows that begin at ``starts``; all of the same precision."""
    for row in range(len(starts) - 1):
        _row_product(data, indices, starts[row], starts[row + 1], x, y, row, columns)


@numba.njit(cache=True, error_model="numpy")
def scale(
    starts: NDArray[np.int64],
    indices: NDArray[np.int32],
    data: NDArray[np.float64],
    inverse: NDArray[np.float64],
    scaled: NDArray[np.float32],
) -> None:
    """``scaled`` = D^-1 A of the rows that begin at ``starts``, with the (rows, 3, 3) ``inverse`` blocks of D."""
    for row in range(len(starts) - 1):
        left = inverse[row]
        for k in range(starts[row], starts[row + 1]):
            for a in range(3):
                for b in range(3):
                    place = 9 * k + b
                    scaled[place + 3 * a] = (
                        left[a, 0] * data[place] + left[a, 1] * data[place + 3] + left[a, 2] * data[place + 6]
                    )


@numba.njit(cache=True, error_model="numpy")
def begin(
    load: NDArray[Any],
    inverse: NDArray[np.float32],
    step: np.float32,
    given: NDArray[np.float32],
    direction: NDArray[np.float32],
    x: NDArray[np.float32],
    columns: Columns,
) -> None:
    """``given`` = D^-1 ``load``, and the first step of a Chebyshev iteration from zero."""
    count = len(columns)
    for row in range(len(inverse)):
        for a in range(3):
            place = 3 * count * row
            for column in range(count):
                value = np.float32(0.0)
                for b in range(3):
                    value += inverse[row, a, b] * np.float32(load[place + count * b + column])
                given[place + count * a + column] = value
                direction[place + count * a + column] = step * value
                x[place + count * a + column] = step * value


@numba.njit(cache=True, error_model="numpy")
def smooth(
    starts: NDArray[np.int64],
    indices: NDArray[np.int32],
    scaled: NDArray[np.float32],
    given: NDArray[np.float32],
    direction: NDArray[np.float32],
    x: NDArray[np.float32],
    following: NDArray[np.float32],
    momentum: np.float32,
    step: np.float32,
    columns: Columns,
) -> None:
    """One step of a Chebyshev iteration from ``x`` to ``following``."""
    width = 3 * len(columns)
    for row in range(len(starts) - 1):
        _row_product(scaled, indices, starts[row], starts[row + 1], x, following, row, columns)
        for place in range(width * row, width * (row + 1)):
            direction[place] = momentum * direction[place] + step * (given[place] - following[place])
            following[place] = x[place] + direction[place]


@numba.njit(cache=True, error_model="numpy")
def residual(
    starts: NDArray[np.int64],
    indices: NDArray[np.int32],
    scaled: NDArray[np.float32],
    diagonal: NDArray[np.float32],
    given: NDArray[np.float32],
    x: NDArray[np.float32],
    found: NDArray[np.float32],
    columns: Columns,
) -> None:
    """``found`` = D (``given`` - D^-1 A ``x``), with the (rows, 3, 3) blocks of D as ``diagonal``."""
    count = len(columns)
    for row in range(len(starts) - 1):
        _row_product(scaled, indices, starts[row], starts[row + 1], x, found, row, columns)
        place = 3 * count * row
        for column in range(place, place + count):
            first, second, third = column, column + count, column + 2 * count
            for entry in (first, second, third):
                found[entry] = given[entry] - found[entry]
            values = found[first], found[second], found[third]
            for a in range(3):
                found[column + a * count] = (
                    diagonal[row, a, 0] * values[0] + diagonal[row, a, 1] * values[1] + diagonal[row, a, 2] * values[2]
                )


@numba.njit(cache=True, error_model="numpy")
def restrict(
    parents: NDArray[np.int32],
    free: NDArray[np.float32],
    given: NDArray[np.float32],
    load: NDArray[np.float32],
    columns: Columns,
) -> None:
    """Half of what is ``given`` at every node to each of its two parents; ``free`` is 0 where it is constrained."""
    count = len(columns)
    load[:] = 0.0
    for row in range(len(parents)):
        for a in range(3):
            half = np.float32(0.5) * free[row, a]
            first, second = 3 * count * parents[row, 0] + count * a, 3 * count * parents[row, 1] + count * a
            for column in range(count):
                value = half * given[count * (3 * row + a) + column]
                load[first + column] += value
                load[second + column] += value


@numba.njit(cache=True, error_model="numpy")
def prolong(
    parents: NDArray[np.int32],
    free: NDArray[np.float32],
    correction: NDArray[np.float32],
    x: NDArray[np.float32],
    columns: Columns,
) -> None:
    """Add to every node the mean of its two parents, where it is ``free``."""
    count = len(columns)
    for row in range(len(parents)):
        for a in range(3):
            half = np.float32(0.5) * free[row, a]
            first, second = 3 * count * parents[row, 0] + count * a, 3 * count * parents[row, 1] + count * a
            for column in range(count):
                x[count * (3 * row + a) + column] += half * (correction[first + column] + correction[second + column])
