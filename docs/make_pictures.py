"""Makes every picture of docs/pictures.md and the README's gallery again: ``python docs/make_pictures.py``.

Runs the commands below the pictures in a folder of its own, some five minutes on two idle cores, and puts small copies
of what they write into ``docs/images``.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

IMAGES = Path(__file__).with_name("images")
WIDTH = 1000
"""Largest width of a copy in pixels; all its colours stay, since they mean numbers."""

COMMANDS = (
    "vertebroplasty demo",
    "vertebroplasty demo --defect",
    "vertebroplasty compare --ready unilateral-bilateral",
    "vertebroplasty draw results/demo-defect --style dark -o results/dark",
    "vertebroplasty animate results/demo-defect",
    "vertebroplasty animate results/demo --turntable -o results/turntable.mp4",
)

PICTURES = {
    "demo_mesh.png": "demo/pictures/mesh.png",
    "demo_density.png": "demo/pictures/density.png",
    "demo_fill_front.png": "demo/pictures/fill_front.png",
    "demo_front_times.png": "demo/pictures/front_times.png",
    "demo_pressure.png": "demo/pictures/pressure.png",
    "demo_history.png": "demo/pictures/history.png",
    "demo_mechanics.png": "demo/pictures/mechanics.png",
    "demo_stiffness.png": "demo/pictures/stiffness.png",
    "demo_defect_leaks.png": "demo-defect/pictures/leaks.png",
    "demo_defect_leak_sites.png": "demo-defect/pictures/leak_sites.png",
    "dark_front_times.png": "dark/front_times.png",
    "compare_unilateral_bilateral.png": "compare-unilateral-bilateral/comparison.png",
}
"""Picture in the docs -> what it is a copy of, below ``results``."""

MOVIES = {"demo_defect_animation.gif": "demo-defect/animation.mp4", "demo_turntable.gif": "turntable.mp4"}
"""The same of animations."""

SMALL_GIF = "fps=8,scale=600:-1:flags=lanczos,split[a][b];[a]palettegen=max_colors=64[p];[b][p]paletteuse=dither=none"
"""Filter of ffmpeg for an animation that a page can hold."""


def main() -> None:
    """Run the commands and copy their pictures."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        for command in COMMANDS:
            print(command, flush=True)
            subprocess.run(shlex.split(command), cwd=folder, check=True, env={**os.environ, "PATH": path})
        copy_pictures(Path(folder, "results"))


def copy_pictures(results: Path) -> None:
    """Copy the pictures of finished commands.

    Args:
        results: the folder that they wrote to.
    """
    for name, source in PICTURES.items():
        with Image.open(results / source) as picture:
            small = picture.convert("RGB")
            small.thumbnail((WIDTH, 2 * WIDTH), Image.Resampling.LANCZOS)
            small.save(IMAGES / name, optimize=True)
    ffmpeg = shutil.which("ffmpeg") or "ffmpeg"
    for name, source in MOVIES.items():
        command = [ffmpeg, "-v", "error", "-y", "-i", str(results / source), "-vf", SMALL_GIF, str(IMAGES / name)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
