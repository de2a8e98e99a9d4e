"""`rag ingest` and `rag documents` on the local stack: files become cited answers, change, and are forgotten."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from ragctl import ingesting, wiring
from ragctl.asking import Asker
from ragctl.cli import app
from ragctl.deployment import Deployment
from ragctl.failure import Failure
from ragctl.local.services import free_port
from tests.integration.conftest import live_index

LEAVE = "How many days of paid leave does an employee have?"
RHINE = "How long is the Rhine?"


@pytest.fixture
def tenant() -> str:
    return f"t-{uuid4().hex[:12]}"


@pytest.fixture
def run(local_stack: Deployment, monkeypatch: pytest.MonkeyPatch) -> Any:
    assert local_stack.endpoint
    monkeypatch.setenv("RAG_ENDPOINT", local_stack.endpoint)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def told(run: Any, tenant: str) -> Any:
    """Run a command with --json and return what it tells, with its exit status."""

    def told(*arguments: object) -> dict[str, Any]:
        result: Result = run(*arguments, "--tenant", tenant, "--json")
        assert result.stdout, result
        return {**json.loads(result.stdout), "exit": result.exit_code}

    return told


@pytest.fixture
def ingest(told: Any) -> Any:
    return lambda *arguments: told("ingest", *arguments)


@pytest.fixture
def ids(told: Any) -> Any:
    """Return the ids of the documents with a status, or of all that are not deleted."""
    return lambda *arguments: [one["document_id"] for one in told("documents", "list", *arguments)["documents"]]


@pytest.fixture
def cited(local_stack: Deployment, tenant: str) -> Any:
    """Ask a question and return the ids of the documents that the answer cites."""

    def cited(question: str, **request: object) -> list[str]:
        output = Asker(local_stack).ask({"query": question, "tenant": tenant, **request}).output
        return [citation["document_id"] for citation in output["citations"]]

    return cited


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    directory = tmp_path / "documents"
    directory.mkdir()
    (directory / "leave.md").write_text("# Leave policy\n\nEvery employee has 25 days of paid leave per year.\n")
    (directory / "prices.html").write_text(
        "<html><title>Prices</title><table><tr><th>Item<th>Price<tr><td>Antenna<td>EUR 68</table>"
    )
    return directory


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    write_records(path, r1="The Rhine is 1,230 km long.")
    return path


@pytest.fixture(params=["one by one", "in bulk"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways into the system, for what must not depend on the way."""
    if request.param == "in bulk":
        monkeypatch.setattr(ingesting, "_FEW_FILES", 0)
    return str(request.param)


def write_records(path: Path, **texts: str) -> None:
    lines = (json.dumps({"_id": name, "title": name, "text": text}) for name, text in texts.items())
    path.write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.usefixtures("way")
def test_a_directory_is_ingested_and_answers_cite_it(ingest: Any, cited: Any, documents: Path) -> None:
    outcome = ingest(documents)

    assert (outcome["documents"], outcome["ready"], outcome["failures"], outcome["exit"]) == (2, 2, [], 0)
    assert (outcome["chunks"], outcome["embedded"]) == (2, 2)
    assert cited(LEAVE) == ["leave.md"]


def test_each_record_of_a_file_is_a_document(ingest: Any, cited: Any, corpus: Path) -> None:
    outcome = ingest(corpus)

    assert (outcome["ready"], outcome["chunks"], outcome["exit"]) == (1, 1, 0)
    assert cited(RHINE) == ["r1"]


@pytest.mark.usefixtures("way")
def test_ingesting_again_embeds_nothing(ingest: Any, documents: Path) -> None:
    ingest(documents)

    again = ingest(documents)

    assert (again["embedded"], again["reused"], again["tokens"], again["failed"], again["exit"]) == (0, 0, 0, 0, 0)


@pytest.mark.usefixtures("way")
def test_a_changed_document_replaces_its_old_text(ingest: Any, cited: Any, documents: Path) -> None:
    ingest(documents)
    (documents / "leave.md").write_text("# Trains\n\nTrain tickets are booked in second class.\n")

    outcome = ingest(documents / "leave.md")

    assert (outcome["ready"], outcome["embedded"]) == (1, 1)
    assert "leave.md" not in cited(LEAVE)
    assert cited("In which class are train tickets booked?") == ["leave.md"]


