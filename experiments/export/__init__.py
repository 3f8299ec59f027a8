"""Fields and surfaces of a finished case in the formats of other programs.

Here belongs one module a family of formats. What a run writes by itself does not.
"""
