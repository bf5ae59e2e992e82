"""Intervals for one sample or two: shares, clustered means, bootstraps, quantiles, ratios, trimmed and capped means."""
