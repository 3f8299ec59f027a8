"""Reports: one self-contained page for a case or a comparison, to read, print and send."""
