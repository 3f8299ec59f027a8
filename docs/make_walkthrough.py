"""Writes and runs the notebook docs/walkthrough.ipynb: ``uv run --group docs python docs/make_walkthrough.py``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

NOTEBOOK = Path(__file__).with_name("walkthrough.ipynb")

CELLS = (
    """# A vertebroplasty in a notebook

An osteoporotic L3 with a cleft that opens its posterior wall, 4 ml of cement through the left pedicle, on a coarse mesh
of 3 mm that takes half a minute. Research software: not a medical device.""",
    """>import warnings

import pyvista

pyvista.set_jupyter_backend("static")  # leave this line out to turn the scenes with the mouse
warnings.filterwarnings("ignore")""",
    """A case is a table of the keys that [docs/case-file.md](case-file.md) lists; what is left out has a documented
default. `run` gives back what came out and, with a second argument, writes the folder of the case.""",
    """>from pathlib import Path

from vertebroplasty import build_case, run

case = build_case(
    {
        "title": "Walk through a case",
        "patient": {"demo": True},
        "mesh": {"size_mm": 3.0},
        "defects": [
            {"wall": "posterior_wall", "left": 0.2, "height": 0.5, "diameter_mm": 6.0, "depth_mm": 26.0},
        ],
        "output": {"field_times": 12},
    }
)
outcome = run(case, Path("results/walkthrough"))""",
    "The numbers, as the command prints them and by their names:",
    """>from experiments.cli.summary import result_rows

for name, value in result_rows(outcome.results):
    print(f"{name:26} {value}")""",
    """>injection = outcome.results.injection
{site: leak for site, leak in injection.leaks.items() if leak.volume_ml > 1e-3}""",
    """The folder of the case holds the fields over time; `open_case` reads them, also long after the run. `plot`
shows the cement in the body, here after a third of the stored times and at the end.""",
    """>import vertebroplasty

finished = vertebroplasty.open_case("results/walkthrough")
vertebroplasty.plot(finished, 4)""",
    ">vertebroplasty.plot(finished)",
    """The pictures that the run drew are in `pictures/`. This one shows the front at four times in one picture, cut
open at an axial plane, and as lines over the CT.""",
    """>from IPython.display import Image

Image("results/walkthrough/pictures/front_times.png", width=900)""",
    "Every stored time is a PyVista grid, its arrays named by quantity and unit, so that other plots are a few lines:",
    """>import matplotlib.pyplot as plt
import numpy as np

mesh, tip = finished.mesh, finished.needles()[0].tip
figure, axes = plt.subplots(figsize=(7, 3.5))
for step in (2, 6, 12):
    grid = finished.grid(step)
    distance = np.linalg.norm(mesh.cell_centroids - tip, axis=1)
    axes.plot(distance, grid.cell_data["pressure_kpa"], ".", ms=2, label=f"{finished.times()[step]:.0f} s")
axes.set_xlim(0, 20)
axes.set_xlabel("distance from the needle's tip [mm]")
axes.set_ylabel("pressure [kPa]")
axes.legend(markerscale=5);""",
    "Stiffness of the body before and after, from the same run:",
    """>stiffness = outcome.results.stiffness
for key in ("flexion_nm_per_deg", "lateral_bending_nm_per_deg", "torsion_nm_per_deg"):
    before, after = getattr(stiffness.intact, key), getattr(stiffness.augmented, key)
    known = stiffness.intact.quantity(key)
    print(f"{known.label:30} {before:6.1f} -> {after:6.1f} {known.unit}  ({after / before:.2f} x)")""",
    """What other programs read: `vertebroplasty export results/walkthrough` writes VTU, XDMF, STL, and the saturation
as NIfTI on the voxels of the CT, which 3D Slicer shows over the scan.""",
)
"""Cells in their order; those that begin with ``>`` are code."""


def main() -> None:
    """Run the cells in a folder of their own and store the notebook with what they show."""
    cells = [new_code_cell(cell[1:]) if cell.startswith(">") else new_markdown_cell(cell) for cell in CELLS]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    notebook = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": folder}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":  # warnings of other packages, with paths of this machine
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    main()
