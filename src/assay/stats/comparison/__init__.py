"""Two groups compared: tests with their effect in units, margins, effect sizes, and a guard that picks what holds."""
