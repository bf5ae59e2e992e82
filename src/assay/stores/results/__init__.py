"""Sealed runs as Parquet, read through DuckDB; live runs from the journal, by the plain-Python twins."""

from assay.stores.results.reader import ResultsReader
from assay.stores.results.sealed import SealedResults

__all__ = ["ResultsReader", "SealedResults"]
