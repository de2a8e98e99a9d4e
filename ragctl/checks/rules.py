"""What holds for one family of state machines and not for the other: how patient it is, and which states may recur."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Rules:
    """The rules of a family. `repeating` are the states that may lead back to themselves."""

    attempts: range
    longest_delay: range  # seconds
    error_at: str  # where a caught error is put, behind the first state
    repeating: frozenset[str] = frozenset()
    reporting: frozenset[str] = frozenset()  # tasks that may stand between an error and the failure


# Somebody waits for an answer, within 28 seconds.
QUERY: Final = Rules(attempts=range(1, 4), longest_delay=range(2, 5), error_at="$")

# Nobody waits, and a service that throttles for an hour must not cost a document.
INGESTION: Final = Rules(
    attempts=range(8, 31),
    longest_delay=range(60, 301),
    error_at="$.error",
    repeating=frozenset({"PublishVersion", "AfterPublishing", "IndexAgain"}),
    reporting=frozenset({"FailDocument", "FinishFailedRun"}),
)


def rules_of(path: Path) -> Rules:
    """Return the rules for the definition in `path`."""
    return INGESTION if path.name.startswith("ingest") else QUERY
