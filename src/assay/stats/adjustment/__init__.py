"""Smaller variance from what was known before: CUPED, regression adjustment, strata, pairs; moments first."""
