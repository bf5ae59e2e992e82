"""Plug-ins of three kinds: a metric, a model provider and a store."""
