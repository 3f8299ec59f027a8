"""Constitutive laws of bone, marrow and cement as small frozen objects with units and sources.

Here belongs one law a module, each constant with unit, source, tag and range. Meshes, matrices and case files do not.
"""
