"""The batch machines, run on scripted functions: which states follow on what, and how each fails."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from rag import errors
from rag.batches.contracts import MAX_QUESTIONS
from rag.batches.planning import MAX_BULK_QUESTIONS, PART_BYTES
from rag.batches.searching import IGNORANCE
from rag.contract import MAX_QUERY_CHARACTERS
from ragctl.checks import state_machine
from tests.fakes.machine import ExecutionFailed, Functions, Machine

DEFINITIONS = Path(__file__).parents[2] / "statemachine"
BATCH: dict[str, Any] = json.loads((DEFINITIONS / "batch.asl.json").read_text())
BULK: dict[str, Any] = json.loads((DEFINITIONS / "batch_bulk.asl.json").read_text())
QUERY: dict[str, Any] = json.loads((DEFINITIONS / "query.asl.json").read_text())
LIMIT = 262_144  # bytes of UTF-8: input and output of every state

REFERENCE = {"prefix": "batches/acme/execution", "part": False}
EMBEDDED = {
    "batch": REFERENCE, "questions": 4, "malformed": 1, "embedded": 3, "reused": 0, "tokens": 9, "cost_usd": None,
}  # fmt: skip
STAGED = "passages-2f9e41c07ab35d68.json"
FOUND: dict[str, Any] = {
    "items": [{"index": index, "staged": STAGED, "start": 9 * index, "end": 9 * index + 9} for index in (0, 2)],
    "refused": 1,
    "passages": 7,
    "dropped": 0,
}
COLLECTED = {"results": [], "answered": 2, "failed": 1, "trace_id": "execution"}
PLANNED = {
    "batch": {"prefix": "batches/acme/execution", "part": False}, "bucket": "b", "parts_key": "parts", "parts": 2,
    "questions": 150,
}  # fmt: skip
PART_OF_BULK = {"part.$": "$.part"}
JOINED = {"results_location": "s3://b/results.jsonl", "answered": 140, "failed": 2, "trace_id": "execution"}
PARTS = [{"part": f"batches/acme/execution/part-{number:05}/part.json"} for number in range(2)]


def composed(event: Mapping[str, Any]) -> Any:
    return {"request": {"query": f"question {event['item']['index']}"}}


def generated(event: Mapping[str, Any]) -> Any:
    return {"index": event["index"]}


class Script:
    """Functions that answer what they are told to, and remember what they were asked."""

    def __init__(self, **answers: Any) -> None:
        self._answers = {
            "EmbedBatch": EMBEDDED, "SearchBatch": FOUND, "ComposeItem": composed, "GenerateItem": generated,
            "CollectBatch": COLLECTED, "PlanBatch": PLANNED, "CollectBulk": JOINED,
        } | answers  # fmt: skip
        self.asked: dict[str, list[Any]] = {}

    @property
    def functions(self) -> Functions:
        return {name: self._function(name, answer) for name, answer in self._answers.items()}

    def _function(self, name: str, answer: Any) -> Callable[[Any], Any]:
        def function(event: Any) -> Any:
            self.asked.setdefault(name, []).append(event)
            told = answer(event) if callable(answer) else answer
            if isinstance(told, Exception):
                raise told
            return told

        return function


def answer(script: Script, execution_input: Any = None) -> Any:
    return Machine(BATCH, script.functions).run({"queries": ["a"]} if execution_input is None else execution_input)


def failing_at(index: int, error: Exception) -> Callable[[Mapping[str, Any]], Any]:
    def answered(event: Mapping[str, Any]) -> Any:
        mine = event["item"]["index"] if "item" in event else event["index"]
        return error if mine == index else {"index": mine, "request": {}}

    return answered


def test_questions_are_embedded_and_searched_together_and_answered_one_by_one() -> None:
    script = Script()

    output = answer(script, {"queries": ["a", "b", "c", "d"]})

    assert script.asked["EmbedBatch"] == [{"request": {"queries": ["a", "b", "c", "d"]}, "trace_id": "execution"}]
    assert script.asked["SearchBatch"] == [{"batch": REFERENCE, "trace_id": "execution"}]
    common = {"batch": REFERENCE, "trace_id": "execution"}
    assert script.asked["ComposeItem"] == [{**common, "item": item} for item in FOUND["items"]]
    assert script.asked["GenerateItem"] == [
        {**common, "index": index, "request": {"query": f"question {index}"}} for index in (0, 2)
    ]
    (collected,) = script.asked["CollectBatch"]
    assert collected == {"batch": REFERENCE, "outcomes": [{"index": 0}, {"index": 2}], "trace_id": "execution"}
    assert output == COLLECTED


def test_results_elsewhere_are_put_out_as_they_are() -> None:
    elsewhere = {"results_location": "s3://b/k", "answered": 1, "failed": 0, "trace_id": "execution"}
    assert answer(Script(CollectBatch=elsewhere)) == elsewhere


def test_a_batch_of_which_nothing_is_worth_a_model_call_is_collected_all_the_same() -> None:
    script = Script(SearchBatch={**FOUND, "items": []})

    assert answer(script) == COLLECTED
    assert "ComposeItem" not in script.asked
    assert script.asked["CollectBatch"][0]["outcomes"] == []


@pytest.mark.parametrize("task", ["ComposeItem", "GenerateItem"])
def test_a_question_that_fails_does_so_alone_with_the_error_s_own_words(task: str) -> None:
    script = Script(**{task: failing_at(0, errors.QuotaExhausted("The account is out of credit."))})

    assert answer(script) == COLLECTED
    error = {"name": "QuotaExhausted", "message": "The account is out of credit."}
    assert script.asked["CollectBatch"][0]["outcomes"] == [{"index": 0, "error": error}, {"index": 2}]


def test_what_is_none_of_our_errors_shows_nothing_of_itself() -> None:
    script = Script(GenerateItem=failing_at(2, ValueError("a passage's text")))

    answer(script)

    (_, failed) = script.asked["CollectBatch"][0]["outcomes"]
    assert failed["error"]["name"] == "InternalError"
    assert "a passage's text" not in json.dumps(failed)


@pytest.mark.parametrize("name", ["States.Timeout", "Sandbox.Timedout"])
def test_a_question_that_takes_too_long_is_called_that(name: str) -> None:
    class Slow(Machine):
        def _task(self, state: Any, event: Any) -> Any:
            if "GenerateItem" in state["Resource"] and event["index"] == 2:
                raise ExecutionFailed(name, "")
            return super()._task(state, event)

    script = Script()
    Slow(BATCH, script.functions).run({})

    first, second = script.asked["CollectBatch"][0]["outcomes"]
    assert (first, second["error"]["name"]) == ({"index": 0}, "TimedOut")


def test_a_model_that_throttles_for_a_while_costs_no_question() -> None:
    attempts: dict[int, int] = {}

    def throttled(event: Mapping[str, Any]) -> Any:
        attempts[event["index"]] = attempts.get(event["index"], 0) + 1
        return errors.UpstreamThrottled("Too many.") if attempts[event["index"]] < 6 else generated(event)

    script = Script(GenerateItem=throttled)

    answer(script)

    assert script.asked["CollectBatch"][0]["outcomes"] == [{"index": 0}, {"index": 2}]


@pytest.mark.parametrize("task", ["EmbedBatch", "SearchBatch", "CollectBatch"])
def test_what_concerns_all_questions_fails_the_execution_by_name(task: str) -> None:
    with pytest.raises(ExecutionFailed) as caught:
        answer(Script(**{task: errors.InvalidRequest("top_k must be an integer from 1 to 100.")}))

    assert (caught.value.error, caught.value.cause) == ("InvalidRequest", "top_k must be an integer from 1 to 100.")


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        ("Lambda.TooManyRequestsException", "UpstreamThrottled"),
        ("Lambda.SdkClientException", "UpstreamUnavailable"),
        ("Lambda.ServiceException", "UpstreamUnavailable"),
    ],
)
def test_functions_that_cannot_run_just_now_are_worth_another_try(broken: str, name: str) -> None:
    raised = type(broken, (Exception,), {})()
    with pytest.raises(ExecutionFailed) as caught:
        answer(Script(SearchBatch=raised))
    assert caught.value.error == name

    script = Script(GenerateItem=lambda _: raised)
    answer(script)
    told = script.asked["CollectBatch"][0]["outcomes"]
    assert [(one["index"], one["error"]["name"]) for one in told] == [(0, name), (2, name)]


@pytest.mark.parametrize("execution_input", [[1], "text", 7])
def test_an_input_that_is_no_object_fails_by_name_too(execution_input: Any) -> None:
    with pytest.raises(ExecutionFailed) as caught:
        answer(Script(EmbedBatch=errors.InvalidRequest("The input is malformed.")), execution_input)

    assert caught.value.error == "InvalidRequest"


def test_no_state_outgrows_its_limit_with_a_hundred_questions_that_fail_at_length() -> None:
    prefix = f"batches/{'t' * 63}/{'r' * 80}"
    reference = {"prefix": prefix, "part": False}
    words = errors.UpstreamRejected("€" * 400)
    script = Script(
        EmbedBatch={**EMBEDDED, "batch": reference},
        SearchBatch={
            **FOUND,
            "items": [{"index": n, "staged": STAGED, "start": 10**7, "end": 10**7} for n in range(MAX_QUESTIONS)],
        },
        GenerateItem=lambda _: words,
        CollectBatch={"results": ["x" * 150 * 1024], "answered": 100, "failed": 0, "trace_id": "r" * 80},
    )
    sizes: dict[str, int] = {}

    def observe(name: str, document: Any) -> None:
        sizes[name] = max(sizes.get(name, 0), len(json.dumps(document, ensure_ascii=False).encode()))

    Machine(BATCH, script.functions, observe=observe).run({"queries": ["q" * 200_000]}, "r" * 80)

    assert {"EmbedBatch takes", "after AnswerItems", "CollectBatch takes", "after CollectBatch"} <= set(sizes)
    assert {name: size for name, size in sizes.items() if size >= LIMIT} == {}


def test_the_bulk_machine_answers_each_part_as_the_single_machine_would() -> None:
    processor = BULK["States"]["AnswerParts"]["ItemProcessor"]
    told = {**BATCH["States"]["EmbedBatch"]["Parameters"], **PART_OF_BULK}
    del told["request.$"]

    assert processor["States"] == {
        **BATCH["States"],
        "EmbedBatch": {**BATCH["States"]["EmbedBatch"], "Parameters": told},
    }
    assert processor["StartAt"] == BATCH["StartAt"]


def test_the_batch_machine_cannot_name_a_part_whatever_it_is_started_with() -> None:
    script = Script()

    answer(script, {"part": PARTS[0]["part"]})

    assert [set(asked) for asked in script.asked["EmbedBatch"]] == [{"request", "trace_id"}]


def bulk(script: Script) -> Any:
    machine = Machine(BULK, script.functions, lists=lambda key: PARTS if key == "parts" else [])
    return machine.run({"queries_key": "batches/acme/questions.jsonl", "tenant": "acme"})


def test_a_file_is_planned_answered_by_parts_and_joined() -> None:
    script = Script()

    assert bulk(script) == JOINED
    given = {"queries_key": "batches/acme/questions.jsonl", "tenant": "acme"}
    assert script.asked["PlanBatch"] == [{"request": given, "trace_id": "execution"}]
    assert [asked["part"] for asked in script.asked["EmbedBatch"]] == [part["part"] for part in PARTS]
    assert not [asked for asked in script.asked["EmbedBatch"] if "request" in asked]
    assert script.asked["CollectBulk"] == [{"batch": PLANNED["batch"], "trace_id": "execution"}]


@pytest.mark.parametrize("error", [errors.QuotaExhausted("No credit."), ValueError("a question's text")])
def test_parts_that_fail_do_not_stop_the_others_from_being_joined(error: Exception) -> None:
    script = Script(EmbedBatch=lambda _: error)

    assert bulk(script) == JOINED


@pytest.mark.parametrize("task", ["PlanBatch", "CollectBulk"])
def test_a_file_that_cannot_be_planned_or_joined_fails_by_name(task: str) -> None:
    with pytest.raises(ExecutionFailed) as caught:
        bulk(Script(**{task: errors.InvalidRequest("The file holds no question.")}))

    assert (caught.value.error, caught.value.cause) == ("InvalidRequest", "The file holds no question.")


def test_the_map_collects_of_its_parts_less_than_a_state_may_hold() -> None:
    output = {"answered": MAX_QUESTIONS, "failed": MAX_QUESTIONS, "trace_id": str(uuid4())}
    longest = MAX_QUERY_CHARACTERS * len("\U0001f600".encode())
    most = MAX_BULK_QUESTIONS // (PART_BYTES // longest)  # parts of the longest file

    assert (len(json.dumps(output)) + 2) * most < LIMIT


@pytest.mark.parametrize(
    ("machine", "name"), [(BATCH, "NameBatchError"), (BATCH, "NameItemError"), (BULK, "NameBulkError")]
)
def test_every_error_of_ours_is_reported_by_name_with_its_cause(machine: dict[str, Any], name: str) -> None:
    (naming,) = [state for found, state in state_machine.states(machine) if found == name]
    ours = next(rule for rule in naming["Choices"] if "Cause" in rule["Next"])

    named = {rule["StringEquals"] for rule in ours["Or"]}
    of_ingestion = {"UnreadableDocument"}
    assert named == (state_machine.transient_errors() | state_machine.permanent_errors()) - of_ingestion


def test_a_refusal_reads_as_that_of_a_single_query() -> None:
    assert QUERY["States"]["AdmitIgnorance"]["Parameters"]["answer"] == IGNORANCE
