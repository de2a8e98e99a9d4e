"""The query machine as the API starts it: who asks stands beside the request, and is counted."""

import json
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from rag.clock import now
from rag.http.allowance import KEPT_SECONDS, count_key
from rag.identity import chunk_id
from rag.models import Chunk, IndexedChunk
from rag.registration import Registration
from ragctl import wiring
from ragctl.asking import Asked, Asker, QueryFailedError
from ragctl.deployment import Deployment
from tests.integration.conftest import live_index

HERE, THERE = "over-http-here", "over-http-there"
OPEN = "The north depot opens at seven in the morning and closes at nine in the evening."
BOARD = "The north depot is to be sold to the harbour company in the spring of next year."
ELSEWHERE = "The north depot of the other company opens at eleven and closes at noon."
QUESTION = "When does the north depot open?"


class Rig:
    """A stack with documents of two tenants, and its table of principals."""

    def __init__(self, deployment: Deployment) -> None:
        self.asker = Asker(deployment)
        self.table = deployment.output("PrincipalsTableName")
        self._dynamodb = deployment.client("dynamodb")

    def ask(self, body: Any, **caller: Any) -> Asked:
        return self.asker.ask({"body": body, "caller": caller})

    def refusal(self, body: Any, **caller: Any) -> tuple[str, str]:
        with pytest.raises(QueryFailedError) as caught:
            self.ask(body, **caller)
        return caught.value.error, caught.value.cause

    def put(self, caller: str, **attributes: Any) -> None:
        self._dynamodb.put_item(TableName=self.table, Item={"caller": {"S": caller}, **attributes})

    def item(self, caller: str) -> dict[str, Any]:
        found = self._dynamodb.get_item(TableName=self.table, Key={"caller": {"S": caller}}, ConsistentRead=True)
        item: dict[str, Any] = found.get("Item", {})
        return item


@pytest.fixture(scope="module")
def rig(local_stack: Deployment) -> Rig:
    documents = ((HERE, "open.md", OPEN, ()), (HERE, "board.md", BOARD, ("board",)), (THERE, "there.md", ELSEWHERE, ()))
    vectors = wiring.embedder(local_stack).embed([text for _, _, text, _ in documents]).vectors
    for (tenant, name, text, groups), vector in zip(documents, vectors, strict=True):
        chunk = Chunk(
            chunk_id(tenant, name, "1", 0), name, "1", 0, "Depot", name, text, 20, 0, len(text), groups=groups
        )
        live_index(local_stack).upsert(tenant, [IndexedChunk(chunk, vector)])
        live = Registration(
            tenant, name, status="ready", live_version="1", versions={"1": 1}, groups=groups, updated_at=now()
        )
        wiring.registry(local_stack).store([live])
    return Rig(local_stack)


def cited(asked: Asked) -> set[str]:
    return {citation["document_id"] for citation in asked.output["citations"]}


def claims(tenant: str, *groups: str) -> dict[str, Any]:
    return {"id": f"token/{uuid4().hex}", "principal": {"tenant": tenant, "groups": list(groups)}}


def test_a_caller_with_claims_is_answered_from_its_own_tenant(rig: Rig) -> None:
    assert cited(rig.ask({"query": QUESTION}, **claims(HERE))) == {"open.md"}
    assert cited(rig.ask({"query": QUESTION}, **claims(THERE))) == {"there.md"}


def test_claims_open_what_is_for_their_groups(rig: Rig) -> None:
    asked = "Who is the north depot to be sold to?"
    assert "board.md" not in cited(rig.ask({"query": asked}, **claims(HERE, "staff")))
    assert "board.md" in cited(rig.ask({"query": asked}, **claims(HERE, "board")))


@pytest.mark.parametrize("claimed", [{"tenant": HERE}, {"tenant": HERE, "groups": ["board"]}, {"groups": ["board"]}])
def test_what_a_body_says_of_its_principal_counts_for_nothing(rig: Rig, claimed: dict[str, Any]) -> None:
    assert cited(rig.ask({"query": QUESTION, **claimed}, **claims(THERE, "guests"))) == {"there.md"}


def test_a_follow_up_is_rewritten_and_still_answered_from_the_caller_s_tenant(rig: Rig) -> None:
    history = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "At seven [1]."}]
    output = rig.ask({"query": "And when does it close?", "history": history}, **claims(THERE)).output
    assert {citation["document_id"] for citation in output["citations"]} <= {"there.md"}
    assert output["usage"]["prompt_tokens"] > 0


