"""Tiered evaluation: who is asked what, with which known probability, and the one estimate that follows."""
