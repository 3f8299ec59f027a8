from dataclasses import replace

import numpy as np
import pytest
from phantoms import box

from meshes.dimensions import (
    pedicle_diameter,
    pedicle_diameter_by_area,
    pedicle_sections,
    vertebral_height,
)
from meshes.errors import InputError
from meshes.frame import AnatomicalFrame
from meshes.images.image import Image
from meshes.parametric import parametric_body
from meshes.regions import region_area
from meshes.vertebra import Vertebra


def hourglass_vertebra() -> Vertebra:
    """A block with two pedicles behind it, elliptic in section and narrowest 4 mm behind the block."""
    spacing = 0.5
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = [-30.1, -20.07, -15.13]
    index = np.moveaxis(np.indices((120, 120, 60)), 0, -1)
    image = Image(np.zeros(index.shape[:3], dtype=np.float32), affine)
    x, y, z = np.moveaxis(image.to_world(index), -1, 0)
    body = (np.abs(x) <= 25.0) & (np.abs(y) <= 15.0) & (np.abs(z) <= 12.0)
    grown = 1.0 + 0.05 * np.abs(y - 19.0)
    left = ((x - 15.0) / (4.25 * grown)) ** 2 + ((z - 3.0) / (6.25 * grown)) ** 2 <= 1.0
    right = ((x + 15.0) / (4.75 * grown)) ** 2 + ((z - 3.0) / (7.25 * grown)) ** 2 <= 1.0
    arch = (left | right) & (y > 15.0) & (y < 35.0) & ~body
    extents = np.array([[-25.0, 25.0], [-15.0, 15.0], [-12.0, 12.0]])
    frame = AnatomicalFrame(np.zeros(3), np.eye(3), extents, "landmarks")
    return Vertebra("L3", 22, "verse", image, body, arch, frame)


def test_the_isthmus_of_an_hourglass():
    sections = pedicle_sections(hourglass_vertebra())
    for side, half_width, half_height in (("left", 4.25, 6.25), ("right", 4.75, 7.25)):
        section = sections[side]
        assert section.depth == pytest.approx(19.0, abs=1.0)
        assert section.area == pytest.approx(np.pi * half_width * half_height, rel=0.06)
        assert section.width == pytest.approx(2.0 * half_width, abs=0.6)
        assert section.height == pytest.approx(2.0 * half_height, abs=0.6)
        assert section.diameter == pytest.approx(2.0 * half_height, abs=0.6)


def test_the_larger_pedicle_counts():
    vertebra = hourglass_vertebra()
    found = pedicle_diameter(vertebra, parametric_body("L3", 4.0))
    assert found.value == pedicle_sections(vertebra)["right"].diameter
    assert "right" in found.source


def test_one_pedicle_is_enough():
    vertebra = hourglass_vertebra()
    arch = vertebra.arch.copy()
    arch[:60] = False
    assert set(pedicle_sections(replace(vertebra, arch=arch))) == {"left"}


def test_the_demo_pedicles_are_those_of_l3(demo_vertebra, demo_mesh):
    sections = pedicle_sections(demo_vertebra)
    assert set(sections) == {"left", "right"}
    for section in sections.values():
        assert 8.0 < section.width < 12.0
        assert 11.0 < section.height < 17.0
        assert section.height <= section.diameter < 17.0
        assert 17.0 < section.depth < 25.0
    # About the area at which the arch joins the body, measured in another way.
    mesh = demo_mesh(2.0)
    assert pedicle_diameter(demo_vertebra, mesh).value == pytest.approx(pedicle_diameter_by_area(mesh), rel=0.2)


def test_without_an_arch_the_surface_tells():
    mesh = parametric_body("L3", 3.0)
    vertebra = hourglass_vertebra()
    found = pedicle_diameter(replace(vertebra, arch=np.zeros_like(vertebra.arch)), mesh)
    larger = max(region_area(mesh, mesh.facet_regions[f"{side}_pedicle"]) for side in ("left", "right"))
    assert np.pi / 4.0 * found.value**2 == pytest.approx(larger)
    assert "surface" in found.source
    with pytest.raises(InputError, match="left_pedicle"):
        pedicle_diameter_by_area(box((5.0, 5.0, 5.0), 2.0))


def test_lengths_of_the_body(demo_vertebra):
    frame = hourglass_vertebra().frame
    assert tuple(np.ptp(frame.extents, axis=1)) == (50.0, 30.0, 24.0)
    assert vertebral_height(frame) == 24.0
    assert vertebral_height(demo_vertebra.frame) == pytest.approx(22.5, abs=0.1)
