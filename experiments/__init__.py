"""Everything around the numerics: case files, runs, results, pictures, reports, sweeps, the command line.

Here belongs what a user reads, writes or types. How a matrix is assembled does not. Users import
:mod:`vertebroplasty`, the front door, instead.
"""
