"""Pages and charts from results: documents (plain JSON), templates, Vega-Lite specs, the self-contained file."""
