"""How good the answers are: a question file with the document that answers each, asked of a deployment."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ragctl.failure import Failure


@dataclass(frozen=True)
class Question:
    """A question, the document that answers it (None: none does) and words that the answer must contain."""

    id: str
    text: str
    document: str | None
    contains: tuple[str, ...]
    kind: str

    @classmethod
    def parse(cls, line: str) -> Self:
        """Return the question of one JSON line."""
        raw = json.loads(line)
        document = raw["document"]
        kind = raw.get("kind", "unanswerable") if document is None else "answerable"
        return cls(str(raw["id"]), raw["question"], document, tuple(raw.get("contains", ())), kind)


@dataclass(frozen=True)
class Verdict:
    """How one question went."""

    question: Question
    refused: bool
    cited: bool
    contained: bool
    reason: str | None

    @classmethod
    def of(cls, question: Question, output: Mapping[str, Any]) -> Self:
        """Judge an answer."""
        said = f"{output['answer']} {' '.join(citation['quote'] for citation in output['citations'])}".casefold()
        return cls(
            question=question,
            refused=not output["answered"],
            cited=question.document in {citation["document_id"] for citation in output["citations"]},
            contained=output["answered"] and all(word.casefold() in said for word in question.contains),
            reason=output["reason"],
        )

    @property
    def right(self) -> bool:
        """Whether it was cited and said, or rightly refused."""
        return self.refused if self.question.document is None else self.cited and self.contained


def read_questions(path: Path) -> list[Question]:
    """Return the questions of a JSONL file.

    Raises:
        Failure: the file cannot be read, or a line is no question.
    """
    try:
        return [Question.parse(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(
            f'{path} must hold one object per line, as {{"id", "question", "document", "contains"}}: {error!r}'
        ) from error


def judge(
    questions: Iterable[Question], answer: Callable[[Question], Mapping[str, Any]], side_by_side: int = 4
) -> Iterator[Verdict]:
    """Yield a verdict per question, in order, asking several side by side."""
    with ThreadPoolExecutor(side_by_side) as pool:
        yield from pool.map(lambda question: Verdict.of(question, answer(question)), questions)


def summary(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Return the counts: right citations, contained answers, false and right refusals, the last by kind."""
    listed = list(verdicts)
    answerable = [verdict for verdict in listed if verdict.question.document is not None]
    unanswerable = [verdict for verdict in listed if verdict.question.document is None]
    by_kind = {
        kind: _count(verdict.refused for verdict in unanswerable if verdict.question.kind == kind)
        for kind in sorted({verdict.question.kind for verdict in unanswerable})
    }
    return {
        "questions": len(listed),
        "answerable": len(answerable),
        "right_document_cited": sum(verdict.cited for verdict in answerable),
        "answer_contained": sum(verdict.contained for verdict in answerable),
        "false_refusals": sum(verdict.refused for verdict in answerable),
        "unanswerable": len(unanswerable),
        "right_refusals": sum(verdict.refused for verdict in unanswerable),
        "right_refusals_by_kind": by_kind,
    }


def _count(flags: Iterable[bool]) -> dict[str, int]:
    listed = list(flags)
    return {"refused": sum(listed), "of": len(listed)}
