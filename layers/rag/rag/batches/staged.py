"""What is staged in the bucket while a batch is answered: its form on disk, and where a batch has its place."""

from typing import Final

import msgspec

from rag.batches.contracts import Batch, ItemError, Terms
from rag.contracts import Passage, QueryRequest, Spent
from rag.index_pointer import IndexTarget
from rag.objects import BATCHES

PART_NAME: Final = "part.json"
RESULTS_NAME: Final = "results.json"


class PartQuestion(msgspec.Struct, frozen=True):
    """A question of a part, or what keeps its line from being one."""

    query: str | None
    id: str | None = None
    error: str = ""


class StagedPart(msgspec.Struct, frozen=True):
    """A part of a bulk batch. `first` is the index of its first question in the whole."""

    terms: Terms
    first: int
    questions: list[PartQuestion]


class Plan(msgspec.Struct, frozen=True):
    """What the end of a bulk batch has to know of its beginning."""

    parts: int


class StagedQuestion(msgspec.Struct, frozen=True):
    """A question of a batch: its text and what its vector took, or why it cannot be asked."""

    index: int
    query: str = ""
    id: str | None = None
    spent: Spent | None = None
    error: ItemError | None = None


class StagedBatch(msgspec.Struct, frozen=True):
    """A batch behind the embed state. `request` holds what all questions share; its own texts are nobody's.

    `vectors` names the object that holds those of these very questions.
    """

    request: QueryRequest
    target: IndexTarget
    questions: list[StagedQuestion]
    vectors: str = ""

    @property
    def valid(self) -> list[StagedQuestion]:
        """The questions that can be asked, in their order, which is that of the vectors."""
        return [question for question in self.questions if question.error is None]


class StagedItem(msgspec.Struct, frozen=True):
    """A question with its passages."""

    query: str
    spent: Spent
    passages: list[Passage]
    degraded: list[str]


def area_of(tenant: str) -> str:
    """Return what the keys of all that a tenant's batches are about begin with."""
    return f"{BATCHES}{tenant}/"


def prefix_of(tenant: str, name: str) -> str:
    """Return where a batch of this name is staged."""
    return f"{area_of(tenant)}{name}"


def results_key(tenant: str, name: str) -> str:
    """Return the key of the results of a batch of this name, where its execution's output does not hold them."""
    return f"{prefix_of(tenant, name)}/{RESULTS_NAME}"


def part_of(prefix: str, number: int) -> Batch:
    """Return the part of that number of a bulk batch."""
    return Batch(prefix=f"{prefix}/part-{number:05}", part=True)
