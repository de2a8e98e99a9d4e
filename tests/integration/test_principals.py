"""An API that is authorised by IAM, and one by keys: callers are who `rag principals` says they are."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials
from typer.testing import CliRunner

from rag.identity import chunk_id
from rag.models import Chunk, IndexedChunk
from rag.registration import Registration
from ragctl import wiring
from ragctl.api import ApiKey, ApiProblemError, Client, SignatureV4
from ragctl.api.model import Question
from ragctl.cli import app
from ragctl.deployment import Deployment
from tests.integration.conftest import ROOT, live_index, stack_of

TEXT = "The owl hunts at dusk in the old barn."
QUESTION = Question(query="When does the owl hunt in the old barn?")
USER = "arn:aws:iam::123456789012:user/{}"


def start(factory: pytest.TempPathFactory, authorization: str) -> Iterator[Deployment]:
    data = factory.mktemp(authorization.lower())
    with stack_of(ROOT / "template.yaml", data, {"ApiAuthorization": authorization}) as deployment:
        chunk = Chunk(
            chunk_id("barn", "owl.md", "1", 0), "owl.md", "1", 0, "Owls", "owl.md", TEXT, 20, 0, len(TEXT),
            groups=("night",),
        )  # fmt: skip
        (vector,) = wiring.embedder(deployment).embed([chunk.embedded_text]).vectors
        live_index(deployment).upsert("barn", [IndexedChunk(chunk, vector)])
        live_index(deployment).settle("barn", [chunk.chunk_id])
        known = Registration("barn", "owl.md", status="ready", live_version="1", versions={"1": 1}, groups=("night",))
        wiring.registry(deployment).store([known])
        yield deployment


@pytest.fixture(scope="module")
def by_iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    yield from start(tmp_path_factory, "IAM")


@pytest.fixture(scope="module")
def by_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    yield from start(tmp_path_factory, "API_KEY")


def rag(deployment: Deployment, *arguments: str) -> Any:
    done = CliRunner().invoke(app, [*arguments, "--json"], env={"RAG_ENDPOINT": deployment.endpoint})
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def signed(deployment: Deployment, user: str, secret: str = "local") -> Client:
    return Client(deployment.output("ApiUrl"), SignatureV4(Credentials(user, secret), "us-east-1"))


def refusal(client: Client) -> tuple[int, str]:
    with client, pytest.raises(ApiProblemError) as caught:
        client.answer(QUESTION)
    return caught.value.status, caught.value.name


def cited(client: Client) -> Sequence[str]:
    with client:
        return [citation.document_id for citation in client.answer(QUESTION).citations]


def test_a_caller_that_nobody_has_named_is_refused(by_iam: Deployment) -> None:
    assert refusal(signed(by_iam, "stranger")) == (403, "not-allowed")


@pytest.mark.parametrize("question", [["Why?"], ["--file", "questions.txt"]])
def test_the_command_tells_a_stranger_how_to_become_known(
    by_iam: Deployment, question: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("questions.txt").write_text("Why?\n")
    known = {one["caller"] for one in rag(by_iam, "principals", "list")["principals"]}
    if "user/123456789012/local" in known:
        rag(by_iam, "principals", "remove", USER.format("local"))

    done = CliRunner().invoke(app, ["ask", *question, "--api"], env={"RAG_ENDPOINT": by_iam.endpoint})

    assert done.exit_code == 1
    assert f"rag principals set {USER.format('local')} --tenant TENANT" in str(done.exception)


def test_a_token_that_would_not_be_looked_at_is_wrong_usage(by_iam: Deployment) -> None:
    done = CliRunner().invoke(app, ["ask", "Why?", "--api", "--token", "x"], env={"RAG_ENDPOINT": by_iam.endpoint})

    assert done.exit_code == 2
    assert "signed with AWS credentials" in " ".join(done.stderr.split())


def test_a_token_is_printed_with_a_note_where_none_is_taken(by_iam: Deployment) -> None:
    done = CliRunner().invoke(app, ["token"], env={"RAG_ENDPOINT": by_iam.endpoint})

    assert done.stdout.startswith("ey")
    assert "takes no tokens" in done.stderr


def test_a_caller_reads_as_it_was_set_from_the_next_request_on(by_iam: Deployment) -> None:
    rag(by_iam, "principals", "set", USER.format("ada"), "--tenant", "barn", "--group", "night")
    in_the_group = cited(signed(by_iam, "ada"))
    rag(by_iam, "principals", "set", USER.format("ada"), "--tenant", "barn")
    without = cited(signed(by_iam, "ada"))
    rag(by_iam, "principals", "remove", USER.format("ada"))

    assert (in_the_group, without) == (["owl.md"], [])
    assert refusal(signed(by_iam, "ada")) == (403, "not-allowed")


def test_a_signature_by_another_secret_is_refused(by_iam: Deployment) -> None:
    rag(by_iam, "principals", "set", USER.format("eve"), "--tenant", "barn", "--group", "night")

    assert refusal(signed(by_iam, "eve", secret="guessed")) == (403, "not-allowed")


def test_an_unsigned_request_is_refused(by_iam: Deployment) -> None:
    assert refusal(Client(by_iam.output("ApiUrl"))) == (403, "not-allowed")


def test_the_command_asks_with_its_aws_credentials(by_iam: Deployment) -> None:
    rag(by_iam, "principals", "set", USER.format("local"), "--tenant", "barn", "--group", "night")

    assert rag(by_iam, "ask", QUESTION.query, "--api")["answered"]


def test_the_command_refuses_a_tenant_that_credentials_decide(by_iam: Deployment) -> None:
    done = CliRunner().invoke(app, ["ask", "Why?", "--api", "--tenant", "barn"], env={"RAG_ENDPOINT": by_iam.endpoint})

    assert done.exit_code == 1
    assert "come from the credentials alone" in str(done.exception)


def test_documents_and_executions_go_by_the_same_table(by_iam: Deployment) -> None:
    rag(by_iam, "principals", "set", USER.format("ida"), "--tenant", "barn", "--group", "night")
    rag(by_iam, "principals", "set", USER.format("bob"), "--tenant", "barn")

    with signed(by_iam, "ida") as ida, signed(by_iam, "bob") as bob:
        started = ida.start(QUESTION, "a-key")
        result = ida.wait(started.id).result
        assert [one.document_id for one in ida.documents().documents] == ["owl.md"]
        assert bob.documents().documents == []
        with pytest.raises(ApiProblemError) as hidden:
            bob.execution(started.id)
        with pytest.raises(ApiProblemError) as unwritable:
            ida.upload("new.md", b"x")

    assert result is not None
    assert result.answered
    assert (hidden.value.status, unwritable.value.status) == (404, 403)


def test_a_writer_uploads_and_deletes(by_iam: Deployment) -> None:
    rag(by_iam, "principals", "set", USER.format("wes"), "--tenant", "barn", "--writer")

    with signed(by_iam, "wes") as wes:
        wes.upload("notes/swift.md", b"The swift sleeps in the air.")
        stored = wiring.objects(by_iam).read("documents/barn/notes/swift.md")

    assert stored is not None
    assert stored.data == b"The swift sleeps in the air."


def test_a_key_reads_what_it_was_made_for_until_it_is_removed(by_key: Deployment) -> None:
    made = rag(by_key, "principals", "add-key", "trial", "--tenant", "barn", "--group", "night")
    listed = rag(by_key, "principals", "list")["principals"]
    url = by_key.output("ApiUrl")
    while_there = cited(Client(url, ApiKey(made["key"])))
    rag(by_key, "principals", "remove", "trial")

    assert (made["caller"], "trial") in {(one["caller"], one.get("name")) for one in listed}
    assert made["key"] not in json.dumps(listed)
    assert while_there == ["owl.md"]
    assert refusal(Client(url, ApiKey(made["key"]))) == (403, "not-allowed")


def test_a_key_that_is_none_is_refused(by_key: Deployment) -> None:
    assert refusal(Client(by_key.output("ApiUrl"), ApiKey("guessed"))) == (403, "not-allowed")
    assert refusal(Client(by_key.output("ApiUrl"))) == (403, "not-allowed")


def test_the_command_asks_with_the_key_of_its_environment(by_key: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    made = rag(by_key, "principals", "add-key", "another", "--tenant", "barn", "--group", "night")
    monkeypatch.setenv("RAG_API_KEY", made["key"])

    assert rag(by_key, "ask", QUESTION.query, "--api")["answered"]
