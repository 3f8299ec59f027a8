"""Darcy pressure, the injection loop, elasticity and their PETSc solvers, on arrays and meshes without a patient.

Here belongs what discretises and solves, in mm, N, s and MPa. At the top lie what all rooms stand on: the mesh on its
ranks, the porous medium, Krylov solvers and their errors. Case files, patients, plots and clinical units do not belong.
"""

# The HDF5 of h5py must be loaded before the one that DOLFINx carries, or h5py finds the wrong symbols.
import h5py  # noqa: F401
