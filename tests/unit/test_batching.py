"""`rag ask --file`: the lines of a file, and what is wrong usage."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ragctl.batch_report import batch_lines, failure_lines, summary_line, write_results
from ragctl.batching import BatchAnswers, read_lines
from ragctl.cli import app

ANSWER = {
    "answer": "At noon [1].", "answered": True, "reason": None, "query": "When?",
    "rewritten_query": None, "model": "m", "degraded": [],
    "citations": [{"n": 1, "title": "Birds", "source": "birds.md", "page": None, "quote": "It sings at noon."}],
    "usage": {"embedding_tokens": 1, "prompt_tokens": 2, "completion_tokens": 3, "cost_usd": 0.0},
    "cached_embedding": False,
}  # fmt: skip
RESULTS = [
    {"index": 0, "status": "ok", "answer": ANSWER},
    {
        "index": 1,
        "id": "\x1b[31mq",
        "status": "failed",
        "error": {"name": "InvalidRequest", "message": "query must be."},
    },
    {"index": 2, "status": "ok", "answer": {**ANSWER, "answered": False, "reason": "model_declined", "citations": []}},
]
ANSWERS = BatchAnswers(RESULTS, answered=1, failed=1, trace_id="t", seconds=2.34)


def test_a_text_file_holds_a_question_a_line(tmp_path: Path) -> None:
    path = tmp_path / "questions.TXT"
    path.write_bytes('Why?\r\n\n  {"not": "JSON"}  \nWarum nicht, Bär?'.encode())

    lines = read_lines(path)

    assert [line.question.query for line in lines] == ["Why?", '{"not": "JSON"}', "Warum nicht, Bär?"]
    assert [json.loads(line.content) for line in lines] == [line.question.query for line in lines]


def test_a_json_file_holds_a_question_a_line(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"query": "Why?", "id": "a"}\n"Why not?"\nWhy?\n')

    questions = [line.question for line in read_lines(path)]

    assert [(question.query, question.id) for question in questions] == [
        ("Why?", "a"),
        ("Why not?", None),
        (None, None),
    ]
    assert "Line 3 must be" in questions[2].error


@pytest.mark.parametrize(("name", "line"), [("q.jsonl", '"Why?"'), ("q.txt", "Why?")])
def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path, name: str, line: str) -> None:
    path = tmp_path / name
    path.write_text(f"\ufeff{line}\n{line}\n", encoding="utf-8")

    assert [(one.question.query, one.question.error) for one in read_lines(path)] == [("Why?", "")] * 2


def test_the_report_tells_answers_failures_and_counts() -> None:
    lines = list(batch_lines(ANSWERS))

    assert lines[0] == "1. When?"
    assert "At noon [1]." in lines
    assert list(failure_lines(ANSWERS)) == ["[31mq. InvalidRequest: query must be."]
    assert summary_line(ANSWERS) == "3 questions: 1 answered, 1 refused, 1 failed, in 2.3 s"


def test_results_are_written_one_a_line(tmp_path: Path) -> None:
    write_results(ANSWERS, tmp_path / "results.jsonl")

    assert [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()] == RESULTS


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["Why?", "--file", "questions.jsonl"],
        ["Why?", "--output", "results.jsonl"],
        ["--file", "questions.jsonl", "--phrasings", "2"],
        ["--file", "questions.jsonl", "--history", "history.json"],
    ],
)
def test_a_question_or_a_file_and_not_both(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, ["ask", *arguments]).exit_code == 2


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_file_without_questions_is_wrong_usage(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "questions.jsonl"
    if content is not None:
        file.write_text(content)

    assert CliRunner().invoke(app, ["ask", "--file", str(file)]).exit_code == 2
