"""Whether an experiment may be believed: sample ratio, covariate balance, Simpson's paradox, group against rest."""
