from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ready_demo import ready_made
from shared import Shared, shared_by

from experiments.results.finished_case import FinishedCase
from vertebroplasty import build_case, demo_case, run

if TYPE_CHECKING:
    from experiments.run.output import CaseOutcome


@pytest.fixture(scope="session", autouse=True)
def _quick_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Cases of the demo patient read it once, and mesh it once for equal sizes."""
    with ready_made(shared_by(tmp_path_factory)):
        yield


@pytest.fixture(scope="session")
def stored_demo(shared: Shared) -> "tuple[CaseOutcome, Path]":
    """The demo at 3 mm, and its case directory with pictures; to be read only."""
    content = demo_case().model_dump(exclude_unset=True)
    coarse = {
        "mesh": {"size_mm": 3.0, "needle_size_mm": 1.0},
        "mechanics": {"degree": 1},
        "output": {"pictures": True, "field_times": 4},
    }
    for name, values in coarse.items():
        content[name] = {**content.get(name, {}), **values}
    folder = shared.folder / "demo"

    def make() -> "CaseOutcome":
        from experiments.pictures import scene

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scene, "PANEL_PIXELS", 450)  # half the usual resolution, which is drawn faster
            return run(build_case(content), folder)

    return shared("demo", make), folder


@pytest.fixture(scope="session")
def finished_demo(stored_demo: "tuple[CaseOutcome, Path]") -> FinishedCase:
    """The same, read back."""
    return FinishedCase.read(stored_demo[1])
