"""Many comparisons: adjusted p-values, false discoveries in a batch and in a stream, simultaneous intervals."""
