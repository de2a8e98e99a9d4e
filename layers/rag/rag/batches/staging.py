"""One batch's place in the bucket: what its states leave there for one another, and under which names."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from rag import vectors
from rag.batches.contracts import Batch, Item
from rag.batches.staged import PART_NAME, Plan, StagedBatch, StagedItem, StagedPart
from rag.contracts import Answer
from rag.errors import InternalError
from rag.ports import ObjectStore
from rag.vectors import Vector

_VECTORS: Final = "vectors-"
_PASSAGES: Final = "passages-"
_ANSWER: Final = "answer-"
_ANSWER_NAME: Final = re.compile(r"/answer-(\d+)\.json\Z")
_REFUSALS: Final = "refusals.json"
_FLOAT_BYTES: Final = 4
_SIDE_BY_SIDE: Final = 16  # as many connections as the bucket's adapter keeps
_GONE: Final = "What was staged for this batch is gone: ask it again."


@dataclass(frozen=True, slots=True)
class BatchStaging:
    """One batch's place in the bucket. Everything here can be written again by another attempt of the same state.

    What is found by its place in an object lies under a name with the hash of that object's content.
    """

    objects: ObjectStore
    batch: Batch

    def key(self, name: str) -> str:
        """Return the key of the object of that name."""
        return f"{self.batch.prefix}/{name}"

    def write_plan(self, plan: Plan) -> None:
        """Stage the plan of a bulk batch."""
        self._write("plan.json", plan)

    def plan(self) -> Plan:
        """Return it."""
        plan: Plan = self._read("plan.json", Plan)
        return plan

    def write_part(self, part: StagedPart) -> None:
        """Stage the questions of a part."""
        self._write(PART_NAME, part)

    def part(self) -> StagedPart:
        """Return them."""
        part: StagedPart = self._read(PART_NAME, StagedPart)
        return part

    def write_questions(self, staged: StagedBatch, batch_vectors: "Sequence[Vector[float]]") -> None:
        """Stage the questions, and the vectors of the valid ones in their order; lexical mode has no vectors."""
        name = self._write_hashed(_VECTORS, b"".join(map(vectors.to_bytes, batch_vectors)), "f32")
        self._write("questions.json", msgspec.structs.replace(staged, vectors=name))

    def questions(self) -> StagedBatch:
        """Return the questions."""
        staged: StagedBatch = self._read("questions.json", StagedBatch)
        return staged

    def vectors(self, staged: StagedBatch) -> "list[Vector[float]]":
        """Return the vectors of its valid questions, each of shape (dimensions,); none in lexical mode."""
        data, size = self._bytes(staged.vectors), staged.target.dimensions * _FLOAT_BYTES
        return [vectors.from_bytes(data[at : at + size]) for at in range(0, len(data), size)]

    def write_items(self, items: Mapping[int, StagedItem]) -> list[Item]:
        """Stage questions with their passages, in one object, and return where each is."""
        content, places = bytearray(), list[tuple[int, int, int]]()
        for index, item in items.items():
            start = len(content)
            content += msgspec.json.encode(item)
            places.append((index, start, len(content)))
        name = self._write_hashed(_PASSAGES, bytes(content), "json")
        return [Item(index=index, staged=name, start=start, end=end) for index, start, end in places]

    def item(self, place: Item) -> StagedItem:
        """Return one of them."""
        content = self.objects.read(self.key(place.staged), start=place.start, end=place.end)
        if content is None:
            raise InternalError(_GONE)
        return msgspec.json.decode(content.data, type=StagedItem)

    def clear_working(self) -> None:
        """Delete what only answering needed: vectors and passages, of every attempt."""
        listed = [self.objects.list(self.key(kind)) for kind in (_VECTORS, _PASSAGES)]
        self.objects.delete([info.key for found in listed for info in found])

    def write_refusals(self, refusals: Mapping[int, Answer]) -> None:
        """Stage the answers to questions that found nothing relevant, by index."""
        self._write(_REFUSALS, refusals)

    def write_answer(self, index: int, answer: Answer) -> None:
        """Stage the answer to one question."""
        self._write(f"{_ANSWER}{index:05}.json", answer)

    def answers(self, indices: Iterable[int]) -> dict[int, Answer]:
        """Return the answers to these questions, and all refusals; a question without either is left out."""
        asked = list(indices)
        with ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="batch") as readers:
            answers = zip(asked, readers.map(self._answer, asked), strict=True)
            content = self.objects.read(self.key(_REFUSALS))
            refusals = {} if content is None else msgspec.json.decode(content.data, type=dict[int, Answer])
            return refusals | {index: answer for index, answer in answers if answer is not None}

    def answered(self) -> list[int]:
        """Return the indices of the questions whose answers are staged, refusals aside."""
        named = (_ANSWER_NAME.search(info.key) for info in self.objects.list(self.key(_ANSWER)))
        return [int(found[1]) for found in named if found]

    def write_results(self, name: str, content: bytes) -> str:
        """Store results, and return their key."""
        self.objects.write(self.key(name), content)
        return self.key(name)

    def results(self, name: str) -> bytes | None:
        """Return them, or None where the batch never got so far."""
        content = self.objects.read(self.key(name))
        return None if content is None else content.data

    def _answer(self, index: int) -> Answer | None:
        content = self.objects.read(self.key(f"{_ANSWER}{index:05}.json"))
        return None if content is None else msgspec.json.decode(content.data, type=Answer)

    def _write_hashed(self, kind: str, content: bytes, suffix: str) -> str:
        name = f"{kind}{hashlib.sha256(content).hexdigest()[:16]}.{suffix}"
        self.objects.write(self.key(name), content)
        return name

    def _write(self, name: str, value: object) -> None:
        self.objects.write(self.key(name), msgspec.json.encode(value))

    def _bytes(self, name: str) -> bytes:
        content = self.objects.read(self.key(name))
        if content is None:
            raise InternalError(_GONE)
        return content.data

    def _read(self, name: str, kind: Any) -> Any:
        return msgspec.json.decode(self._bytes(name), type=kind)
