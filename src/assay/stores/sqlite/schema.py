"""Tables of the embedded database.

Payload tables keep their rowid: ``WITHOUT ROWID`` puts payloads into the index pages, at 2.8 times the disk.
"""

from __future__ import annotations

VERSION = 1
"""Stored as ``PRAGMA user_version``; a newer one is refused, an older one is brought up to date when there is one."""

REPLIES = (
    """CREATE TABLE IF NOT EXISTS reply_log (
        id INTEGER PRIMARY KEY, key BLOB NOT NULL, payload BLOB NOT NULL, run_id TEXT NOT NULL)""",
    "CREATE TABLE IF NOT EXISTS reply_key (key BLOB NOT NULL PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS reply_paid (
        run_id TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (run_id, id)) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS reply_indexed (one INTEGER PRIMARY KEY CHECK (one = 1), up_to INTEGER NOT NULL)",
    "INSERT OR IGNORE INTO reply_indexed VALUES (1, 0)",
    "CREATE TABLE IF NOT EXISTS spend (run_id TEXT NOT NULL PRIMARY KEY, usd REAL NOT NULL)",
    """CREATE TABLE IF NOT EXISTS batch (
        token TEXT NOT NULL PRIMARY KEY, provider_id TEXT NOT NULL, model TEXT NOT NULL, base_url TEXT NOT NULL,
        since TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS batch_request (
        key BLOB NOT NULL PRIMARY KEY, token TEXT NOT NULL, run_id TEXT NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS batch_request_of ON batch_request (token)",
)

STORE = (
    *REPLIES,
    """CREATE TABLE IF NOT EXISTS live_item (
        run_id TEXT NOT NULL, sample_id TEXT NOT NULL, epoch INTEGER NOT NULL, row INTEGER NOT NULL,
        payload BLOB NOT NULL, UNIQUE (run_id, sample_id, epoch))""",
    "CREATE INDEX IF NOT EXISTS live_item_in_order ON live_item (run_id, row, epoch)",
    """CREATE TABLE IF NOT EXISTS run (
        run_id TEXT NOT NULL PRIMARY KEY, task TEXT NOT NULL, model TEXT, status TEXT NOT NULL, manifest BLOB NOT NULL,
        manifest_hash TEXT NOT NULL, created_at TEXT NOT NULL, summary BLOB NOT NULL, suite_id TEXT)""",
    "CREATE INDEX IF NOT EXISTS run_newest_first ON run (created_at DESC, run_id DESC)",
    """CREATE TABLE IF NOT EXISTS lease (
        run_id TEXT NOT NULL PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL,
        taken_at TEXT NOT NULL)""",
)
