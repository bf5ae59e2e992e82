"""Judges: scorers that ask a model, how far they can be trusted, and what attacks them."""
