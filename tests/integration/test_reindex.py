"""`rag reindex` on a stack of its own: another embedding model while questions are asked and documents change."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rag.index_pointer import IndexTarget
from ragctl import wiring
from ragctl.asking import Asker, QueryFailedError
from ragctl.cli import app
from ragctl.deployment import Deployment
from tests.contract.polling import eventually
from tests.integration.conftest import ROOT, stack_of

TENANT = "default"
RHINE = "How long is the Rhine?"
SECONDS_TO_SWITCH = 45.0  # half a minute that is promised, and the time of a question on a busy machine


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with stack_of(ROOT / "template.yaml", tmp_path_factory.mktemp("reindex"), {}) as deployment:
        yield deployment


@pytest.fixture(autouse=True)
def here(stack: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stack.endpoint
    monkeypatch.setenv("RAG_ENDPOINT", stack.endpoint)


def told(*arguments: object) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert result.stdout, result
    return {**json.loads(result.stdout), "exit": result.exit_code}


def cited(stack: Deployment, question: str) -> list[str]:
    output = Asker(stack).ask({"query": question, "tenant": TENANT}).output
    return [citation["document_id"] for citation in output["citations"]]


def model_of_questions(stack: Deployment) -> str:
    """Return the model that the embed function uses at present."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.function_name("EmbedFunction"),
        Payload=json.dumps({"request": {"query": RHINE, "tenant": TENANT}, "trace_id": "reindex-test"}),
    )
    return str(json.loads(answer["Payload"].read())["embedding"]["target"]["model"])


def write_corpus(path: Path) -> None:
    fillers = [
        (f"filler-{n}", f"Desk {n} is in room {n * 3}. Whoever sits there counts to {n * 7}.") for n in range(300)
    ]
    records = [("rhine", "The Rhine is 1,230 km long."), *fillers]
    path.write_text("".join(json.dumps({"_id": name, "text": text}) + "\n" for name, text in records))


def test_a_model_is_changed_while_questions_are_asked_and_documents_change(stack: Deployment, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus.jsonl")
    (tmp_path / "leave.md").write_text("# Leave\n\nEvery employee has 25 days of paid leave per year.\n")
    ingested = told("ingest", tmp_path / "corpus.jsonl", tmp_path / "leave.md")
    assert ingested["exit"] == 0, ingested
    model_of_questions(stack)  # so that it is remembered

    arguments = [sys.executable, "-m", "ragctl", "reindex", "--model", "wordllama-128", "--dimensions", "128", "--json"]
    with subprocess.Popen(arguments, env=os.environ, stdout=subprocess.PIPE, text=True) as moving:
        eventually(lambda: wiring.pointer(stack).read().next is not None or moving.poll() is not None, 60)
        (tmp_path / "leave.md").write_text("# Leave\n\nEvery employee has 31 days of paid leave per year.\n")
        assert told("ingest", tmp_path / "leave.md")["exit"] == 0
        asked: list[list[str]] = []
        while moving.poll() is None:
            with suppress(QueryFailedError):  # of a busy machine: too late is not wrong
                asked.append(cited(stack, RHINE))
        output, _ = moving.communicate()

    assert moving.returncode == 0
    moved = json.loads(output)
    assert (moved["live"]["model"], moved["old"]["model"]) == ("wordllama-128", "wordllama-256")
    assert (moved["documents"], moved["cost_usd"]) == (302, 0)
    eventually(lambda: model_of_questions(stack) == "wordllama-128", SECONDS_TO_SWITCH)
    asked.append(cited(stack, RHINE))
    assert asked == [["rhine"]] * len(asked)
    answer = Asker(stack).ask({"query": "How many days of paid leave does an employee have?", "tenant": TENANT}).output
    assert "31 days" in answer["answer"]
    sound = told("doctor")
    assert (sound["ok"], sound["chunks"], sound["exit"]) == (True, 302, 0)


def test_a_model_that_the_endpoint_does_not_serve_changes_nothing(stack: Deployment) -> None:
    before = told("reindex", "--status")

    for model, dimensions in (("no-such-model", 128), ("wordllama-64", 32)):
        refused = CliRunner().invoke(app, ["reindex", "--model", model, "--dimensions", str(dimensions)])
        assert refused.exit_code == 1

    assert told("reindex", "--status") == before
    assert before["next"] is None


def test_it_can_be_given_up(stack: Deployment) -> None:
    pointer = wiring.pointer(stack)
    known = pointer.read()
    assert pointer.store(replace(known, next=IndexTarget(model="wordllama-64", dimensions=64)))

    given_up = told("reindex", "--abort")

    assert given_up["aborted"] == {"model": "wordllama-64", "dimensions": 64, "host": None}
    assert (pointer.read().live, pointer.read().next) == (known.live, None)
    assert told("reindex", "--abort")["aborted"] is None
