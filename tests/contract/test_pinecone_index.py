"""The index that `rag index create` makes in Pinecone."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from rag import errors
from rag.adapters.pinecone_index import create_pinecone_index, pinecone_index_name
from rag.adapters.pinecone_schema import IndexKind
from ragctl.commands.index import app
from tests.fakes.faulty_http import Fault, answer_json, html, reset, throttled
from tests.fakes.pinecone_server import PineconeServer
from tests.fakes.secrets import fixed_credential

NAME = "rag-test-8"
KINDS = ["document", "vector"]


@pytest.fixture
def server() -> Iterator[PineconeServer]:
    with PineconeServer(8) as server:
        yield server


@pytest.fixture
def create(server: PineconeServer) -> Callable[..., str]:
    def create(kind: IndexKind = "document", dimensions: int = 8, key: str = "stand-in-key", **options: Any) -> str:
        return create_pinecone_index(
            fixed_credential(key),
            NAME,
            dimensions,
            kind,
            cloud="aws",
            region="eu-west-1",
            base_url=server.url,
            deletion_protection=bool(options.pop("deletion_protection", True)),
            wait_seconds=options.pop("wait_seconds", 10),
            **options,
        )

    return create


def test_a_new_index_is_serverless_protected_and_searched_by_words_too(
    server: PineconeServer, create: Callable[..., str]
) -> None:
    host = create("document")

    made = server.control.indexes[NAME]
    assert host == server.url
    assert made["deployment"] == {"deployment_type": "managed", "cloud": "aws", "region": "eu-west-1"}
    assert made["deletion_protection"] == "enabled"
    assert made["schema"]["fields"] == {
        "embedding": {"type": "dense_vector", "dimension": 8, "metric": "dotproduct"},
        "passage": {"type": "string", "full_text_search": {"language": "en", "stemming": True, "stop_words": True}},
    }


def test_a_new_vector_index_is_ready_for_sparse_values(server: PineconeServer, create: Callable[..., str]) -> None:
    create("vector")

    assert server.control.indexes[NAME]["schema"]["fields"] == {
        "_values": {"type": "dense_vector", "dimension": 8, "metric": "dotproduct"},
        "_sparse_values": {"type": "sparse_vector"},
    }


def test_another_language_has_its_word_forms_and_all_its_words(
    server: PineconeServer, create: Callable[..., str]
) -> None:
    create("document", language="de")

    passage = server.control.indexes[NAME]["schema"]["fields"]["passage"]
    assert passage["full_text_search"] == {"language": "de", "stemming": True}


def test_protection_is_left_off_on_request(server: PineconeServer, create: Callable[..., str]) -> None:
    create(deletion_protection=False)

    assert server.control.indexes[NAME]["deletion_protection"] == "disabled"


@pytest.mark.parametrize("kind", KINDS)
def test_creating_it_again_finds_it(server: PineconeServer, create: Callable[..., str], kind: str) -> None:
    assert create(kind) == create(kind)
    assert len(server.control.indexes) == 1


@pytest.mark.parametrize(("kind", "other"), [("document", "a vector index"), ("vector", "a document index")])
def test_an_index_of_the_other_kind_is_not_taken(create: Callable[..., str], kind: str, other: str) -> None:
    create("vector" if kind == "document" else "document")

    with pytest.raises(errors.IndexUnavailable, match=f"exists, but is {other}"):
        create(kind)


@pytest.mark.parametrize(("kind", "lacking"), [("document", "full-text search"), ("vector", "sparse values")])
def test_an_index_that_cannot_be_searched_by_words_is_not_taken(
    server: PineconeServer, create: Callable[..., str], kind: str, lacking: str
) -> None:
    create(kind)
    fields = server.control.indexes[NAME]["schema"]["fields"]
    if kind == "document":
        fields["passage"] = {"type": "string", "filterable": True}
    else:
        del fields["_sparse_values"]

    with pytest.raises(errors.IndexUnavailable, match=f"without {lacking}.*delete"):
        create(kind)


def test_it_is_waited_for(server: PineconeServer, create: Callable[..., str]) -> None:
    server.control.describes_until_ready = 2

    create()

    assert server.control.indexes[NAME]["status"]["ready"] is True


def test_the_waiting_has_an_end(server: PineconeServer, create: Callable[..., str]) -> None:
    server.control.describes_until_ready = 1_000

    with pytest.raises(errors.UpstreamUnavailable, match="try again"):
        create(wait_seconds=0.3)


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_of_other_dimensions_is_not_taken(create: Callable[..., str], kind: str) -> None:
    create(kind, dimensions=8)

    with pytest.raises(errors.IndexUnavailable, match="16 dimensions"):
        create(kind, dimensions=16)


@pytest.mark.parametrize(("kind", "field"), [("document", "embedding"), ("vector", "_values")])
def test_an_index_of_another_metric_is_not_taken(
    server: PineconeServer, create: Callable[..., str], kind: str, field: str
) -> None:
    create(kind)
    server.control.indexes[NAME]["schema"]["fields"][field]["metric"] = "euclidean"

    with pytest.raises(errors.IndexUnavailable, match="dotproduct"):
        create(kind)


@pytest.mark.parametrize("state", ["InitializationFailed", "Terminating", "Disabled"])
def test_an_index_that_will_never_be_ready_is_reported(
    server: PineconeServer, create: Callable[..., str], state: str
) -> None:
    create()
    server.control.indexes[NAME]["status"] = {"ready": False, "state": state}

    with pytest.raises(errors.IndexUnavailable):
        create()


def test_one_that_someone_else_makes_meanwhile_is_taken(server: PineconeServer, create: Callable[..., str]) -> None:
    create()
    server.next(answer_json({"error": {"code": "NOT_FOUND", "message": "not yet"}}, 404))

    assert create() == server.url


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (throttled(), errors.UpstreamThrottled),
        (html(), errors.MalformedResponse),
        (reset, errors.UpstreamUnavailable),
        (answer_json({"error": {"code": "FORBIDDEN", "message": "quota"}}, 403), errors.CredentialsRejected),
    ],
)
def test_a_fault_of_the_control_plane_is_one_of_our_errors(
    server: PineconeServer, create: Callable[..., str], fault: Fault, expected: type[errors.RagError]
) -> None:
    server.next(fault)

    with pytest.raises(expected):
        create()

    assert len(server.requests) == 1


def test_a_wrong_key_is_reported(create: Callable[..., str]) -> None:
    with pytest.raises(errors.CredentialsRejected):
        create(key="wrong")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "model",
    ["text-embedding-3-small", "wordllama-256", "BAAI/bge-m3", "a/very:long/model.name-" * 5, "ümlaut_Modell", "-"],
)
def test_every_model_has_a_name_that_pinecone_takes(model: str, kind: IndexKind) -> None:
    name = pinecone_index_name(model, 1536, kind)

    assert re.fullmatch(r"rag-[a-z0-9-]+-1536", name)
    assert len(name) <= 45


def test_an_ordinary_name_is_readable() -> None:
    assert pinecone_index_name("text-embedding-3-small", 1536, "document") == "rag-docs-text-embedding-3-small-1536"
    assert pinecone_index_name("text-embedding-3-small", 1536, "vector") == "rag-text-embedding-3-small-1536"


def test_long_names_that_begin_alike_are_told_apart() -> None:
    names = [pinecone_index_name("model-" * 10 + end, 256, "document") for end in "ab"]

    assert names[0] != names[1]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "rag-docs-text-embedding-3-small-1536 is ready. Deploy with PineconeHost={host}\n"),
        (
            ["--kind", "vector"],
            "rag-text-embedding-3-small-1536 is ready. Deploy with PineconeHost={host} PineconeIndexKind=vector\n",
        ),
    ],
)
def test_the_command_makes_the_kind_that_is_asked_for_and_tells_how_to_deploy_with_it(
    server: PineconeServer, monkeypatch: pytest.MonkeyPatch, options: list[str], told: str
) -> None:
    monkeypatch.setenv("PINECONE_CONTROLLER_HOST", server.url)
    monkeypatch.setenv("PINECONE_API_KEY", "stand-in-key")

    result = CliRunner().invoke(app, ["create", *options])

    assert result.output == told.format(host=server.url)
    assert len(server.control.indexes) == 1
