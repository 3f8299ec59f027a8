"""Body and arch by any numbers that the user names: in the mask itself, or in a file of subregions."""

import numpy as np
import pytest

from meshes.errors import InputError
from meshes.images.labels import PartLabels
from meshes.vertebra import read_vertebra

INSIDE, BORDER, ARCH, DISC = 7, 9, 300, 4
OF_BODY = PartLabels(body=(BORDER, INSIDE), arch=(ARCH,))


@pytest.fixture(scope="module")
def patient(rewrite, demo_files, tmp_path_factory):
    """The demo with L3's own parts in a mask, next to a disc, and its subregions in other numbers."""
    parts = {}

    def note(name, values):
        parts[name] = values.astype(np.uint16)
        return values

    folder = tmp_path_factory.mktemp("parts")
    rewrite(folder, change=note)
    vertebra, regions = parts["mask"] == 22, parts["subregions"]
    numbers = np.select([regions == 50, regions == 49, regions > 0], [INSIDE, BORDER, ARCH], 0)

    def change(name, values):
        if name == "mask":
            return np.where(vertebra, np.where(numbers == 0, ARCH, numbers), DISC * (parts["mask"] > 0)).astype(
                np.uint16
            )
        return numbers.astype(np.uint16) if name == "subregions" else values

    return rewrite(folder, change=change)


def test_in_the_mask(patient, demo_vertebra):
    vertebra = read_vertebra(patient.ct, patient.mask, "L3", parts=OF_BODY)
    np.testing.assert_array_equal(vertebra.body, demo_vertebra.body)
    np.testing.assert_array_equal(vertebra.arch, demo_vertebra.arch)
    assert (vertebra.level, vertebra.label, vertebra.label_map) == ("L3", BORDER, "parts")
    assert vertebra.provenance["label_map_reason"] == "labels 7, 9 as body, label 300 as arch, as given"


def test_without_arch_the_rest_of_the_mask_is_no_vertebra(patient, demo_vertebra):
    vertebra = read_vertebra(patient.ct, patient.mask, "L3", parts=PartLabels((INSIDE, BORDER)))
    np.testing.assert_array_equal(vertebra.body.sum(), demo_vertebra.body.sum())
    assert not vertebra.arch.any()


def test_in_subregions(patient, demo_files, demo_vertebra):
    """The vertebra is told by its mask; what has no number of the arch is only part of it where none is named."""
    files = demo_files.ct, demo_files.mask, "L3", "verse", patient.subregions
    vertebra = read_vertebra(*files, PartLabels((INSIDE, BORDER)))
    np.testing.assert_array_equal(vertebra.body, demo_vertebra.body)
    np.testing.assert_array_equal(vertebra.arch, demo_vertebra.arch)
    halved = read_vertebra(*files, PartLabels((INSIDE,), (BORDER,)))
    assert halved.arch.any()
    assert halved.body.sum() + halved.arch.sum() < 0.8 * (demo_vertebra.body.sum() + demo_vertebra.arch.sum())


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (PartLabels((7, 8, 10)), r"body_labels: labels 8, 10 are not in mask .*, which holds labels 4, 7, 9, 300"),
        (PartLabels((7,), (3,)), r"arch_labels: label 3 is not in mask .*, which holds labels 4, 7, 9, 300"),
    ],
)
def test_numbers_that_are_not_there(parts, message, patient):
    with pytest.raises(InputError, match=message):
        read_vertebra(patient.ct, patient.mask, "L3", parts=parts)


def test_numbers_that_are_not_in_this_vertebra(patient, demo_files):
    with pytest.raises(
        InputError, match=r"body_labels: label 50 is not in L3 of mask .*, which holds labels 7, 9, 300"
    ):
        read_vertebra(demo_files.ct, demo_files.mask, "L3", "verse", patient.subregions, PartLabels((50,)))


def test_the_level_has_to_be_named(patient):
    with pytest.raises(InputError, match=r"body_labels of mask .* need the name of their vertebra"):
        read_vertebra(patient.ct, patient.mask, parts=OF_BODY)
