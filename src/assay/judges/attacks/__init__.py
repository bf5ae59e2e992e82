"""Injections against judges: the suite as data, what applies it to an answer, and what reads off how far it moved."""
