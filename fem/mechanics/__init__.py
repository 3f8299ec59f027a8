"""Linear elasticity of a vertebra between two plates: stiffness, stress, shares of the load, strength.

Here belongs what a displacement field is and what follows from it. Flow does not.
"""
