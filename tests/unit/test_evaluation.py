"""How answers are judged and counted."""

from pathlib import Path
from typing import Any

import pytest

from ragctl.evaluation import Question, Verdict, judge, read_questions, summary
from ragctl.failure import Failure

ROOM = Question("q1", "How much is a room?", "travel.md", ("180", "EUR"), "answerable")
VISA = Question("q2", "Who pays for visas?", None, (), "near_miss")


def output(answer: str, *documents: str, quote: str = "") -> dict[str, Any]:
    citations = [{"document_id": document, "quote": quote} for document in documents]
    reason = None if documents else "model_declined"
    return {"answer": answer, "answered": bool(documents), "reason": reason, "citations": citations}


@pytest.mark.parametrize(
    ("given", "right", "cited", "contained"),
    [
        (output("180 EUR [1].", "travel.md"), True, True, True),
        (output("It says so [1].", "travel.md", quote="Up to eur 180."), True, True, True),
        (output("180 EUR [1].", "leave.md", "travel.md"), True, True, True),
        (output("180 EUR [1].", "leave.md"), False, False, True),
        (output("90 EUR [1].", "travel.md"), False, True, False),
        (output("I don't know: 180 EUR."), False, False, False),
    ],
)
def test_an_answer_is_right_when_it_cites_and_says(given: Any, right: bool, cited: bool, contained: bool) -> None:
    verdict = Verdict.of(ROOM, given)
    assert (verdict.right, verdict.cited, verdict.contained) == (right, cited, contained)


def test_a_question_that_no_document_answers_is_right_when_it_is_refused() -> None:
    assert Verdict.of(VISA, output("I don't know.")).right
    assert not Verdict.of(VISA, output("The company [1].", "travel.md")).right


def test_the_summary_counts_by_kind() -> None:
    answers = {"q1": output("180 EUR [1].", "travel.md"), "q2": output("I don't know.")}
    counts = summary(judge([ROOM, VISA], lambda question: answers[question.id]))
    assert counts == {
        "questions": 2, "answerable": 1, "right_document_cited": 1, "answer_contained": 1, "false_refusals": 0,
        "unanswerable": 1, "right_refusals": 1, "right_refusals_by_kind": {"near_miss": {"refused": 1, "of": 1}},
    }  # fmt: skip


def test_the_samples_are_forty_questions_of_documents_that_exist() -> None:
    examples = Path(__file__).parents[2] / "examples"
    questions = read_questions(examples / "questions.jsonl")
    documents = [question.document for question in questions if question.document]
    assert (len(questions), len(documents)) == (40, 30)
    assert all((examples / "handbook" / document).is_file() for document in documents)


@pytest.mark.parametrize("line", ["{", '{"id": 1}', "[]", '"text"'])
def test_a_line_that_is_no_question_fails_in_one_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(line)
    with pytest.raises(Failure, match=r"questions\.jsonl"):
        read_questions(path)
