"""Post-operative CTs, measured without a simulation.

Here belongs what voxels tell of cement, leaks and heights, and the folder that a measured CT becomes. How a run and a
measured CT are set side by side does not.
"""
