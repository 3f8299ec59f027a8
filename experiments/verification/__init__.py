"""The page that ``vertebroplasty verify`` writes: every case with an exact answer or a published number."""
