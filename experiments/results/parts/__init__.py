"""What ``results.json`` and ``manifest.json`` hold: every number with its unit, label and meaning, declared once.

Here belongs what a name in these files means, and nothing that computes or draws. Tables, comparisons, reports, the
terminal, JSON Schema and ``docs/results.md`` take names, units and labels from here.
"""
