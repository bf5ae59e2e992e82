"""Targets of tiered evaluation, measured on recorded judges."""
