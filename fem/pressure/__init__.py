"""The hybrid Darcy pressure and the solver made for it.

Here belongs the pressure at one time for given mobilities: discretisation, matrix and preconditioner. What the
mobilities are, and what time does to them, does not.
"""