def test_a_caller_that_brings_no_claims_is_looked_up(rig: Rig) -> None:
    caller = f"role/123456789012/{uuid4().hex}"
    rig.put(caller, tenant={"S": HERE}, groups={"S": '["board"]'}, writer={"BOOL": False})

    assert "board.md" in cited(rig.ask({"query": "Who is the north depot to be sold to?"}, id=caller))


@pytest.mark.parametrize("caller", ["role/123456789012/nobody-knows", "nobody", "user/1/o'ne\"\\{}", "count/x"])
def test_a_caller_that_nobody_knows_is_not_allowed(rig: Rig, caller: str) -> None:
    assert rig.refusal({"query": QUESTION}, id=caller) == ("NotAllowed", "The caller has no tenant here.")


def test_a_count_is_no_principal(rig: Rig) -> None:
    rig.put("count/2026-01-01/token/x", used={"N": "3"}, expires_at={"N": "1"})
    assert rig.refusal({"query": QUESTION}, id="count/2026-01-01/token/x")[0] == "NotAllowed"


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({"tenant": {"S": HERE}}, "NotAllowed"),
        ({"groups": {"S": "[]"}}, "NotAllowed"),
        ({"tenant": {"S": HERE}, "groups": {"L": [{"S": "board"}]}}, "NotAllowed"),
        ({"tenant": {"S": "No Tenant"}, "groups": {"S": "[]"}}, "InvalidRequest"),
        ({"tenant": {"S": HERE}, "groups": {"S": '"board"'}}, "InvalidRequest"),
        ({"tenant": {"S": HERE}, "groups": {"S": "[5]"}}, "InvalidRequest"),
    ],
)
def test_an_entry_that_makes_no_whole_principal_lets_nobody_in(
    rig: Rig, attributes: dict[str, Any], error: str
) -> None:
    caller = f"user/123456789012/{uuid4().hex}"
    rig.put(caller, **attributes)
    assert rig.refusal({"query": QUESTION}, id=caller)[0] == error


def test_groups_that_are_no_json_let_nobody_in(rig: Rig) -> None:
    caller = f"user/123456789012/{uuid4().hex}"
    rig.put(caller, tenant={"S": HERE}, groups={"S": "board"})
    with pytest.raises(QueryFailedError):
        rig.ask({"query": QUESTION}, id=caller)


def test_a_question_is_counted_where_the_functions_count_theirs(rig: Rig) -> None:
    caller, now = claims(HERE), int(time.time())
    for _ in range(2):
        rig.ask({"query": QUESTION}, **caller, asked_at=str(now))

    keys = {count_key(caller["id"], moment) for moment in (now, time.time())}  # midnight may have passed
    items = [rig.item(key) for key in keys]
    assert sum(int(item["used"]["N"]) for item in items if item) == 2
    assert {item["expires_at"]["N"] for item in items if item} == {str(now + KEPT_SECONDS)}


def test_what_a_function_has_counted_is_not_counted_again(rig: Rig) -> None:
    caller = claims(HERE)
    rig.ask({"query": QUESTION}, **caller)
    assert rig.item(count_key(caller["id"], datetime.now(UTC).timestamp())) == {}


def test_a_caller_whose_questions_are_spent_is_told_so(rig: Rig) -> None:
    caller, now = claims(HERE), time.time()
    for moment in (now, now + 86_400):  # midnight may pass
        rig.put(count_key(caller["id"], moment), used={"N": "10000"})
    told = rig.refusal({"query": QUESTION}, **caller, asked_at=str(int(now)))
    assert told == ("AllowanceSpent", "The caller has asked as many questions as it may in a day.")


def test_the_last_question_of_a_day_is_answered(rig: Rig) -> None:
    caller, now = claims(HERE), time.time()
    for moment in (now, now + 86_400):
        rig.put(count_key(caller["id"], moment), used={"N": "9999"})
    assert rig.ask({"query": QUESTION}, **caller, asked_at=str(int(now))).output["answered"]
    assert rig.refusal({"query": QUESTION}, **caller, asked_at=str(int(now)))[0] == "AllowanceSpent"


@pytest.mark.parametrize("body", [{}, {"query": ""}, {"query": "x", "caller": {}}, [], "zebra", None])
def test_a_body_that_is_no_question_is_refused_as_a_script_s_would_be(rig: Rig, body: Any) -> None:
    error, cause = rig.refusal(body, **claims(HERE))
    assert error == "InvalidRequest"
    assert "zebra" not in cause


def test_an_execution_s_input_keeps_its_owner(rig: Rig) -> None:
    """By this the API knows to whom it may be shown."""
    caller = claims(HERE)
    execution = rig.ask({"query": QUESTION}, **caller).execution
    given = json.loads(rig.asker.finished(execution)["input"])
    assert given["caller"] == caller
