"""How good the answers are: a question file with the document that answers each, asked of a deployment."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from rag.contracts import composed
from rag.errors import InvalidRequest
from ragctl.evaluation.datasets import Dataset
from ragctl.evaluation.measurement import PerQuery
from ragctl.failure import Failure
from ragctl.rendering import printable

_REQUIRED: Final = ("id", "question", "document")


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
        """Return the question of one JSON line.

        Raises:
            ValueError, TypeError, InvalidRequest: it is none.
        """
        raw = json.loads(line)
        if not isinstance(raw, dict):
            raise TypeError("it is no JSON object")
        if missing := [name for name in _REQUIRED if name not in raw]:
            raise ValueError(f"it lacks {' and '.join(missing)}")
        document, contains = raw["document"], raw.get("contains", [])
        if not isinstance(raw["question"], str) or not isinstance(document, str | None):
            raise TypeError("question must be a string, and document a string or null")
        if not isinstance(contains, list) or not all(isinstance(word, str) for word in contains):
            raise TypeError("contains must be a list of strings")
        kind = str(raw.get("kind", "unanswerable")) if document is None else "answerable"
        return cls(str(raw["id"]), composed(raw["question"]), document, tuple(contains), kind)


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


def read_questions(*paths: Path) -> list[Question]:
    """Return the questions of JSONL files.

    Raises:
        Failure: a file cannot be read or holds no question, a line is no question, or two questions have one id.
    """
    questions: dict[str, Question] = {}
    for path in paths:
        before = len(questions)
        for question in _questions(path):
            if question.id in questions:
                raise Failure(f"{path}: two questions have the id {printable(question.id)}.")
            questions[question.id] = question
        if len(questions) == before:
            raise Failure(f"{path} holds no questions.")
    return list(questions.values())


def _questions(path: Path) -> Iterator[Question]:
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
            if line.strip():
                yield _question(path, number, line)
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Failure(f"{path} is not UTF-8: {error}") from error


def _question(path: Path, number: int, line: str) -> Question:
    try:
        return Question.parse(line)
    except (ValueError, TypeError, InvalidRequest) as error:
        raise Failure(
            f'{path}, line {number}: {error}. A line is {{"id", "question", "document", "contains"}}, document null '
            "where none answers it."
        ) from error


def as_dataset(name: str, questions: Iterable[Question], documents: int) -> Dataset:
    """Return the questions that a document answers, as queries to which that document alone is relevant.

    Raises:
        Failure: no question names a document.
    """
    answerable = {question.id: question for question in questions if question.document is not None}
    if not answerable:
        raise Failure("No question names the document that answers it: there is nothing to rank by.")
    return Dataset(
        name=name,
        documents=documents,
        queries={one: question.text for one, question in answerable.items()},
        judgements={one: {question.document: 1} for one, question in answerable.items() if question.document},
    )


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


def per_question(verdicts: Iterable[Verdict]) -> dict[str, PerQuery]:
    """Return what is compared with a baseline: 1 for right and 0 for wrong, by question.

    `cited`, `contained` and `answered` are of the questions that a document answers, `refused` of the others.
    """
    listed = list(verdicts)
    answerable = [verdict for verdict in listed if verdict.question.document is not None]
    unanswerable = [verdict for verdict in listed if verdict.question.document is None]
    values = {
        "cited": {verdict.question.id: float(verdict.cited) for verdict in answerable},
        "contained": {verdict.question.id: float(verdict.contained) for verdict in answerable},
        "answered": {verdict.question.id: float(not verdict.refused) for verdict in answerable},
        "refused": {verdict.question.id: float(verdict.refused) for verdict in unanswerable},
    }
    return {metric: found for metric, found in values.items() if found}


def summary_lines(counts: Mapping[str, Any]) -> Iterator[str]:
    """Yield a summary as lines of text."""
    yield f"Right document cited   {counts['right_document_cited']:5} of {counts['answerable']} answerable"
    yield f"Answer contained       {counts['answer_contained']:5} of {counts['answerable']}"
    yield f"Falsely refused        {counts['false_refusals']:5} of {counts['answerable']}"
    yield f"Rightly refused        {counts['right_refusals']:5} of {counts['unanswerable']} unanswerable"
    for kind, share in counts["right_refusals_by_kind"].items():
        yield f"  {kind:20} {share['refused']:5} of {share['of']}"


def miss_line(verdict: Verdict) -> str:
    """Return what went wrong with a question, as a line of text."""
    question = verdict.question
    if question.document is None:
        return f"{question.id}: answered, though no document does ({question.kind}): {question.text}"
    if verdict.refused:
        return f"{question.id}: refused ({verdict.reason}): {question.text}"
    found = "the right document without the words" if verdict.cited else "another document"
    return f"{question.id}: cited {found}: {question.text}"


def _count(flags: Iterable[bool]) -> dict[str, int]:
    listed = list(flags)
    return {"refused": sum(listed), "of": len(listed)}
