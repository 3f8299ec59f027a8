"""Constitutive laws of bone, marrow and cement as small frozen objects with units and sources."""
