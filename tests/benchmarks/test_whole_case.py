"""Whole cases and elastic solves are run, and told in a table."""

import pytest

from benchmarks import elastic_sizes, whole_case

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("part", [elastic_sizes, whole_case])
def test_table_has_a_line_for_each_run(part, tmp_path):
    page = tmp_path / "page.md"
    part.main(["--quick", "-o", str(page)])
    lines = [line.split("|")[1:-1] for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    head, _, *rows = lines
    for_each_size = 2 + len(elastic_sizes.OTHERS) if part is elastic_sizes else 1  # ours on one and on two ranks
    assert len(rows) == len(part.QUICK_SIZES) * for_each_size
    for row in rows:
        assert len(row) == len(head)
        assert int(row[head.index(" cells ")]) > 1000
        assert float(row[head.index(" memory (MB) ")]) > 160.0
