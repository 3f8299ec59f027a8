"""Fields and surfaces of a finished case in the formats of other programs."""
