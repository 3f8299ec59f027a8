"""Images and labels, the anatomical frame, surfaces, tetrahedra and named regions.

Here belongs what a vertebra looks like: its images, its landmarks, its mesh and the names of its parts, all in mm of
the anatomical frame. What flows or carries load in it, and how a case file is written, does not.
"""
