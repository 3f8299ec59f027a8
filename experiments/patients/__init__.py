"""One plan for a folder or a table of patients: a sweep with a row, a small picture and its warnings for each.

Here belongs how patients are found and what a plan needs to fit all of them. How the
rows are computed and kept does not.
"""
