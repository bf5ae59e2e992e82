"""Ratings of models from comparisons: Bradley–Terry with ties, covariates and raters, Elo, Glicko, win rates.

Standings come with the doubt they have: intervals, rank ranges, and a reason where no finite rating exists.
"""
