"""Heat: polymerisation, conduction in bone and around it, and what it does to tissue.

Temperatures live on a box of cubic voxels in the axes of the vertebra. Two-point fluxes between voxels are consistent
for conductivities that are diagonal in these axes, and every matrix of a step is an M-matrix whose rows sum to what
blood, the box's sides and incoming cement give, so that no temperature leaves the range of what causes it. On the
tetrahedra of a body linear elements do not: a quarter of their entries off the diagonal has the wrong sign.
"""
