"""Pages of evidence: what ``vertebroplasty verify`` shows, and leaks over many patients against published contrasts.

Here belongs how evidence is collected from the tests, or from arms of a sweep that are declared here, and shown. The
tests themselves do not.
"""
