"""The command ``vertebroplasty``: every command, how it ends, and what it prints.

Here belongs what a terminal needs: options, exit codes, tables of a few lines. What a command does stands in the room
that does it.
"""
