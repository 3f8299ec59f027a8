"""Virtual patients and cohorts: bodies and operations drawn at random, and what the studies would have found in them.

Here belongs from which distributions patients and operations are drawn, what of the results a study observes, and how
that compares with what is published. How a case is computed does not, nor what the laws of bone, veins and cement are.
"""
