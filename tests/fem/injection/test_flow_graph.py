"""The order of cells along a flow, against SciPy's strongly connected components."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from fem.injection.flow_graph import FlowOrder


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("count", [1, 7, 300])
def test_groups_are_the_strong_components_with_upstream_first(seed, count):
    generator = np.random.default_rng(seed)
    neighbours = generator.integers(-1, count + 5, size=(count, 4)).astype(np.int32)
    flux = generator.normal(size=(count, 4)) - 0.5 * (seed % 3)
    order = FlowOrder.of_flux(neighbours, flux, count)
    assert sorted(order.cells) == list(range(count))
    tail, slot = np.nonzero((flux > 0.0) & (neighbours >= 0) & (neighbours < count))
    head = neighbours[tail, slot]
    graph = csr_array((np.ones(len(tail)), (tail, head)), shape=(count, count))
    number, component = connected_components(graph, directed=True, connection="strong")
    assert len(order.starts) == number + 1
    assert order.starts[-1] == count
    group = np.empty(count, dtype=int)
    for index in range(number):
        members = order.cells[order.starts[index] : order.starts[index + 1]]
        assert len(set(component[members])) == 1
        group[members] = index
    assert (group[tail] <= group[head]).all()
