"""Darcy pressure, saturation transport, the injection loop, elasticity and their PETSc solvers."""
