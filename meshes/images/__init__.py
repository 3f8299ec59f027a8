"""Medical images on voxel grids, and what the numbers of a label mask mean.

Here belongs what reads a file of voxels into one voxel order and one world frame, format by format. What is made of the
voxels afterwards (frame, surface, mesh) does not.
"""
