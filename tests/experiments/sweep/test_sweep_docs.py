"""docs/sweeps.md stays true: every key of the sweep file, valid examples, every ready sweep."""

import re
import tomllib
from pathlib import Path

import pytest

from experiments.sweep.cases import plan_cases
from experiments.sweep.sweep_file import SWEEPS, SweepFile, Vary

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "sweeps.md").read_text(encoding="utf-8")


def test_every_key_is_on_the_page() -> None:
    missing = [key for key in (*SweepFile.model_fields, *Vary.model_fields) if f"`{key}`" not in PAGE]
    assert missing == ["base", "vary"]  # headings of tables


@pytest.mark.parametrize("example", re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL))
def test_examples_are_valid(example: str) -> None:
    assert plan_cases(SweepFile.model_validate(tomllib.loads(example)), "example", PROJECT).cases


@pytest.mark.parametrize("page", ["sweeps.md", "ready-sweeps.md"])
def test_every_ready_sweep_is_on_the_page(page: str) -> None:
    text = (PROJECT / "docs" / page).read_text(encoding="utf-8")
    assert [name for name in SWEEPS.names if f"`{name}`" not in text] == []


def test_the_script_for_slurm_asks_for_workers_of_one_core() -> None:
    jobqueue = pytest.importorskip("dask_jobqueue", reason="the extra slurm is not installed")
    (script,) = [code for code in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL) if "SLURM" in code]
    (construction,) = re.findall(r"^cluster = (SLURMCluster\(.*\))$", script, flags=re.MULTILINE)
    with eval(construction, {"SLURMCluster": jobqueue.SLURMCluster}) as cluster:
        job = cluster.job_script()
        assert f"dask_worker {cluster.scheduler_address} " in job
    for line in ("#SBATCH --cpus-per-task=1", "#SBATCH --mem=4G", "#SBATCH -t 08:00:00", "--nthreads 1"):
        assert line in job
