"""Experiments on live traffic: who gets what, for how long, what it did, and what may be said about it."""
