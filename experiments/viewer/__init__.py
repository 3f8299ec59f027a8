"""The viewer: finished cases in a browser, served to this machine alone.

Here belongs what answers a browser. What is drawn comes from the room of the pictures.
"""
