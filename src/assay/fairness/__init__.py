"""Any metric by group and intersection: gaps, ratios and rates with intervals that hold together."""
