"""CUPED on ten million users from Parquet: whole processes, the scan included, against tea-tasting and bare SQL."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.measure import Row, Usage, median, pairs, process, ratio

USERS = 10_000_000
REPEATS = 3

GENERATE = """
COPY (
    SELECT (hash(i) % 2)::UTINYINT AS variant, before, round(0.6 * before - 12 * ln(random()), 2) AS spend
    FROM (SELECT i, round(-20 * ln(random()), 2) AS before FROM range({users}) AS r(i))
) TO '{path}' (FORMAT parquet)
"""

OURS = """
import sys, duckdb
from assay.stats.adjustment.cuped import cuped
from assay.stats.adjustment.joint import JointMoments

scan = f"FROM read_parquet('{sys.argv[1]}')"
(shift,) = duckdb.sql(f"SELECT spend, before {scan} LIMIT 1").fetchall()
shifted = f"SELECT variant, spend - {shift[0]!r} AS y, before - {shift[1]!r} AS x {scan}"
sums = "count(*), sum(y), sum(x), sum(y * y), sum(y * x), sum(x * x)"
rows = duckdb.sql(f"SELECT {sums} FROM ({shifted}) GROUP BY variant ORDER BY variant").fetchall()
control, treatment = (
    JointMoments.from_sums(n, [y, x], [[yy, yx], [yx, xx]], names=["before"], shift=shift)
    for n, y, x, yy, yx, xx in rows
)
found = cuped(control, treatment)
print(found.difference.value, found.difference.low, found.difference.high)
"""

TEA_TASTING = """
import sys, duckdb, tea_tasting as tt
users = duckdb.read_parquet(sys.argv[1])
found = tt.Experiment(spend=tt.Mean("spend", "before")).analyze(users, control=0)["spend"]
print(found.effect_size, found.effect_size_ci_lower, found.effect_size_ci_upper)
"""

BARE_SQL = """
import sys, duckdb
print(duckdb.sql(f'''SELECT variant, count(*), avg(spend), avg(before), var_samp(spend), var_samp(before),
    covar_samp(spend, before) FROM read_parquet('{sys.argv[1]}') GROUP BY variant''').fetchall())
"""


def rows() -> list[Row]:
    """CPU seconds and peak memory of a process that reads the file and prints the interval."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "users.parquet"
        _run(GENERATE_SCRIPT, str(path))
        against = [pairs(lambda: _run(OURS, str(path)), lambda: _run(TEA_TASTING, str(path)), repeats=REPEATS)]
        against.append(pairs(lambda: _run(OURS, str(path)), lambda: _run(BARE_SQL, str(path)), repeats=REPEATS))
    ours = [mine for measured in against for mine, _ in measured]
    cpu_s, rss_mb = median(ours, lambda u: u.cpu_s), median(ours, lambda u: u.rss_mb)
    found = []
    for name, measured in zip(("tea-tasting", "bare SQL"), against, strict=True):
        others = [other for _, other in measured]
        found.append(
            Row(
                f"CUPED, 10,000,000 users from Parquet, {name}",
                f"{cpu_s:.2f} s CPU, {rss_mb:.0f} MB",
                f"{median(others, lambda u: u.cpu_s):.2f} s, {median(others, lambda u: u.rss_mb):.0f} MB",
                ratio(measured, lambda u: u.cpu_s)[1],
                "≤ .7 s CPU, ≤ 300 MB",
                cpu_s <= 0.7 and rss_mb <= 300.0,
            )
        )
    return found


GENERATE_SCRIPT = f"import sys, duckdb\nduckdb.sql({GENERATE!r}.format(users={USERS}, path=sys.argv[1]))"


def _run(script: str, path: str) -> Usage:
    return process([sys.executable, "-c", script, path])


if __name__ == "__main__":
    for row in rows():
        print(f"{row.work}: {row.ours} against {row.other}; {row.ratio}; target {row.target}: {row.met}")
