"""Choices between systems that are better in different things: Pareto fronts, cutoffs with costs, utilities.

Every choice is made with the doubt of what it rests on, and with the optimism of having chosen taken off.
"""
