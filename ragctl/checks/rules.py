"""What holds for one family of state machines and not for the other: how patient it is, and which states may recur."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rag.batches.contracts import MAX_QUESTIONS


@dataclass(frozen=True)
class Rules:
    """The rules of a family. `repeating` are the states that may lead back to themselves."""

    attempts: range
    longest_delay: range  # seconds
    error_at: str  # where a caught error is put, behind the first state
    repeating: frozenset[str] = frozenset()
    reporting: frozenset[str] = frozenset()  # tasks that may stand between an error and the failure
    optional: frozenset[str] = frozenset()  # tasks without which the machine goes on
    concluding: frozenset[str] = frozenset()  # states that end one item of a map with its error, and not the machine
    items: int = 0  # of an inline map at most, where all attempts together must fit into the machine's time


# Somebody waits for an answer, within 28 seconds.
QUERY: Final = Rules(
    attempts=range(1, 4), longest_delay=range(2, 5), error_at="$", optional=frozenset({"RewriteQuery"})
)

# Nobody waits, and a service that throttles for an hour must not cost a document.
INGESTION: Final = Rules(
    attempts=range(8, 31),
    longest_delay=range(60, 301),
    error_at="$.error",
    repeating=frozenset({"PublishVersion", "AfterPublishing", "IndexAgain"}),
    reporting=frozenset({"FailDocument", "FinishFailedRun"}),
)

# Somebody waits, but not at a counter; and what throttles must not cost a question.
BATCH: Final = Rules(
    attempts=range(4, 9),
    longest_delay=range(20, 61),
    error_at="$.error",
    concluding=frozenset({"ItemFailed", "ItemBusy", "ItemAway", "ItemTimedOut", "ItemBroke"}),
    items=MAX_QUESTIONS,
)


def rules_of(path: Path) -> Rules:
    """Return the rules for the definition in `path`."""
    families = {"ingest": INGESTION, "batch": BATCH}
    return next((rules for name, rules in families.items() if path.name.startswith(name)), QUERY)
