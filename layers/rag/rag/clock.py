"""Tells the time as the registry writes it."""

from datetime import UTC, datetime


def now() -> str:
    """Return the present time in UTC, to the second: "2026-11-22T11:00:00Z"."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
