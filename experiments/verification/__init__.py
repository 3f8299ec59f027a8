"""The page that ``vertebroplasty verify`` writes: every case with an exact answer or a published number.

Here belongs how evidence is collected from the tests and shown. The tests themselves do not.
"""
