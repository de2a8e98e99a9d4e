"""Questions over HTTP that nobody waits for: checked, counted, and started once."""

from typing import Any
from unittest.mock import Mock

import pytest

from rag.batches.contracts import BatchInput
from rag.contracts import AskedBy, EmbedRequest, QueryInput
from rag.errors import AllowanceSpent, Conflict, InvalidRequest, NotAllowed, TooLarge, UpstreamUnavailable
from rag.http.allowance import Allowance, count_key
from rag.http.asking import BATCH_PREFIX, BatchBody, StartBatch, StartExecution, batch_of, question_of
from rag.http.callers import Caller, IdentifyCaller
from rag.http.endpoint import Endpoint
from rag.http.exchange import HttpResponse
from rag.http.executions import StartOnce
from tests.fakes.memory_callers import MemoryCounts, MemoryPrincipals
from tests.fakes.memory_executions import MemoryExecutions
from tests.fakes.proxy_events import a_caller, event, request

NOON = 1_800_000_000.0
QUESTION = {
    "query": "How many days?",
    "filter": {"year": {"$gte": 2024}},
    "history": [{"role": "user", "content": "x"}],
}
BATCH = {"queries": ["How many days?", "Who approves?"], "top_k": 3}


class Desk:
    """Both ways to ask, over one account's executions and counts."""

    def __init__(self, questions_per_day: int = 10) -> None:
        self.executions, self.batches, self.counts = MemoryExecutions(), MemoryExecutions(), MemoryCounts()
        allowance = Allowance(self.counts, questions_per_day, lambda: NOON)
        self.question = StartExecution(StartOnce(self.executions, allowance, question_of))
        self.batch = StartBatch(StartOnce(self.batches, allowance, batch_of, BATCH_PREFIX))

    def ask(self, caller: Caller, body: Any = None, key: str | None = None) -> HttpResponse:
        return self.question(caller, request(body or QUESTION, headers=_with(key)))

    def ask_many(self, caller: Caller, body: Any = None, key: str | None = None) -> HttpResponse:
        return self.batch(caller, request(body or BATCH, headers=_with(key)))

    def used(self, caller: Caller) -> int:
        return self.counts.used.get(count_key(caller.id, NOON), 0)


