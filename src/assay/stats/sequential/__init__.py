"""Evidence that may be looked at while it comes in: confidence sequences, e-values, always-valid p, planned looks."""
