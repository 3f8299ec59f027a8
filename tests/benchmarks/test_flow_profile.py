"""The profile of a pressure step: what is counted, and that its kernels are the ones of the solver."""

import numpy as np
import pytest

from benchmarks import flow_profile


def test_bytes_count_every_array_once():
    kernel = flow_profile.Kernel("copy", lambda: None, (np.zeros(10), np.zeros(5, dtype=np.float32)), 1)
    assert kernel.bytes == 100


def test_triad_computes_what_stream_does():
    a, b, c = np.zeros(4), np.arange(4.0), np.ones(4)
    flow_profile._triad(a, b, c, 1)
    assert a.tolist() == [3.0, 4.0, 5.0, 6.0]
    assert 0.5 < flow_profile.triad(24e6) < 1000.0


@pytest.mark.slow
def test_profile_of_a_coarse_mesh(tmp_path):
    text = "\n".join(flow_profile.profile(4.0, tmp_path))
    assert "KSPSolve" in text
    assert text.count("an iteration") == 7
    assert text.count("a step |") == 3
