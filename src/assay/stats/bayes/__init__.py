"""Bayesian comparisons of rates, means and counts by closed form or quadrature, and shrinkage of small groups."""
