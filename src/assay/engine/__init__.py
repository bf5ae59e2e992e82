"""Manifest, plan, solvers, steps, aggregation, compare, gate and suites."""
