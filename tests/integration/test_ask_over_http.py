"""`rag ask --api` on a local stack: through the gateway, as whoever the token says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rag.clock import now
from rag.identity import chunk_id
from rag.models import Chunk, IndexedChunk
from rag.registration import Registration
from ragctl import wiring
from ragctl.cli import app
from ragctl.deployment import Deployment
from ragctl.local.http.issuer import Claims, Issuer
from tests.integration.conftest import live_index

TEXT = "The heron fishes at dawn by the northern weir, and rests at noon."
QUESTION = "When does the heron fish by the northern weir?"
TENANT, GROUP = "over-http", "wardens"


@pytest.fixture(scope="module")
def stack(local_stack: Deployment) -> Deployment:
    """A stack with one document, for one group of one tenant."""
    chunk = Chunk(
        chunk_id(TENANT, "heron.md", "1", 0), "heron.md", "1", 0, "Herons", "heron.md", TEXT, 20, 0, len(TEXT),
        groups=(GROUP,),
    )  # fmt: skip
    (vector,) = wiring.embedder(local_stack).embed([chunk.embedded_text]).vectors
    live_index(local_stack).upsert(TENANT, [IndexedChunk(chunk, vector)])
    live_index(local_stack).settle(TENANT, [chunk.chunk_id])
    entry = Registration(
        TENANT, "heron.md", status="ready", live_version="1", versions={"1": 1}, title="Herons", groups=(GROUP,),
        updated_at=now(),
    )  # fmt: skip
    wiring.registry(local_stack).store([entry])
    return local_stack


@pytest.fixture(autouse=True)
def here(stack: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_ENDPOINT", stack.endpoint or "")
    monkeypatch.delenv("RAG_API_TOKEN", raising=False)


def ask(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["ask", *arguments, "--api"], env=environment)


def answer(*arguments: str, **environment: str) -> Any:
    done = ask(*arguments, "--json", **environment)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_an_answer_is_the_one_of_the_state_machine() -> None:
    as_member = ["--tenant", TENANT, "--group", GROUP]
    over_http = answer(QUESTION, *as_member)

    direct = json.loads(CliRunner().invoke(app, ["ask", QUESTION, *as_member, "--json"]).stdout)
    assert over_http["citations"][0]["document_id"] == "heron.md"
    assert over_http.keys() == direct.keys()
    assert over_http["answer"] == direct["answer"]
    assert [one["quote"] for one in over_http["citations"]] == [one["quote"] for one in direct["citations"]]


@pytest.mark.parametrize("caller", [[], ["--tenant", TENANT], ["--group", GROUP], ["--tenant", TENANT, "--group", "x"]])
def test_another_tenant_or_group_is_told_nothing(caller: list[str]) -> None:
    assert answer(QUESTION, *caller)["citations"] == []


def test_a_token_says_who_asks(stack: Deployment) -> None:
    token = Issuer.at(stack.output("ApiUrl")).token(Claims(TENANT, (GROUP,)))

    assert answer(QUESTION, RAG_API_TOKEN=token)["answered"]
    assert answer(QUESTION, "--token", token)["answered"]


def test_an_answer_is_printed_with_its_time_and_its_trace() -> None:
    done = ask(QUESTION, "--tenant", TENANT, "--group", GROUP)

    assert "[1] Herons (heron.md)" in done.stdout
    assert "ms over HTTP (trace id " in done.stdout.splitlines()[-1]


def test_a_follow_up_takes_its_history_along(tmp_path: Path) -> None:
    history = tmp_path / "history.json"
    history.write_text(json.dumps([{"role": "user", "content": "Tell me about the heron."}]))

    asked = answer("And when does it fish?", "--history", str(history), "--tenant", TENANT, "--group", GROUP)

    assert asked["query"] == "And when does it fish?"
    assert asked["degraded"] == []


def test_a_file_is_a_batch_in_which_each_line_counts(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(f'{{"query": "{QUESTION}", "id": "a"}}\n{{"nonsense": 1}}\n"Why?"\n')

    asked = answer("--file", str(file), "--tenant", TENANT, "--group", GROUP)

    assert [(one["index"], one.get("id"), one["status"]) for one in asked["results"]] == [
        (0, "a", "ok"), (1, None, "failed"), (2, None, "ok"),
    ]  # fmt: skip
    assert asked["results"][0]["answer"]["answered"]
    assert asked["failed"] == 1


def test_all_results_of_a_large_batch_are_told(tmp_path: Path) -> None:
    file = tmp_path / "questions.txt"
    questions = [f"{QUESTION} {number} {'x ' * 900}".strip() for number in range(100)]
    file.write_text("\n".join(questions))

    asked = answer("--file", str(file), "--tenant", TENANT, "--group", GROUP)

    assert [one["answer"]["query"] for one in asked["results"]] == questions
    assert len(json.dumps(asked["results"])) > 150 * 1024
    assert asked["failed"] == 0


def test_a_longer_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "questions.txt"
    file.write_text("Why?\n" * 101)

    done = ask("--file", str(file))

    assert done.exit_code == 1
    assert "leave --api out, or split the file" in str(done.exception)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["Why?", "--filter", '{"a b": 1}'], r"Invalid request \(400\): filter holds an unknown operator"),
        (["Why?", "--token", "a.b.c"], r"Not authenticated \(401\)"),
        (["Why?", "--mode", "nonsense"], "mode must be"),
        (["Why?", "--tenant", "No Name"], "tenant must be"),
        (["Why?", "--token", "a.b.c", "--tenant", "acme"], "names tenant and groups itself"),
    ],
)
def test_a_refusal_is_one_line_that_says_why(arguments: list[str], reason: str) -> None:
    done = ask(*arguments)

    assert done.exit_code == 1
    assert re.search(reason, str(done.exception))
    assert done.stdout == ""


def test_a_token_without_the_api_is_wrong_usage() -> None:
    assert CliRunner().invoke(app, ["ask", "Why?", "--token", "a.b.c"]).exit_code == 2
