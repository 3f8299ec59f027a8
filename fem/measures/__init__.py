"""What is read off a finished field: fill, distribution, the cement's surface, severity of a leak.

Here belongs what takes a mesh and a field and gives a number or a surface, without solving anything.
"""