def test_vectors_are_reused_from_the_cache(ingest: Any, documents: Path, tmp_path: Path) -> None:
    ingest(documents / "leave.md")
    copy = tmp_path / "copy.md"
    copy.write_bytes((documents / "leave.md").read_bytes())

    outcome = ingest(copy)

    assert (outcome["embedded"], outcome["reused"]) == (0, 1)


@pytest.mark.usefixtures("way")
def test_groups_and_metadata_are_stored_with_the_documents(ingest: Any, cited: Any, documents: Path) -> None:
    ingest(documents / "leave.md", "--group", "hr", "--metadata", "year=2026")

    assert cited(LEAVE) == []
    assert cited(LEAVE, groups=["hr"]) == ["leave.md"]
    assert cited(LEAVE, groups=["hr"], filter={"year": {"$gt": 2026}}) == []


@pytest.mark.usefixtures("way")
def test_a_new_group_may_read_without_anything_being_embedded(ingest: Any, cited: Any, documents: Path) -> None:
    ingest(documents / "leave.md", "--group", "hr")

    outcome = ingest(documents / "leave.md", "--group", "board")

    assert outcome["embedded"] == 0
    assert cited(LEAVE, groups=["board"]) == ["leave.md"]
    assert cited(LEAVE, groups=["hr"]) == []


@pytest.mark.usefixtures("way")
def test_metadata_alone_leaves_the_groups_as_they_are(ingest: Any, cited: Any, documents: Path) -> None:
    ingest(documents / "leave.md", "--group", "hr")

    ingest(documents / "leave.md", "--metadata", "year=2026")

    assert cited(LEAVE) == []
    assert cited(LEAVE, groups=["hr"], filter={"year": 2026}) == ["leave.md"]


@pytest.mark.usefixtures("way")
def test_a_sidecar_beside_a_file_is_no_document_and_describes_it(
    ingest: Any, ids: Any, cited: Any, documents: Path
) -> None:
    (documents / "leave.md.metadata.json").write_text('{"metadataAttributes": {"groups": ["hr"]}}')

    ingest(documents)

    assert ids() == ["leave.md", "prices.html"]
    assert cited(LEAVE) == []
    assert cited(LEAVE, groups=["hr"]) == ["leave.md"]


def test_a_sidecar_of_records_describes_each_of_them(ingest: Any, cited: Any, corpus: Path) -> None:
    corpus.with_name("corpus.jsonl.metadata.json").write_text('{"metadataAttributes": {"groups": ["hr"]}}')

    ingest(corpus)

    assert cited(RHINE) == []
    assert cited(RHINE, groups=["hr"]) == ["r1"]


def test_a_record_that_vanished_from_its_file_is_deleted(ingest: Any, ids: Any, cited: Any, corpus: Path) -> None:
    write_records(corpus, r1="The Rhine is 1,230 km long.", r2="The Danube is 2,850 km long.")
    ingest(corpus)
    write_records(corpus, r2="The Danube is 2,850 km long.")

    outcome = ingest(corpus)

    assert (outcome["deleted"], outcome["embedded"]) == (1, 0)
    assert ids() == ["r2"]
    assert "r1" not in cited(RHINE)


@pytest.mark.usefixtures("way")
def test_a_document_that_cannot_be_read_is_told_and_the_others_are_ready(
    ingest: Any, ids: Any, documents: Path
) -> None:
    (documents / "scan.pdf").write_bytes(b"%PDF-1.7\n")

    outcome = ingest(documents)

    assert (outcome["ready"], outcome["failed"], outcome["exit"]) == (2, 1, 1)
    assert [failure["document_id"] for failure in outcome["failures"]] == ["scan.pdf"]
    assert ids("--status", "failed") == ["scan.pdf"]


def test_what_failed_is_tried_again_on_request(ingest: Any, ids: Any, documents: Path) -> None:
    (documents / "scan.pdf").write_bytes(b"%PDF-1.7\n")
    ingest(documents)

    again = ingest("--retry-failed")

    assert (again["documents"], again["failed"]) == (1, 1)
    assert again["run"]
    assert ids("--status", "failed") == ["scan.pdf"]


def test_trying_again_without_the_sidecar_mended_opens_nothing(ingest: Any, ids: Any, documents: Path) -> None:
    (documents / "leave.md.metadata.json").write_text('{"metadataAttributes": {"groups": "hr"}}')
    ingest(documents / "leave.md")

    ingest("--retry-failed")

    assert ids("--status", "failed") == ["leave.md"]


