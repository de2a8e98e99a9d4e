"""How answers are judged and counted."""

from pathlib import Path
from typing import Any

import pytest

from ragctl.evaluation.answers import Question, Verdict, as_dataset, judge, per_question, read_questions, summary
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


def test_values_by_question_are_of_the_questions_that_they_are_about() -> None:
    verdicts = [Verdict.of(ROOM, output("180 EUR [1].", "leave.md")), Verdict.of(VISA, output("I don't know."))]
    assert per_question(verdicts) == {
        "cited": {"q1": 0}, "contained": {"q1": 1}, "answered": {"q1": 1}, "refused": {"q2": 1},
    }  # fmt: skip
    assert per_question([Verdict.of(VISA, output("Me [1].", "travel.md"))]) == {"refused": {"q2": 0}}


def test_questions_are_queries_to_which_the_document_named_is_relevant() -> None:
    dataset = as_dataset("questions", [ROOM, VISA], 12)
    assert dataset.queries == {"q1": "How much is a room?"}
    assert dataset.judgements == {"q1": {"travel.md": 1}}
    assert dataset.documents == 12


def test_questions_that_no_document_answers_cannot_be_ranked() -> None:
    with pytest.raises(Failure, match="No question names the document"):
        as_dataset("questions", [VISA], 12)


def test_questions_of_several_files_are_one_list(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(f'{{"id": "{name}", "question": "{name}?", "document": null}}\n')
    assert [question.id for question in read_questions(tmp_path / "one", tmp_path / "two")] == ["one", "two"]


def test_two_questions_of_one_id_fail(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"id": 1, "question": "q", "document": null}\n' * 2)
    with pytest.raises(Failure, match="two questions have the id 1"):
        read_questions(path)


def test_a_file_without_questions_fails(tmp_path: Path) -> None:
    (tmp_path / "questions.jsonl").write_text("\n")
    with pytest.raises(Failure, match="holds no questions"):
        read_questions(tmp_path / "questions.jsonl")


def test_the_samples_are_forty_questions_of_documents_that_exist() -> None:
    examples = Path(__file__).parents[2] / "examples"
    questions = read_questions(examples / "questions.jsonl")
    documents = [question.document for question in questions if question.document]
    assert (len(questions), len(documents)) == (40, 30)
    assert all((examples / "handbook" / document).is_file() for document in documents)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "Expecting property name"),
        ('{"id": 1}', r"it lacks question and document\. A line is"),
        ('{"id": 1, "question": "q"}', r"it lacks document\. A line is"),
        ("[]", "it is no JSON object"),
        ('"text"', "it is no JSON object"),
        ('{"id": 1, "question": 7, "document": null}', "question must be a string"),
        ('{"id": 1, "question": "q", "document": "d", "contains": "word"}', "contains must be a list of strings"),
        ('{"id": 1, "question": "", "document": "d"}', "query"),
    ],
)
def test_a_line_that_is_no_question_is_told_with_what_is_wrong(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(line)
    with pytest.raises(Failure, match=rf"questions\.jsonl, line 1: .*{reason}"):
        read_questions(path)
