"""Samples from JSONL, CSV, Parquet, JSON, the Hugging Face hub and lists: checked on opening, read when asked for."""

from assay.datasets.dataset import Dataset
from assay.datasets.fields import FieldMap
from assay.datasets.index import BadRow, JsonlSamples
from assay.datasets.opening import hash_of, open_samples, read_rows, samples_from_list
from assay.datasets.source import cache_directory

__all__ = [
    "BadRow",
    "Dataset",
    "FieldMap",
    "JsonlSamples",
    "cache_directory",
    "hash_of",
    "open_samples",
    "read_rows",
    "samples_from_list",
]
