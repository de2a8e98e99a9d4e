"""The query path as it is deployed, on a local stack whose models are stand-ins that a test scripts."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from rag.identity import chunk_id
from rag.models import Chunk, IndexedChunk
from rag.registration import Registration
from ragctl import wiring
from ragctl.asking import Asked, Asker, QueryFailedError
from ragctl.deployment import Deployment
from tests.fakes import faulty_http as faults
from tests.fakes.log_records import records
from tests.fakes.openai_server import OpenAIServer
from tests.integration.conftest import ROOT, live_index, stack_of

TEXT = "The canary sings at noon. Guests may listen."  # asked verbatim, it is its own nearest neighbour
FIELDS = {
    "answer",
    "answered",
    "reason",
    "citations",
    "query",
    "rewritten_query",
    "model",
    "usage",
    "cached_embedding",
    "degraded",
    "trace_id",
}


class Rig:
    """A stack, and the models that it calls."""

    def __init__(self, deployment: Deployment, models: OpenAIServer, logs: Path) -> None:
        self.deployment = deployment
        self.models = models
        self.logs = logs
        self.asker = Asker(deployment)

    def ask(self, request: Any) -> Asked:
        return self.asker.ask(request)

    def refusal(self, request: Any) -> tuple[str, str]:
        with pytest.raises(QueryFailedError) as caught:
            self.ask(request)
        return caught.value.error, caught.value.cause

    def calls(self, path: str) -> int:
        return sum(request.path == path for request in self.models.requests)

    def cached(self) -> int:
        table = self.deployment.outputs["EmbeddingCacheTableName"]
        count: int = self.deployment.client("dynamodb").scan(TableName=table, Select="COUNT")["Count"]
        return count


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    data = tmp_path_factory.mktemp("query_path")
    with OpenAIServer(dimensions=16, keys=("local",)) as models:
        parameters = {
            "EmbeddingBaseUrl": models.base_url, "ChatBaseUrl": models.base_url, "EmbeddingModel": "stand-in",
            "ChatModel": "stand-in", "EmbeddingDimensions": "16",
            "RelevanceRule": "1 dense >= 0.99", "LogLevel": "DEBUG",
        }  # fmt: skip
        with stack_of(ROOT / "template.yaml", data, parameters) as deployment:
            _load(deployment)
            yield Rig(deployment, models, data / "logs")


def _load(deployment: Deployment) -> None:
    (vector,) = wiring.embedder(deployment).embed([TEXT]).vectors
    for tenant, groups in (("acme", ()), ("secretive", ("board",))):
        chunk = Chunk(
            chunk_id(tenant, "birds.md", "1", 0), "birds.md", "1", 0, "Birds", "birds.md", TEXT, 12, 40, 40 + len(TEXT),
            groups=groups,
        )  # fmt: skip
        live_index(deployment).upsert(tenant, [IndexedChunk(chunk, vector)])
        live = Registration(tenant, "birds.md", status="ready", live_version="1", versions={"1": 1}, groups=groups)
        wiring.registry(deployment).store([live])


@pytest.fixture
def rig(running: Rig) -> Rig:
    running.models.requests.clear()
    return running


def test_a_question_comes_back_answered_and_cited(rig: Rig) -> None:
    rig.models.say("It sings at noon [1].")
    output = rig.ask({"query": TEXT, "tenant": "acme"}).output
    assert set(output) == FIELDS
    assert (output["answer"], output["answered"], output["reason"]) == ("It sings at noon [1].", True, None)
    (citation,) = output["citations"]
    assert (citation["document_id"], citation["quote"]) == ("birds.md", "The canary sings at noon.")
    assert (citation["start"], citation["end"]) == (40, 65)
    assert output["usage"] == {"embedding_tokens": 8, "prompt_tokens": 100, "completion_tokens": 10, "cost_usd": None}


def test_the_trace_id_is_the_name_of_the_execution(rig: Rig) -> None:
    asked = rig.ask({"query": TEXT, "tenant": "acme"})
    assert asked.execution.endswith(asked.output["trace_id"])


HISTORY = [{"role": "user", "content": "When does the canary sing?"}, {"role": "assistant", "content": "At noon."}]


def test_a_follow_up_is_rewritten_searched_for_and_answered(rig: Rig) -> None:
    rig.models.say(TEXT)
    rig.models.say("They may listen [1].")
    output = rig.ask({"query": "And may guests listen?", "tenant": "acme", "history": HISTORY}).output
    assert (output["query"], output["rewritten_query"]) == ("And may guests listen?", TEXT)
    assert output["answer"] == "They may listen [1]."
    assert output["degraded"] == []
    assert output["usage"]["prompt_tokens"] == 200


def test_a_rewriting_that_fails_leaves_the_question_as_it_was_asked(rig: Rig) -> None:
    rig.models.next(faults.answer_json({"error": {"code": "model_not_found", "message": "canary"}}, 404))
    output = rig.ask({"query": TEXT, "tenant": "acme", "history": HISTORY}).output
    assert output["answered"]
    assert output["rewritten_query"] is None
    assert output["degraded"] == ["rewrite"]


def test_other_phrasings_find_what_the_question_does_not(rig: Rig) -> None:
    rig.models.say(f"A canary?\n{TEXT}")
    rig.models.say("It sings at noon [1].")
    output = rig.ask({"query": "Zzz?", "tenant": "acme", "phrasings": 2, "mode": "dense"}).output
    assert output["citations"][0]["document_id"] == "birds.md"
    assert output["rewritten_query"] is None


@pytest.mark.parametrize("field", [{"history": [{"role": "user"}]}, {"phrasings": 9}, {"history": "x"}])
def test_a_malformed_history_is_refused_before_any_call(rig: Rig, field: Any) -> None:
    name, cause = rig.refusal({"query": TEXT, **field})
    assert name == "InvalidRequest"
    assert cause.startswith(next(iter(field)))
    assert rig.models.requests == []


def test_an_express_execution_answers_the_same(rig: Rig) -> None:
    rig.models.say("It sings at noon [1].")
    answer = rig.deployment.client("stepfunctions").start_sync_execution(
        stateMachineArn=rig.deployment.outputs["ExpressStateMachineArn"],
        input=json.dumps({"query": TEXT, "tenant": "acme"}),
    )
    assert answer["status"] == "SUCCEEDED"
    assert json.loads(answer["output"])["citations"][0]["document_id"] == "birds.md"


def test_the_same_question_again_is_not_embedded_again(rig: Rig) -> None:
    rig.ask({"query": TEXT, "tenant": "acme"})
    rig.models.requests.clear()
    assert rig.ask({"query": TEXT, "tenant": "acme"}).output["cached_embedding"] is True
    assert rig.calls("/v1/embeddings") == 0


@pytest.mark.parametrize(
    "request_",
    [
        {"query": "Something else entirely", "tenant": "acme"},
        {"query": TEXT, "tenant": "another"},
        {"query": TEXT, "tenant": "secretive"},
        {"query": TEXT, "tenant": "secretive", "groups": ["staff"]},
        {"query": TEXT, "tenant": "acme", "filter": {"year": 2024}},
    ],
)
def test_nothing_relevant_is_admitted_without_a_call_of_the_model(rig: Rig, request_: Any) -> None:
    output = rig.ask(request_).output
    assert set(output) == FIELDS
    assert (output["answered"], output["reason"], output["citations"]) == (False, "no_relevant_passage", [])
    assert output["model"] == "stand-in"
    assert rig.calls("/v1/chat/completions") == 0


def test_a_group_opens_its_documents(rig: Rig) -> None:
    rig.models.say("At noon [1].")
    assert rig.ask({"query": TEXT, "tenant": "secretive", "groups": ["board"]}).output["answered"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("At noon.", "no_valid_citation"),
        ("At noon [7].", "no_valid_citation"),
        ("I don't know.", "model_declined"),
        ("The passages do not mention a canary.", "model_declined"),
    ],
)
def test_an_answer_without_ground_is_withheld(rig: Rig, said: str, reason: str) -> None:
    rig.models.say(said)
    output = rig.ask({"query": TEXT, "tenant": "acme"}).output
    assert (output["answered"], output["reason"], output["citations"]) == (False, reason, [])
    assert "noon" not in output["answer"]


def test_throttling_is_waited_out(rig: Rig) -> None:
    rig.models.next(faults.throttled(), faults.answer(503))
    output = rig.ask({"query": f"Throttled {uuid4()}", "tenant": "acme"}).output
    assert output["reason"] == "no_relevant_passage"
    assert rig.calls("/v1/embeddings") == 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.answer_json({"error": {"code": "insufficient_quota", "message": "canary"}}, 429), "QuotaExhausted"),
        (faults.answer_json({"error": {"code": "x", "message": "canary"}}, 400), "UpstreamRejected"),
        (faults.answer_json({"error": {"code": "x", "message": "canary"}}, 401), "CredentialsRejected"),
        (faults.html(), "MalformedResponse"),
        (faults.empty_body(), "MalformedResponse"),
        (faults.answer_json({"data": [{"index": 0, "embedding": [1.0] * 15}]}), "MalformedResponse"),
        (faults.answer_json({"data": [{"index": 0, "embedding": [0.0] * 16}]}), "MalformedResponse"),
        (faults.answer_json({"data": [{"index": 0, "embedding": [float("nan")] * 16}]}), "MalformedResponse"),
    ],
)
def test_a_permanent_error_is_named_after_one_call_and_nothing_is_cached(
    rig: Rig, fault: faults.Fault, error: str
) -> None:
    before = rig.cached()
    rig.models.next(fault)
    name, cause = rig.refusal({"query": f"Failing {uuid4()}", "tenant": "acme"})
    assert name == error
    assert "embedding" in cause
    assert "canary" not in cause
    assert rig.calls("/v1/embeddings") == 1
    assert rig.cached() == before


def test_a_corrupt_cache_entry_is_a_miss(rig: Rig) -> None:
    rig.ask({"query": "Corrupt me", "tenant": "acme"})
    table = rig.deployment.outputs["EmbeddingCacheTableName"]
    dynamodb = rig.deployment.client("dynamodb")
    for item in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.put_item(TableName=table, Item=item | {"vector": {"B": b"\x00" * 64}})
    assert rig.ask({"query": "Corrupt me", "tenant": "acme"}).output["cached_embedding"] is False


@pytest.mark.parametrize(
    ("request_", "beginning"),
    [
        ({}, "query must be"),
        ({"query": ""}, "query must be"),
        ({"query": 5}, "query must be"),
        ({"query": "zebra" * 1_601}, "query must be"),
        ({"query": "zebra \ud800"}, "query must be"),
        ({"query": "zebra", "top_k": 0}, "top_k must be"),
        ({"query": "zebra", "top_k": 2.5}, "top_k must be"),
        ({"query": "zebra", "mode": "zebra"}, "mode must be"),
        ({"query": "zebra", "history": "zebra"}, "history must be"),
        ({"query": "zebra", "filter": {"$zebra": 1}}, "filter"),
        ({"query": "zebra", "zebra": 1}, "An unknown field"),
        ([], "The input must be"),
        ("zebra", "The input must be"),
        (None, "The input must be"),
        (7, "The input must be"),
    ],
)
def test_bad_input_is_refused_by_field_before_any_call(rig: Rig, request_: Any, beginning: str) -> None:
    name, cause = rig.refusal(request_)
    assert name == "InvalidRequest"
    assert cause.startswith(beginning)
    assert "zebra" not in cause
    assert rig.models.requests == []


@pytest.mark.parametrize(
    ("caught", "error", "cause"),
    [
        ({"Error": "InvalidRequest", "Cause": '{"errorMessage": "top_k must be", "stackTrace": ["canary"]}'},
         "InvalidRequest", "top_k must be"),
        ({"Error": "States.Timeout", "Cause": ""}, "TimedOut", "A step"),
        ({"Error": "Sandbox.Timedout", "Cause": "RequestId: canary"}, "TimedOut", "A step"),
        ({"Error": "States.TaskFailed", "Cause": "canary"}, "InternalError", "The state machine"),
        ({"Error": "DynamoDB.ThrottlingException", "Cause": "canary"}, "UpstreamUnavailable", "The table"),
        ({"Error": "DynamoDB.AmazonDynamoDBException", "Cause": "canary"}, "UpstreamUnavailable", "The table"),
        ({"Error": "Lambda.ServiceException", "Cause": "canary"}, "UpstreamUnavailable", "A function"),
        ({"Error": "Lambda.TooManyRequestsException", "Cause": "canary"}, "UpstreamThrottled", "Too many functions"),
        ({"Error": "Lambda.ResourceNotFoundException", "Cause": "canary"}, "Lambda.ResourceNotFoundException", "A"),
        ({"Error": "Runtime.ExitError", "Cause": "canary"}, "Runtime.ExitError", "A function"),
        ({"Error": "KeyError", "Cause": "canary"}, "KeyError", "A function"),
    ],
)  # fmt: skip
def test_whatever_is_caught_is_named_and_quotes_nothing(rig: Rig, caught: Any, error: str, cause: str) -> None:
    definition = json.loads((ROOT / "statemachine" / "query.asl.json").read_text())
    names = list(definition["States"])
    definition["States"] = {name: definition["States"][name] for name in names[names.index("NameError") :]}
    definition["StartAt"] = "NameError"
    states = rig.deployment.client("stepfunctions")
    role = "arn:aws:iam::123456789012:role/unused"
    machine = states.create_state_machine(name=f"errors-{uuid4()}", definition=json.dumps(definition), roleArn=role)
    started = states.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps(caught))
    described = rig.asker.finished(started["executionArn"])
    assert (described["status"], described["error"]) == ("FAILED", error)
    assert described["cause"].startswith(cause)
    assert "canary" not in described["cause"]


def test_no_text_and_no_key_reaches_a_log_and_every_line_has_its_trace_id(rig: Rig) -> None:
    rig.models.say("It sings at noon [1].")
    trace_ids = {rig.ask({"query": TEXT, "tenant": "acme"}).output["trace_id"]}
    rig.models.next(faults.answer_json({"error": {"code": "x", "message": "canary"}}, 400))
    rig.refusal({"query": f"canary {uuid4()}"})
    logs = [path.read_text() for path in rig.logs.iterdir() if path.is_file()]
    assert any(logs)
    for log in logs:
        assert "canary" not in log.casefold()
        assert "noon" not in log
    ours = [line for log in logs for line in records(log) if "message" in line and "level" in line]
    assert {"embedded", "searched", "composed", "generated", "failed"} <= {line["message"] for line in ours}
    assert trace_ids <= {line["correlation_id"] for line in ours}
    assert all(line.get("correlation_id") for line in ours)


def test_metrics_are_written_as_embedded_metrics(rig: Rig) -> None:
    rig.ask({"query": f"Metrics {time.time()}", "tenant": "acme"})
    text = "".join(path.read_text() for path in rig.logs.iterdir() if path.is_file())
    assert '"EmbeddingCacheMiss"' in text
    assert '"NothingRelevant"' in text
