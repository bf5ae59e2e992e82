"""Settings, wiring and one use case per verb; the only room that knows everyone."""
