"""The viewer: finished cases in a browser, served to this machine alone."""
