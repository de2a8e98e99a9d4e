"""The index that `rag index create` makes in Pinecone."""

import re
from collections.abc import Callable, Iterator

import pytest

from rag import errors
from rag.adapters.pinecone_index import create_pinecone_index, pinecone_index_name
from tests.fakes.faulty_http import Fault, answer_json, html, reset, throttled
from tests.fakes.pinecone_server import PineconeServer
from tests.fakes.secrets import fixed_credential

NAME = "rag-test-8"


@pytest.fixture
def server() -> Iterator[PineconeServer]:
    with PineconeServer(8) as server:
        yield server


@pytest.fixture
def create(server: PineconeServer) -> Callable[..., str]:
    def create(dimensions: int = 8, key: str = "stand-in-key", **options: float) -> str:
        return create_pinecone_index(
            fixed_credential(key),
            NAME,
            dimensions,
            cloud="aws",
            region="eu-west-1",
            base_url=server.url,
            deletion_protection=bool(options.pop("deletion_protection", True)),
            wait_seconds=options.pop("wait_seconds", 10),
        )

    return create


def test_a_new_index_is_serverless_protected_and_ready_for_sparse_values(
    server: PineconeServer, create: Callable[..., str]
) -> None:
    host = create()

    made = server.control.indexes[NAME]
    assert host == server.url
    assert made["deployment"] == {"deployment_type": "managed", "cloud": "aws", "region": "eu-west-1"}
    assert made["deletion_protection"] == "enabled"
    assert made["schema"]["fields"] == {
        "_values": {"type": "dense_vector", "dimension": 8, "metric": "dotproduct"},
        "_sparse_values": {"type": "sparse_vector"},
    }


def test_protection_is_left_off_on_request(server: PineconeServer, create: Callable[..., str]) -> None:
    create(deletion_protection=False)

    assert server.control.indexes[NAME]["deletion_protection"] == "disabled"


def test_creating_it_again_finds_it(server: PineconeServer, create: Callable[..., str]) -> None:
    assert create() == create()
    assert len(server.control.indexes) == 1


def test_it_is_waited_for(server: PineconeServer, create: Callable[..., str]) -> None:
    server.control.describes_until_ready = 2

    create()

    assert server.control.indexes[NAME]["status"]["ready"] is True


def test_the_waiting_has_an_end(server: PineconeServer, create: Callable[..., str]) -> None:
    server.control.describes_until_ready = 1_000

    with pytest.raises(errors.UpstreamUnavailable, match="try again"):
        create(wait_seconds=0.3)


def test_an_index_of_other_dimensions_is_not_taken(create: Callable[..., str]) -> None:
    create(dimensions=8)

    with pytest.raises(errors.IndexUnavailable, match="16 dimensions"):
        create(dimensions=16)


def test_an_index_of_another_metric_is_not_taken(server: PineconeServer, create: Callable[..., str]) -> None:
    create()
    server.control.indexes[NAME]["schema"]["fields"]["_values"]["metric"] = "euclidean"

    with pytest.raises(errors.IndexUnavailable, match="dotproduct"):
        create()


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


@pytest.mark.parametrize(
    "model",
    ["text-embedding-3-small", "wordllama-256", "BAAI/bge-m3", "a/very:long/model.name-" * 5, "ümlaut_Modell", "-"],
)
def test_every_model_has_a_name_that_pinecone_takes(model: str) -> None:
    name = pinecone_index_name(model, 1536)

    assert re.fullmatch(r"rag-[a-z0-9-]+-1536", name)
    assert len(name) <= 45


def test_an_ordinary_name_is_readable() -> None:
    assert pinecone_index_name("text-embedding-3-small", 1536) == "rag-text-embedding-3-small-1536"


def test_long_names_that_begin_alike_are_told_apart() -> None:
    assert pinecone_index_name("model-" * 10 + "a", 256) != pinecone_index_name("model-" * 10 + "b", 256)
