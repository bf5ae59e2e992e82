"""How far two sets of scores agree in order: coefficients, levels of averaging, comparisons, the human ceiling."""
