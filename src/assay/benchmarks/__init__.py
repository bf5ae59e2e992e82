"""The built-in benchmarks: data, prompt and scorers of each."""

from assay.benchmarks.catalog import BENCHMARKS, load_benchmark
from assay.benchmarks.entry import Benchmark, Option

__all__ = ["BENCHMARKS", "Benchmark", "Option", "load_benchmark"]
