"""Whether stated probabilities mean what they say: scores, reliability, and maps that repair them."""
