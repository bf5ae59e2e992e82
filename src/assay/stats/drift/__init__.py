"""Whether new data come from where the reference came from: two-sample tests, and detectors for streams."""
