"""Pictures of a finished case: bodies rendered off-screen, curves over time, in one style.

Here belongs what is drawn from the folder of one case. What is computed for it, and pages that hold pictures, do not.
"""