def look_too_early(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the next request not see what was started before it looked."""
    looked, real = list[str](), desk.executions.given
    monkeypatch.setattr(desk.executions, "given", lambda name: real(name) if looked else looked.append(name))


def _with(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Idempotency-Key": key}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_question_starts_an_execution_with_the_caller_s_principal(desk: Desk) -> None:
    response = desk.ask(a_caller(groups=("hr", "board")))
    ((name, given),) = desk.executions.started.items()
    principal = {"tenant": "acme", "groups": ["board", "hr"]}
    assert (response.status, response.body) == (202, {"id": name, "status_url": f"/v1/executions/{name}"})
    assert given == {"body": QUESTION, "caller": {"id": "token/ann", "principal": principal}}
    assert EmbedRequest(request=QueryInput.parse(given["body"]), principal=AskedBy.parse(principal), trace_id=name)


def test_a_batch_is_an_input_of_the_batch_machine_that_tells_its_owner(desk: Desk) -> None:
    response = desk.ask_many(a_caller(groups=("hr",)))
    ((name, given),) = desk.batches.started.items()
    assert response.body["id"] == name
    assert name.startswith(BATCH_PREFIX)
    assert BatchInput.parse(given).queries == BATCH["queries"]
    assert (given["tenant"], given["groups"]) == ("acme", ["hr"])
    assert given["caller"] == {"id": "token/ann", "principal": {"tenant": "acme", "groups": ["hr"]}}


def test_the_principal_of_a_batch_is_the_caller_s_even_if_a_body_could_name_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BatchBody, "parse", Mock(return_value=BatchBody(queries=["How many days?"])))
    desk.ask_many(a_caller(), BATCH | {"tenant": "other", "groups": ["board"], "caller": {"id": "token/eve"}})
    (given,) = desk.batches.started.values()
    assert (given["tenant"], given["groups"], given["caller"]["id"]) == ("acme", [], "token/ann")


@pytest.mark.parametrize("field", ["tenant", "groups", "principal", "caller", "writer", "trace_id"])
def test_who_asks_is_no_part_of_a_body(desk: Desk, field: str) -> None:
    for ask, body in ((desk.ask, QUESTION), (desk.ask_many, BATCH)):
        with pytest.raises(InvalidRequest, match="unknown field"):
            ask(a_caller(), body | {field: "other"})
    assert not desk.executions.started
    assert not desk.batches.started


@pytest.mark.parametrize(
    "broken",
    [
        {"query": ""}, {"query": " "}, {"query": "x" * 8_001}, {"query": 1}, {"top_k": 0}, {"top_k": True},
        {"mode": "fast"}, {"filter": []}, {"filter": {"$where": "1"}}, {"filter": {"a": None}},
        {"history": [{"role": "system", "content": "x"}]}, {"phrasings": 5},
    ],
)  # fmt: skip
def test_a_question_that_could_not_be_asked_starts_nothing_and_counts_for_nothing(
    desk: Desk, broken: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        desk.ask(a_caller(), QUESTION | broken)
    assert (desk.executions.started, desk.used(a_caller())) == ({}, 0)


@pytest.mark.parametrize("queries", [[], ["x"] * 101, "x", [1], [None]])
def test_a_batch_is_one_to_a_hundred_texts(desk: Desk, queries: Any) -> None:
    with pytest.raises(InvalidRequest):
        desk.ask_many(a_caller(), {"queries": queries})
    assert not desk.batches.started


def test_a_filter_of_a_batch_is_checked_before_it_starts(desk: Desk) -> None:
    with pytest.raises(InvalidRequest):
        desk.ask_many(a_caller(), BATCH | {"filter": {"$where": "1"}})


def test_a_body_of_more_bytes_than_a_state_takes_is_too_large(desk: Desk) -> None:
    with pytest.raises(TooLarge):
        desk.ask_many(a_caller(), {"queries": ["é" * 110_000]})


def test_the_same_key_and_request_are_one_execution_that_counts_once(desk: Desk) -> None:
    first, second = (desk.ask(a_caller(), key="k") for _ in range(2))
    assert first == second
    assert len(desk.executions.started) == 1
    assert desk.used(a_caller()) == 1


def test_an_execution_that_has_ended_is_not_started_again(desk: Desk) -> None:
    first = desk.ask(a_caller(), key="k")
    desk.executions.end(first.body["id"])
    assert desk.ask(a_caller(), key="k") == first


def test_a_request_is_the_same_however_it_is_written(desk: Desk) -> None:
    first = desk.ask(a_caller(), key="k")
    assert desk.ask(a_caller(), dict(reversed(QUESTION.items())), key="k") == first


def test_a_request_is_the_same_when_its_caller_s_groups_have_changed(desk: Desk) -> None:
    first = desk.ask(a_caller(groups=("hr", "it")), key="k"), desk.ask_many(a_caller(groups=("hr", "it")), key="k")
    again = desk.ask(a_caller(groups=("it", "board")), key="k"), desk.ask_many(a_caller(groups=("it",)), key="k")
    assert first == again


@pytest.mark.parametrize("change", [{"query": "Who?"}, {"top_k": 3}, {"filter": {"year": {"$gte": 2025}}}])
def test_a_key_for_another_request_is_a_conflict(desk: Desk, change: dict[str, Any]) -> None:
    desk.ask(a_caller(), key="k")
    with pytest.raises(Conflict):
        desk.ask(a_caller(), QUESTION | change, key="k")
    assert len(desk.executions.started) == 1


def test_true_is_another_value_than_one(desk: Desk) -> None:
    desk.ask(a_caller(), {"query": "q", "filter": {"a": True}}, key="k")
    with pytest.raises(Conflict):
        desk.ask(a_caller(), {"query": "q", "filter": {"a": 1}}, key="k")


def test_two_that_come_at_once_are_one_execution(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first = desk.ask(a_caller(), key="k")
    desk.executions.end(first.body["id"])
    look_too_early(desk, monkeypatch)
    assert desk.ask(a_caller(), key="k") == first
    assert desk.used(a_caller()) == 1


def test_of_two_unlike_ones_that_come_at_once_with_one_key_one_is_a_conflict_that_counts_for_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ask(a_caller(), key="k")
    look_too_early(desk, monkeypatch)
    with pytest.raises(Conflict):
        desk.ask(a_caller(), QUESTION | {"query": "Who?"}, key="k")
    assert desk.used(a_caller()) == 1


def test_what_fails_to_start_stays_counted_for_it_may_have_started(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.executions, "start", Mock(side_effect=UpstreamUnavailable("It is away.")))
    with pytest.raises(UpstreamUnavailable):
        desk.ask(a_caller(), key="k")
    assert desk.used(a_caller()) == 1


@pytest.mark.parametrize(
    "other", [a_caller(name="bob"), a_caller(tenant="other"), a_caller(tenant="acm", name="e/token/ann")]
)
def test_another_caller_s_key_is_another_key(desk: Desk, other: Caller) -> None:
    assert desk.ask(a_caller(), key="k").body["id"] != desk.ask(other, {"query": "Else?"}, key="k").body["id"]


def test_without_a_key_each_request_is_an_execution(desk: Desk) -> None:
    assert desk.ask(a_caller()).body["id"] != desk.ask(a_caller()).body["id"]


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "k" * 129, "a\n"])
def test_a_malformed_key_is_refused(desk: Desk, key: str) -> None:
    with pytest.raises(InvalidRequest, match="Idempotency-Key"):
        desk.ask(a_caller(), key=key)


def test_the_questions_of_a_day_are_bounded_and_each_of_a_batch_counts() -> None:
    desk = Desk(questions_per_day=3)
    desk.ask_many(a_caller())
    desk.ask(a_caller())
    for ask in (desk.ask, desk.ask_many):
        with pytest.raises(AllowanceSpent):
            ask(a_caller())
    assert len(desk.executions.started) == 1
    desk.ask(a_caller(name="bob"))


def test_a_batch_is_counted_whole_or_not_at_all() -> None:
    desk = Desk(questions_per_day=3)
    with pytest.raises(AllowanceSpent):
        desk.ask_many(a_caller(), {"queries": ["q"] * 4})
    assert desk.used(a_caller()) == 0


def test_a_count_is_of_one_day_in_utc_and_of_one_caller() -> None:
    assert count_key("token/ann", 0) == "count/1970-01-01/token/ann"
    assert count_key("token/ann", 86_399.9) == count_key("token/ann", 0) != count_key("token/ann", 86_400)


def test_nobody_is_refused_before_the_body_is_looked_at(desk: Desk) -> None:
    endpoint = Endpoint(IdentifyCaller("IAM", MemoryPrincipals()), desk.question)
    with pytest.raises(NotAllowed):
        endpoint(event("no json"))
