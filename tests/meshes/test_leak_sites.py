"""The one table of leak sites: its order, which numbers in results rest on, and what each site is counted among."""

from meshes.leak_sites import LEAK_CLASSES, LEAK_SITES, SITE_BEHIND_WALL, SITES, VEIN_SITE_OF_WALL
from meshes.tetmesh import FACET_REGIONS


def names(**attributes: str) -> set[str]:
    return {
        name
        for name, site in LEAK_SITES.items()
        if all(getattr(site, key) == value for key, value in attributes.items())
    }


def test_sites_keep_their_order() -> None:
    assert SITES == (
        "canal_posterior_wall",
        "basivertebral_foramen",
        "disc_superior",
        "disc_inferior",
        "paravertebral_left",
        "paravertebral_right",
        "paravertebral_anterior",
        "segmental_veins_left",
        "segmental_veins_right",
        "needle_track",
        "anterior_veins",
    )


def test_sites_open_into_their_spaces() -> None:
    assert names(space="canal") == {"canal_posterior_wall"}
    assert names(space="disc") == {"disc_superior", "disc_inferior"}
    veins = {"basivertebral_foramen", "segmental_veins_left", "segmental_veins_right", "anterior_veins"}
    assert names(space="veins") == veins == set(VEIN_SITE_OF_WALL.values())
    soft_tissue = {"paravertebral_left", "paravertebral_right", "paravertebral_anterior", "needle_track"}
    assert names(space="soft_tissue") == soft_tissue


def test_clinics_count_every_site_but_the_track_in_one_class() -> None:
    assert LEAK_CLASSES == {
        "canal": ("canal_posterior_wall", "basivertebral_foramen"),
        "vessel": ("segmental_veins_left", "segmental_veins_right", "anterior_veins"),
        "disc": ("disc_superior", "disc_inferior"),
        "paravertebral": ("paravertebral_left", "paravertebral_right", "paravertebral_anterior"),
    }
    assert LEAK_SITES["needle_track"].leak_class == "needle_track"
    assert LEAK_SITES["basivertebral_foramen"].leak_class == "canal"


def test_one_site_lies_behind_each_wall() -> None:
    assert SITE_BEHIND_WALL == {
        "posterior_wall": "canal_posterior_wall",
        "basivertebral_foramen": "basivertebral_foramen",
        "superior_endplate": "disc_superior",
        "inferior_endplate": "disc_inferior",
        "left_wall": "paravertebral_left",
        "right_wall": "paravertebral_right",
        "anterior_wall": "paravertebral_anterior",
    }
    assert {site.wall for site in LEAK_SITES.values() if site.wall is not None} <= set(FACET_REGIONS)
