"""Questions in a file: what a line may be, how the file is cut, and that what is wrong with a part stays there."""

import json
from typing import Any

import pytest

from rag import errors
from rag.batches import planning
from rag.batches.lines import question_in
from tests.fakes.batch_desk import TENANT, BatchDesk
from tests.fakes.machine import ExecutionFailed

KEY = f"batches/{TENANT}/questions.jsonl"
INPUT = {"queries_key": KEY, "tenant": TENANT}


@pytest.fixture
def desk() -> BatchDesk:
    desk = BatchDesk()
    desk.tell("The canary sings at noon.")
    return desk


def bulk(desk: BatchDesk) -> tuple[Any, list[Any]]:
    output = desk.bulk(INPUT)
    return output, [json.loads(line) for line in desk.stored(output["results_location"]).splitlines()]


def refusal(desk: BatchDesk, execution_input: Any) -> tuple[str, str]:
    with pytest.raises(ExecutionFailed) as caught:
        desk.bulk(execution_input)
    return caught.value.error, caught.value.cause


@pytest.mark.parametrize(
    ("line", "query", "identifier"),
    [
        ('{"query": "Why?"}', "Why?", None),
        ('{"question": "Why?", "document": "d.md"}', "Why?", None),
        ('{"query": "Why?", "id": "q-1"}', "Why?", "q-1"),
        ('{"query": "Why?", "id": 7}', "Why?", "7"),
        ('" Why? "', "Why?", None),
        ('{"query": "Why?"}\r', "Why?", None),
    ],
)
def test_a_line_is_a_question(line: str, query: str, identifier: str | None) -> None:
    question = question_in(line.encode(), 1)
    assert (question.query, question.id, question.error) == (query, identifier, "")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"Why?", "Line 17 must be"),
        (b'{"query": 7}', "Line 17 must be"),
        (b'{"answer": "a"}', "Line 17 must be"),
        (b'["Why?"]', "Line 17 must be"),
        (b"\xff\xfe", "Line 17 must be"),
        (b"[" * 100_000, "Line 17 must be"),
        (b'{"query": "a", "id": "\\ud800"}', "Line 17 must be"),
        (b'{"query": ""}', "query must be"),
        (b'{"query": "\\ud800"}', "Line 17 must be"),
        (b'"' + b"x" * 8_001 + b'"', "query must be"),
    ],
)
def test_a_line_that_is_no_question_says_why(line: bytes, complaint: str) -> None:
    question = question_in(line, 17)
    assert question.query is None
    assert complaint in question.error


@pytest.mark.parametrize("field", ["history", "phrasings", "top_k", "mode", "filter", "tenant", "groups"])
def test_a_line_that_asks_for_a_search_of_its_own_fails_and_keeps_its_id(field: str) -> None:
    question = question_in(b'{"query": "Why?", "id": "q-1", "%s": 3}' % field.encode(), 17)
    assert (question.query, question.id) == (None, "q-1")
    assert question.error.startswith(f"Line 17 asks for {field}")


def test_a_malformed_line_keeps_its_id() -> None:
    assert question_in(b'{"query": 7, "id": "q-1"}', 17).id == "q-1"


def test_a_long_file_is_answered_in_its_order_with_the_callers_ids(desk: BatchDesk) -> None:
    desk.put(KEY, *({"query": f"Does the canary sing, {number}?", "id": f"q-{number}"} for number in range(250)))

    output, results = bulk(desk)

    assert set(output) == {"results_location", "answered", "failed", "trace_id"}
    assert [(result["index"], result["id"]) for result in results] == [(n, f"q-{n}") for n in range(250)]
    assert (output["answered"], output["failed"]) == (250, 0)
    assert [len(texts) for texts in desk.embedder.requests] == [100, 100, 50]
    assert sorted(desk.store.searches) == sorted([(leg, n) for leg in ("dense", "lexical") for n in (100, 100, 50)])


def test_a_byte_order_mark_is_no_part_of_the_first_line(desk: BatchDesk) -> None:
    desk.objects.write(KEY, b'\xef\xbb\xbf{"query": "canary?", "id": "first"}\n{"query": "canary!"}\n')

    output, results = bulk(desk)

    assert (output["answered"], output["failed"]) == (2, 0)
    assert results[0]["id"] == "first"


def test_a_byte_order_mark_alone_is_no_question(desk: BatchDesk) -> None:
    desk.objects.write(KEY, b'\xef\xbb\xbf\n"canary?"\n\xef\xbb\xbf"canary!"\n')

    _, results = bulk(desk)

    assert [result["status"] for result in results] == ["ok", "failed"]
    assert "Line 3 " in results[1]["error"]["message"]


