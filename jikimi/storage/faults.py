"""What the database's own errors mean for us; tests/storage/test_faults.py holds the table."""

from sqlalchemy.exc import DBAPIError, IntegrityError

from jikimi.errors import JikimiError, Misconfigured, Transient

# SQLite result codes have no place in Python 3.11's older errors through SQLAlchemy's adapter: its texts are stable.
_SQLITE = (
    ("database or disk is full", Transient, "the disk is full; free some space"),
    ("is locked", Transient, "another process holds the database"),
    ("disk i/o error", Transient, "the disk cannot be read or written now"),
    (
        "file is not a database",
        Misconfigured,
        "the file is no SQLite database; restore a backup",
    ),
    ("malformed", Misconfigured, "the database file is damaged; restore a backup"),
    ("unable to open database file", Misconfigured, "the database file cannot be opened; check the folder's rights"),
    ("readonly database", Misconfigured, "the database may not be written here; check the file's rights"),
    ("no such column", Misconfigured, "an older version made the database; start `jikimi up` on it once"),
    ("no such table", Misconfigured, "the database has not been brought to this version; run `jikimi up` once"),
)
# PostgreSQL, appendix A "Error Codes": classes and single codes after which the same transaction may succeed.
_RETRY_CLASSES = frozenset({"08", "53"})  # connection exception, insufficient resources
_RETRY_CODES = frozenset({"40001", "40P01", "55P03", "57P01", "57P02", "57P03"})


def translate(error: DBAPIError) -> JikimiError | None:
    """Transient or Misconfigured; None when it is our own mistake (a broken constraint, bad SQL)."""
    if isinstance(error, IntegrityError):
        return None
    code = getattr(error.orig, "sqlstate", None)
    if code is not None and (code in _RETRY_CODES or code[:2] in _RETRY_CLASSES):
        return Transient(f"the database is not to be had now ({code}): {error.orig}")
    if error.connection_invalidated:
        return Transient(f"the connection to the database was lost: {error.orig}")
    text = str(error.orig).lower()
    for words, kind, meaning in _SQLITE:
        if words in text:
            return kind(f"{meaning} ({error.orig})")
    return None
