"""Markov chains: estimation, exact n-step probabilities, structure, order, seasons, hidden states and forecasts."""
