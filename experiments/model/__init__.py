"""From a case to a problem: needle paths, tissues, openings, specimen, and all of it prepared together.

Here belongs what turns keys of the case file into arrays on a mesh. Solving and storing do not.
"""
