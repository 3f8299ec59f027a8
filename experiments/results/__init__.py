"""What a run leaves behind: numbers, fields, folders that are whole or absent, and how they are read back and worded.

Here belongs what every reader of results shares: names, formats, files, the words and digits in which they are told.
Drawing and computing do not.
"""
