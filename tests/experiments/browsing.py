"""A headless browser for tests, and how to look at what it shows."""

import io
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.typing import NDArray

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WEBGL = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Debian's Chromium without a screen, with WebGL in software."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is missing: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is missing: uv sync --group dev")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(WEBGL))
        yield opened
        opened.close()


def share_of_color(png: bytes, color: tuple[int, int, int], tolerance: int = 60) -> float:
    """Share of a picture's pixels that are ``color``, lighter or darker."""
    pixels: NDArray[np.float64] = 255.0 * imread(io.BytesIO(png))[..., :3].reshape(-1, 3)
    wanted = np.array(color, dtype=float)
    lightness = (pixels @ wanted) / (wanted @ wanted)
    return float(np.mean(np.abs(pixels - lightness[:, None] * wanted).max(axis=1) < tolerance * (lightness > 0.2)))
