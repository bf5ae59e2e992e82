"""Prediction-powered inference: few trusted labels and many cheap predictions give one valid estimate.

Two-phase and multi-tier sampling with known probabilities, and the allocation of a budget over tiers, belong here too.
"""
