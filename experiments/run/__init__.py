"""One case from files to a folder of results.

Here belongs the order of the stages, the manifest and what a run writes. How a picture is drawn or a plan is laid does
not.
"""
