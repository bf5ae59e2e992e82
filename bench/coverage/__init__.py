"""How often intervals cover and tests reject, by simulation: short in the suite, long for ``docs/coverage.md``."""