def test_with_nothing_to_try_again_all_is_well(ingest: Any, documents: Path) -> None:
    ingest(documents)

    again = ingest("--retry-failed")

    assert (again["exit"], again["documents"], again["on_their_way"]) == (0, 0, 0)


def test_keys_may_hold_anything_that_a_file_name_may(ingest: Any, ids: Any, tmp_path: Path) -> None:
    names = ["with space.md", "a+b.md", "100%.md", "größe.md", "…/日本.md", "%2e%2e.md", "a&b=c?.md"]
    for name in names:
        (tmp_path / "names" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "names" / name).write_text(f"# {name}\n\nWhat {name} is about.\n")

    outcome = ingest(tmp_path / "names")

    assert (outcome["ready"], outcome["failures"]) == (len(names), [])
    assert sorted(ids()) == sorted(names)


def test_documents_in_a_bucket_are_ingested_with_their_sidecars(
    ingest: Any, cited: Any, local_stack: Deployment, documents: Path
) -> None:
    bucket, folder = local_stack.output("DocumentsBucketName"), f"import/{uuid4().hex}"
    objects = wiring.objects(local_stack)
    objects.write(f"{folder}/leave.md", (documents / "leave.md").read_bytes())
    objects.write(f"{folder}/leave.md.metadata.json", b'{"metadataAttributes": {"groups": ["hr"]}}')

    outcome = ingest(f"s3://{bucket}/{folder}")

    assert (outcome["ready"], outcome["exit"]) == (1, 0)
    assert cited(LEAVE) == []
    assert cited(LEAVE, groups=["hr"]) == ["leave.md"]


def test_a_dry_run_tells_what_would_be_made_and_touches_nothing(ingest: Any, ids: Any, documents: Path) -> None:
    (documents / "empty.txt").touch()

    outcome = ingest(documents, "--dry-run")

    assert (outcome["documents"], outcome["chunks"], outcome["exit"]) == (2, 2, 1)
    assert outcome["tokens"] > 20
    assert [failure["document_id"] for failure in outcome["failures"]] == ["empty.txt"]
    assert ids() == []


def test_a_dry_run_counts_the_chunks_that_an_ingestion_makes(ingest: Any, documents: Path) -> None:
    (documents / "long.md").write_text(
        "\n\n".join(f"# Part {n}\n\n" + f"A sentence of part {n}. " * 60 for n in range(9))
    )

    planned, made = ingest(documents, "--dry-run"), ingest(documents)

    assert planned["chunks"] == made["chunks"]


