"""How much cement outside of the bone counts: as a leak at all, and as one that is seen."""

LEAST_LEAK = 0.5
"""Cement in mm3 (0.0005 ml) up to which nothing leaked: so little is numerical diffusion, and 0.000 in the ml of
pictures and tables (tag D)."""

DETECTABLE_LEAK = 20.0
"""Cement in mm3 (0.02 ml) from which on a leak is seen, and has an onset and a severity: a ball of 3.4 mm, some voxels
of a CT (tag D)."""
