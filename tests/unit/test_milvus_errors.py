"""Every error of the Milvus client has one of ours, which says nothing of the request."""

import grpc
import pytest
from pymilvus import exceptions as milvus

from rag.adapters.milvus_errors import BY_CLASS, translated, wants_loading
from rag.errors import CredentialsRejected, IndexUnavailable, RagError, UpstreamRejected, UpstreamUnavailable


def vendor_classes() -> list[type[milvus.MilvusException]]:
    found, waiting = [], [milvus.MilvusException]
    while waiting:
        found.append(waiting.pop())
        waiting += found[-1].__subclasses__()
    return found


@pytest.mark.parametrize("vendor", vendor_classes(), ids=lambda vendor: vendor.__name__)
def test_every_class_of_the_vendor_is_mapped(vendor: type[milvus.MilvusException]) -> None:
    assert vendor in BY_CLASS
    assert type(translated(vendor(message="secret question"))) is BY_CLASS[vendor]


@pytest.mark.parametrize("status", list(grpc.StatusCode), ids=lambda status: status.name)
def test_every_status_of_grpc_is_mapped(status: grpc.StatusCode) -> None:
    error = milvus.MilvusException(code=status, message="secret question")

    assert str(translated(error)).endswith(f"({status.name}).")


@pytest.mark.parametrize(
    "error", [OSError("secret question"), grpc.FutureTimeoutError("secret question"), grpc.RpcError("secret question")]
)
def test_what_tells_nothing_of_itself_is_unavailable(error: Exception) -> None:
    assert type(translated(error)) is UpstreamUnavailable


@pytest.mark.parametrize("code", [0, 1, 8, 100, 101, 503, 1100, 1400, 2000, 65535])
def test_no_message_holds_the_vendors_words(code: int) -> None:
    error = milvus.MilvusException(code=code, message="secret question")

    assert "secret question" not in str(translated(error))


@pytest.mark.parametrize(
    ("code", "expected"),
    [(100, IndexUnavailable), (700, IndexUnavailable), (1400, CredentialsRejected), (401, UpstreamUnavailable)],
)
def test_the_code_counts_more_than_the_class(code: int, expected: type[RagError]) -> None:
    assert type(translated(milvus.ParamError(code=code))) is expected


def test_an_error_raised_from_itself_is_told_by_what_it_hides() -> None:
    with pytest.raises(milvus.MilvusException) as caught:
        raise_as_pymilvus_does()

    assert type(translated(caught.value)) is UpstreamUnavailable


def test_only_a_collection_out_of_memory_wants_loading() -> None:
    assert wants_loading(milvus.MilvusException(code=101))
    assert not wants_loading(milvus.MilvusException(code=100))
    assert not wants_loading(OSError())


def test_a_plain_refusal_is_permanent() -> None:
    assert type(translated(milvus.MilvusException(code=1))) is UpstreamRejected


def raise_as_pymilvus_does() -> None:
    """Raise an error that could be tried again, wrapped and raised from itself."""
    try:
        refuse_retriably()
    except milvus.MilvusException as wrapped:
        raise wrapped from wrapped


def refuse_retriably() -> None:
    try:
        raise milvus.MilvusException(code=1, retriable=True)  # noqa: TRY301 - what pymilvus does
    except milvus.MilvusException as error:
        raise milvus.MilvusException(code=error.code) from error
