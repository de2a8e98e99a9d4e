"""`rag ingest` on the local stack: from files to a cited answer, and nothing done twice."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from ragctl.asking import Asker
from ragctl.cli import app
from ragctl.deployment import Deployment
from ragctl.failure import Failure
from ragctl.local.services import free_port


@pytest.fixture
def tenant() -> str:
    return f"t-{uuid4().hex[:12]}"


@pytest.fixture
def run(local_stack: Deployment, monkeypatch: pytest.MonkeyPatch) -> Any:
    assert local_stack.endpoint
    monkeypatch.setenv("RAG_ENDPOINT", local_stack.endpoint)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def ingest(run: Any, tenant: str) -> Any:
    def ingest(*arguments: object) -> dict[str, Any]:
        result: Result = run("ingest", *arguments, "--tenant", tenant, "--json")
        told: dict[str, Any] = json.loads(result.stdout)
        return {**told, "exit": result.exit_code}

    return ingest


@pytest.fixture
def cited(local_stack: Deployment, tenant: str) -> Any:
    """Ask a question and return the ids of the documents that the answer cites."""

    def cited(question: str, **request: object) -> list[str]:
        output = Asker(local_stack).ask({"query": question, "tenant": tenant, **request}).output
        return [citation["document_id"] for citation in output["citations"]]

    return cited


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    (tmp_path / "leave.md").write_text("# Leave policy\n\nEvery employee has 25 days of paid leave per year.\n")
    (tmp_path / "prices.html").write_text(
        "<html><title>Prices</title><table><tr><th>Item<th>Price<tr><td>Antenna<td>EUR 68</table>"
    )
    (tmp_path / "corpus.jsonl").write_text('{"_id": "r1", "title": "Rivers", "text": "The Rhine is 1,230 km long."}\n')
    return tmp_path


def test_a_directory_is_loaded_and_answers_cite_it(ingest: Any, cited: Any, documents: Path) -> None:
    told = ingest(documents)

    assert (told["documents"], told["embedded"], told["failures"], told["exit"]) == (3, 3, [], 0)
    assert cited("How many days of paid leave does an employee have?")[0] == "leave.md"
    assert cited("How long is the Rhine?")[0] == "r1"


def test_loading_again_changes_nothing(ingest: Any, documents: Path) -> None:
    first = ingest(documents)

    again = ingest(documents)

    assert (again["unchanged"], again["embedded"], again["reused"], again["tokens"]) == (first["chunks"], 0, 0, 0)


def test_a_changed_document_replaces_its_old_text(ingest: Any, cited: Any, documents: Path) -> None:
    ingest(documents)
    (documents / "leave.md").write_text("# Trains\n\nTrain tickets are booked in second class.\n")

    told = ingest(documents / "leave.md")

    assert (told["embedded"], told["deleted"]) == (1, 1)
    assert "leave.md" not in cited("How many days of paid leave does an employee have?")


def test_vectors_are_reused_from_the_cache(ingest: Any, documents: Path, tmp_path: Path) -> None:
    ingest(documents / "leave.md")
    copy = tmp_path / "copy.md"
    copy.write_bytes((documents / "leave.md").read_bytes())

    told = ingest(copy)

    assert (told["embedded"], told["reused"], told["cache_failures"]) == (0, 1, 0)


def test_groups_and_metadata_are_stored_with_the_documents(ingest: Any, cited: Any, documents: Path) -> None:
    ingest(documents / "leave.md", "--group", "hr", "--metadata", "year=2026")
    question = "How many days of paid leave does an employee have?"

    assert cited(question) == []
    assert cited(question, groups=["hr"]) == ["leave.md"]
    assert cited(question, groups=["hr"], filter={"year": {"$gt": 2026}}) == []


def test_a_document_that_cannot_be_read_is_told_and_the_others_are_loaded(ingest: Any, documents: Path) -> None:
    (documents / "scan.pdf").write_bytes(b"%PDF-1.7\n")

    told = ingest(documents)

    assert (told["documents"], told["exit"]) == (3, 1)
    [failure] = told["failures"]
    assert failure["document_id"] == "scan.pdf"
    assert "PDF" in failure["reason"]


def test_the_report_for_people_names_the_failures_on_standard_error(run: Any, tenant: str, documents: Path) -> None:
    (documents / "empty.txt").touch()

    result = run("ingest", documents, "--tenant", tenant)

    assert result.stdout.startswith("3 documents, 3 chunks: 3 embedded, 0 reused, 0 unchanged")
    assert result.stderr.splitlines()[-1] == "Not loaded: empty.txt: It holds no text."


@pytest.mark.parametrize(
    "wrong",
    [
        ["--tenant", "No Tenant"],
        ["--group", "*"],
        ["--metadata", "novalue"],
        ["--metadata", "groups=hr"],
        ["missing.md"],
    ],
)
def test_wrong_usage_is_told_before_anything_is_loaded(run: Any, documents: Path, wrong: list[str]) -> None:
    assert run("ingest", documents, *wrong).exit_code == 2


def test_without_a_stack_the_failure_says_what_to_do(
    run: Any, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_ENDPOINT", f"http://127.0.0.1:{free_port()}")

    failure = run("ingest", documents).exception

    assert isinstance(failure, Failure)
    assert "rag up" in str(failure)


def test_a_milvus_collection_is_created_once(run: Any, local_stack: Deployment) -> None:
    address = local_stack.outputs["MilvusUri"]
    model = ["--model", uuid4().hex, "--dimensions", 8]

    first, again = (run("index", "create", "--store", "milvus", "--uri", address, *model, "--json") for _ in range(2))

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert json.loads(first.stdout) == json.loads(again.stdout)
    assert json.loads(first.stdout)["value"] == address


def test_an_index_needs_a_key_or_an_address(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PINECONE_API_KEY", raising=False)

    assert "PINECONE_API_KEY" in str(run("index", "create").exception)
    assert "--uri" in str(run("index", "create", "--store", "milvus").exception)
