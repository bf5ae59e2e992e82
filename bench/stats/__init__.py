"""Statistics against the packages whose figures they equal, one module a family."""
