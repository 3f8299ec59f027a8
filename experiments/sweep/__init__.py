"""Parameter studies: many variations of one case, computed on all cores or on a cluster, whole or continued.

Here belongs the plan, the engine, the folder and the table of a sweep. What the table says of the model does not.
"""
