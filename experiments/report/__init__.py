"""Reports: one self-contained page for a case or a comparison, to read, print and send.

Here belongs how results are laid out on a page. Words and digits of a number come from the room of the results,
pictures from theirs.
"""