def test_malformed_lines_fail_alone_and_blank_ones_are_passed_over(desk: BatchDesk) -> None:
    desk.objects.write(KEY, b'"canary?"\n\n{"id": "x"}\nnot JSON\n{"query": "canary!", "id": "last"}\n\n')

    output, results = bulk(desk)

    assert [result["status"] for result in results] == ["ok", "failed", "failed", "ok"]
    assert "Line 3 " in results[1]["error"]["message"]
    assert "Line 4 " in results[2]["error"]["message"]
    assert (results[3]["index"], results[3]["id"]) == (3, "last")
    assert (output["answered"], output["failed"]) == (2, 2)


def test_a_part_that_fails_fails_its_questions_alone(desk: BatchDesk) -> None:
    desk.put(KEY, *(f"canary {number}" for number in range(150)))
    embed = desk.embedder.embed

    def failing(texts: Any) -> Any:
        if len(texts) == 50:
            raise errors.QuotaExhausted("The account is out of credit.")
        return embed(texts)

    desk.embedder.embed = failing  # type: ignore[method-assign]

    output, results = bulk(desk)

    assert [result["index"] for result in results] == list(range(150))
    assert {result["status"] for result in results[:100]} == {"ok"}
    assert {result["error"]["name"] for result in results[100:]} == {"InternalError"}
    assert (output["answered"], output["failed"]) == (100, 50)


def test_malformed_lines_of_a_part_that_fails_keep_their_own_error(desk: BatchDesk) -> None:
    desk.objects.write(KEY, b'not JSON\n"canary?"\n{"query": "", "id": "empty"}\n')
    desk.embedder.refusing["canary?"] = errors.QuotaExhausted("The account is out of credit.")

    output, results = bulk(desk)

    assert [result["error"]["name"] for result in results] == ["InvalidRequest", "InternalError", "InvalidRequest"]
    assert "Line 1 must be" in results[0]["error"]["message"]
    assert results[2]["id"] == "empty"
    assert (output["answered"], output["failed"]) == (0, 3)


def test_what_a_part_has_answered_before_it_failed_counts(desk: BatchDesk) -> None:
    desk.put(
        KEY, *(f"canary {number}" for number in range(100)), {"query": "canary?", "id": "q"}, "xyzzy", "", "canary!"
    )
    desk.chat.failing["canary!"] = errors.UpstreamRejected("The chat endpoint refuses the request.")
    desk.objects.failing["part-00001/results.json"] = [errors.UpstreamRejected("The bucket refuses.")]

    output, results = bulk(desk)

    answered, refused, malformed, unanswered = results[100:]
    assert (answered["index"], answered["id"], answered["answer"]["answered"]) == (100, "q", True)
    assert (refused["index"], refused["answer"]["reason"]) == (101, "no_relevant_passage")
    assert (malformed["index"], malformed["error"]["name"]) == (102, "InvalidRequest")
    assert (unanswered["index"], unanswered["error"]["name"]) == (103, "InternalError")
    assert (output["answered"], output["failed"]) == (101, 2)


@pytest.mark.parametrize(
    ("execution_input", "complaint"),
    [
        ({**INPUT, "queries_key": "documents/acme/questions.jsonl"}, "queries_key must name"),
        ({**INPUT, "queries_key": f"batches/{TENANT}/missing.jsonl"}, "queries_key must name"),
        ({**INPUT, "queries_key": "batches/other/questions.jsonl"}, "queries_key must name"),
        ({**INPUT, "queries_key": f"batches/{TENANT}-2/questions.jsonl"}, "queries_key must name"),
        ({"queries_key": KEY}, "queries_key must name"),
        ({"tenant": TENANT}, "queries_key"),
        ({**INPUT, "top_k": 1_000}, "top_k must be"),
        ({**INPUT, "filter": {"$near": 1}}, ""),
        ({**INPUT, "queries": ["a"]}, "unknown field"),
    ],
)
def test_a_run_that_cannot_be_planned_fails_by_name(
    desk: BatchDesk, execution_input: dict[str, Any], complaint: str
) -> None:
    for area in (f"batches/{TENANT}", f"batches/{TENANT}-2", "batches/other", "documents/acme"):
        desk.put(f"{area}/questions.jsonl", "canary")

    error, cause = refusal(desk, execution_input)

    assert error == "InvalidRequest"
    assert complaint in cause


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_a_file_without_questions_is_refused(desk: BatchDesk, content: bytes) -> None:
    desk.objects.write(KEY, content)

    assert refusal(desk, INPUT) == ("InvalidRequest", "The file holds no question.")


def test_a_file_of_too_many_questions_is_refused(desk: BatchDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "MAX_BULK_QUESTIONS", 3)
    desk.put(KEY, *"abcd")

    assert refusal(desk, INPUT)[0] == "InvalidRequest"
