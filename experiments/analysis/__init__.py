"""What the table of a sweep says: effects and indices of designs, probabilities of random samples.

Here belongs statistics over finished cases. How cases are drawn and computed does not.
"""
