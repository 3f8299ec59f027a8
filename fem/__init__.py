"""Darcy pressure, saturation transport, the injection loop, elasticity and their PETSc solvers."""

# The HDF5 of h5py must be loaded before the one that DOLFINx carries, or h5py finds the wrong symbols.
import h5py  # noqa: F401
