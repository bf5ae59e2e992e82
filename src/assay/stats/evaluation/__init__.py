"""What evaluations of language models need beyond a mean: attempts, epochs, seeds, compute, scaling."""
