"""The part ``mesh`` of the results: size, fidelity and cell shape of the body's mesh."""

from __future__ import annotations

from experiments.results.parts.base import Part, number


class MeshResults(Part):
    """The mesh of the vertebral body against the mask that it was made from."""

    cells: int = number("1", "tetrahedra", "Number of tetrahedra.")
    points: int = number("1", "points", "Number of points.")
    facets: int = number("1", "facets of the surface", "Number of triangles of the surface.")
    volume_ml: float = number("ml", "volume of the mesh", "Volume of the mesh.")
    mask_volume_ml: float = number("ml", "volume of the mask", "Volume of the body in the mask.")
    volume_error: float = number(
        "1", "volume, relative to the mask's", "Volume of the mesh over that of the mask, minus 1.", signed=True
    )
    centroid_offset_mm: float = number(
        "mm", "centroid from the mask's", "Distance between the centroids of mesh and mask."
    )
    gamma_min: float = number(
        "1",
        "cell quality gamma, worst",
        "Least quality of a cell: three times its inner radius over its outer one, 1 for a regular tetrahedron.",
    )
    gamma_p05: float = number("1", "cell quality gamma, 5th percentile", "5th percentile of the cells' quality.")
    gamma_median: float = number("1", "cell quality gamma, median", "Median of the cells' quality.")
    surface_distance_p95_mm: float = number(
        "mm",
        "surface from the mask's, 95 % within",
        "Distance within which 95 % of either surface's area lies from the other surface, the larger of both ways.",
    )
    hausdorff_mm: float = number(
        "mm", "surface from the mask's, all within", "Largest distance between the surfaces, the larger of both ways."
    )
    edge_length_mean_mm: float = number("mm", "mean edge", "Mean length of the edges.")