def test_a_dry_run_needs_no_stack_and_knows_the_price(
    ingest: Any, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_ENDPOINT", f"http://127.0.0.1:{free_port()}")

    outcome = ingest(documents, "--dry-run")

    assert (outcome["documents"], outcome["exit"]) == (2, 0)
    assert 0 < outcome["cost_usd"] < 0.001


def test_the_report_for_people_names_the_failures_on_standard_error(run: Any, tenant: str, documents: Path) -> None:
    (documents / "empty.txt").touch()

    result = run("ingest", documents, "--tenant", tenant)

    assert result.stdout.startswith("3 documents: 2 ready, 1 failed")
    assert result.stderr.splitlines()[-1].startswith("failed: empty.txt: ")


def test_a_deleted_document_is_forgotten_everywhere(
    ingest: Any, told: Any, cited: Any, local_stack: Deployment, tenant: str, documents: Path
) -> None:
    ingest(documents)

    outcome = told("documents", "delete", "leave.md", "--yes")

    assert (outcome["deleted"], outcome["failures"], outcome["exit"]) == (["leave.md"], [], 0)
    assert "leave.md" not in cited(LEAVE)
    assert list(live_index(local_stack).entries(tenant, ["leave.md"])) == []
    assert wiring.objects(local_stack).info(f"documents/{tenant}/leave.md") is None
    assert told("documents", "show", "leave.md")["status"] == "deleted"


def test_a_deleted_document_can_come_back(ingest: Any, told: Any, cited: Any, documents: Path) -> None:
    ingest(documents / "leave.md")
    told("documents", "delete", "leave.md", "--yes")

    assert ingest(documents / "leave.md")["ready"] == 1
    assert cited(LEAVE) == ["leave.md"]


def test_a_deletion_is_asked_about_first(run: Any, ingest: Any, ids: Any, tenant: str, documents: Path) -> None:
    ingest(documents / "leave.md")

    refused = run("documents", "delete", "leave.md", "--tenant", tenant)

    assert refused.exit_code == 1
    assert "--yes" in str(refused.exception)
    assert ids() == ["leave.md"]


def test_a_deleted_file_takes_its_records_along(ingest: Any, told: Any, ids: Any, cited: Any, corpus: Path) -> None:
    ingest(corpus)

    assert told("documents", "delete", "corpus.jsonl", "--yes")["exit"] == 0
    assert ids() == []
    assert "r1" not in cited(RHINE)


def test_a_reindexed_document_has_a_new_version_of_the_same_text(
    ingest: Any, told: Any, cited: Any, documents: Path
) -> None:
    ingest(documents / "leave.md")
    before = told("documents", "show", "leave.md")["live_version"]

    outcome = told("documents", "reindex", "--all")

    assert (outcome["reindexed"], outcome["exit"]) == (["leave.md"], 0)
    after = told("documents", "show", "leave.md")
    assert after["live_version"] != before
    assert list(after["versions"]) == [after["live_version"]]
    assert cited(LEAVE) == ["leave.md"]


def test_the_list_shows_documents_and_the_files_that_hold_several(
    run: Any, ingest: Any, tenant: str, corpus: Path
) -> None:
    ingest(corpus)

    lines = run("documents", "list", "--tenant", tenant).stdout.splitlines()

    assert [line.split()[-1] for line in lines if line.startswith("ready")] == ["r1", "corpus.jsonl"]


def test_a_file_of_records_says_how_many_it_holds_and_who_may_read_them(
    run: Any, ingest: Any, told: Any, tenant: str, corpus: Path
) -> None:
    ingest(corpus, "--group", "hr")

    lines = run("documents", "show", "corpus.jsonl", "--tenant", tenant).stdout.splitlines()

    assert told("documents", "show", "corpus.jsonl")["records"] == {"ready": len(corpus.read_text().splitlines())}
    assert [line for line in lines if line.startswith("readers  ")] == ["readers         hr"]


def test_the_list_can_be_narrowed(told: Any, ingest: Any, ids: Any, documents: Path) -> None:
    ingest(documents)

    assert ids("--prefix", "pri") == ["prices.html"]
    assert ids("--limit", "1") == ["leave.md"]


def test_a_bucket_that_does_not_exist_is_named(run: Any, tenant: str) -> None:
    refused = run("ingest", "s3://no-such-bucket/reports/", "--tenant", tenant)

    assert "no-such-bucket" in str(refused.exception)


def test_an_unknown_document_is_a_failure(run: Any, tenant: str) -> None:
    failure = run("documents", "show", "nothing.md", "--tenant", tenant).exception

    assert isinstance(failure, Failure)
    assert "nothing.md" in str(failure)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--tenant", "No Tenant"],
        ["--group", "*"],
        ["--metadata", "novalue"],
        ["--metadata", "groups=hr"],
        ["--retry-failed"],
        ["missing.md"],
    ],
)
def test_wrong_usage_is_told_before_anything_is_uploaded(run: Any, documents: Path, wrong: list[str]) -> None:
    assert run("ingest", documents, *wrong).exit_code == 2


def test_two_files_with_one_id_are_refused_before_anything_is_uploaded(
    run: Any, ids: Any, tenant: str, documents: Path, tmp_path: Path
) -> None:
    (tmp_path / "leave.md").write_text("another")

    failure = run("ingest", documents, tmp_path / "leave.md", "--tenant", tenant).exception

    assert isinstance(failure, Failure)
    assert "leave.md" in str(failure)
    assert ids() == []


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


def test_a_milvus_collection_is_dropped_once_that_is_confirmed(run: Any, local_stack: Deployment) -> None:
    address, model = local_stack.outputs["MilvusUri"], uuid4().hex
    where = ["--uri", address, "--model", model, "--dimensions", 8]
    run("index", "create", "--store", "milvus", *where)

    asked = run("index", "drop", *where)  # nobody answers
    dropped, again = (run("index", "drop", *where, "--yes") for _ in range(2))

    assert (asked.exit_code, dropped.exit_code) == (1, 0)
    assert f"rag_{model}_8" in asked.stderr
    assert "dropped" in dropped.stdout
    assert "There is no collection" in str(again.exception)


def test_an_index_needs_a_key_or_an_address(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PINECONE_API_KEY", raising=False)

    assert "PINECONE_API_KEY" in str(run("index", "create").exception)
    assert "--uri" in str(run("index", "create", "--store", "milvus").exception)
    assert "--uri" in str(run("index", "drop").exception)
