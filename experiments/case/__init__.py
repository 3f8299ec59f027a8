"""The case file: its tables, its errors, its units, the laws that it chooses, and the identity that follows from it.

Here belongs what can be known of a case before an image is read. What is built from it does not.
"""
