"""The part ``fracture`` of the results: the shape of a broken body before and after."""

from __future__ import annotations

from experiments.results.parts.base import Part, number, share, table, text


class HeightResults(Part):
    """Heights along the body's superior axis in the midsagittal section, at the depths 0.1, 0.5 and 0.9."""

    anterior_mm: float = number("mm", "anterior height", "Height at a tenth of the depth from the front.")
    middle_mm: float = number("mm", "middle height", "Height in the middle of the depth.")
    posterior_mm: float = number("mm", "posterior height", "Height at a tenth of the depth from behind.")
    compression_ratio: float = number(
        "1", "compression ratio", "Middle height over the mean of the anterior and the posterior one."
    )
    anterior_posterior_ratio: float = number(
        "1", "anterior over posterior height", "Anterior height over posterior height."
    )
    wedge_angle_deg: float = number(
        "deg",
        "wedge angle",
        "Angle between the lines through the corners of both endplates; positive where the front is lower.",
        signed=True,
    )


class FractureResults(Part):
    """The body of ``[fracture]``, measured on the masks before and after, at the same places."""

    type: str = text("type of the fracture", "Wedge, biconcave or crush, drawn or given.")
    plate: str = text("broken endplate", "Superior, inferior or both, drawn or given.")
    height_loss: float = share("height loss", "Share of its height that the body lost where the type loses most.")
    before: HeightResults = table("before the fracture", "The body of the CT.")
    after: HeightResults = table("after the fracture", "The broken body.")
    body_before_ml: float = number("ml", "volume of the body before", "Volume of the body's voxels before.")
    body_after_ml: float = number("ml", "volume of the body after", "Volume of the body's voxels after.")
    bone_ratio: float = number(
        "1", "bone, relative to before", "Solid bone in the body's voxels after over that before."
    )
    least_volume_ratio: float = number(
        "1", "bone volume, least relative to before", "Least volume of bone after over its volume before."
    )
    broken_ml: float = number("ml", "volume of broken bone", "Volume after of the cells whose trabeculae broke.")
