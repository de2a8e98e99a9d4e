"""The seam where the errors of pymilvus and gRPC become ours.

No message and no cause is carried over: Milvus quotes expressions, and those hold what users asked. What is left is the
error's code, which Milvus documents (pkg/util/merr in its repository), and which the message names.
"""

from collections.abc import Iterator
from typing import Final

import grpc
from pymilvus import exceptions as milvus

from rag.errors import (
    CredentialsRejected,
    IndexUnavailable,
    RagError,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)

VENDOR_ERRORS: Final = (milvus.MilvusException, grpc.RpcError, grpc.FutureTimeoutError, OSError)

_NOT_LOADED: Final = 101

_BY_STATUS: Final[dict[grpc.StatusCode, type[RagError]]] = {
    grpc.StatusCode.UNAUTHENTICATED: CredentialsRejected,
    grpc.StatusCode.PERMISSION_DENIED: CredentialsRejected,
    grpc.StatusCode.RESOURCE_EXHAUSTED: UpstreamThrottled,
    grpc.StatusCode.INVALID_ARGUMENT: UpstreamRejected,
    grpc.StatusCode.NOT_FOUND: UpstreamRejected,
    grpc.StatusCode.ALREADY_EXISTS: UpstreamRejected,
    grpc.StatusCode.FAILED_PRECONDITION: UpstreamRejected,
    grpc.StatusCode.OUT_OF_RANGE: UpstreamRejected,
    grpc.StatusCode.UNIMPLEMENTED: UpstreamRejected,  # whatever listens there is no Milvus
    grpc.StatusCode.UNAVAILABLE: UpstreamUnavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: UpstreamUnavailable,
    grpc.StatusCode.ABORTED: UpstreamUnavailable,
    grpc.StatusCode.CANCELLED: UpstreamUnavailable,
    grpc.StatusCode.INTERNAL: UpstreamUnavailable,
    grpc.StatusCode.UNKNOWN: UpstreamUnavailable,
    grpc.StatusCode.DATA_LOSS: UpstreamUnavailable,
}

_BY_CODE: Final[dict[int, type[RagError]]] = {
    **dict.fromkeys((4, 8, 9, 1807), UpstreamThrottled),  # request, rate and quota limits
    **dict.fromkeys((2, 3, 5, 11, 12, 10000, 10001), UpstreamUnavailable),  # the service, its memory, its clock
    **dict.fromkeys((_NOT_LOADED, 103, 106, 201, 202), UpstreamUnavailable),  # loading or recovering
    **dict.fromkeys((100, 700, 800), IndexUnavailable),  # no collection, index or database of this name
    **dict.fromkeys((1400, 1401, 1800), CredentialsRejected),
}
_CLUSTER_PARTS: Final = (4, 5, 6, 9, 10)  # hundreds: replicas, channels, segments, nodes, storage; they come back

BY_CLASS: Final[dict[type[milvus.MilvusException], type[RagError]]] = {
    milvus.MilvusException: UpstreamRejected,
    milvus.MilvusUnavailableException: UpstreamUnavailable,
    milvus.ConnectError: UpstreamUnavailable,
    milvus.ConnectionNotExistException: UpstreamUnavailable,
    milvus.ConnectionConfigException: IndexUnavailable,
    milvus.CollectionNotExistException: IndexUnavailable,
    milvus.DescribeCollectionException: IndexUnavailable,
    milvus.IndexNotExistException: IndexUnavailable,
    milvus.SchemaNotReadyException: IndexUnavailable,
    milvus.SchemaMismatchRetryableException: IndexUnavailable,
    milvus.DataNotMatchException: IndexUnavailable,  # a row that does not fit the collection's schema
    milvus.ServerVersionIncompatibleException: IndexUnavailable,
    **dict.fromkeys(
        (
            milvus.ParamError,
            milvus.PartitionAlreadyExistException,
            milvus.AmbiguousIndexName,
            milvus.CannotInferSchemaException,
            milvus.DataTypeNotMatchException,
            milvus.DataTypeNotSupportException,
            milvus.PrimaryKeyException,
            milvus.PartitionKeyException,
            milvus.ClusteringKeyException,
            milvus.FieldsTypeException,
            milvus.FunctionsTypeException,
            milvus.FieldTypeException,
            milvus.AutoIDException,
            milvus.InvalidConsistencyLevel,
        ),
        UpstreamRejected,
    ),
}

_MESSAGES: Final[dict[type[RagError], str]] = {
    CredentialsRejected: "Milvus does not accept the token of the secret",
    IndexUnavailable: "The Milvus collection is missing, or was made for other vectors: run rag index create",
    UpstreamThrottled: "Milvus asks for fewer requests",
    UpstreamUnavailable: "Milvus could not be reached or failed",
    UpstreamRejected: "Milvus refused the request",
}


def translated(error: BaseException) -> RagError:
    """Return our error for one of `VENDOR_ERRORS`."""
    ours, code = _classified(error)
    return ours(f"{_MESSAGES[ours]} ({code}).")


def wants_loading(error: BaseException) -> bool:
    """Return whether the collection exists but is not in memory, as after a restart of Milvus Lite."""
    return isinstance(error, milvus.MilvusException) and error.code == _NOT_LOADED


def _classified(error: BaseException) -> tuple[type[RagError], str]:
    for cause in _chain(error):
        status = _status(cause)
        if status is not None:  # pymilvus hides a refused token behind "connect failed"; the status tells
            return _BY_STATUS.get(status, UpstreamUnavailable), status.name
    if not isinstance(error, milvus.MilvusException):
        return UpstreamUnavailable, type(error).__name__
    code = error.code
    if code in _BY_CODE:
        return _BY_CODE[code], f"code {code}"
    if code // 100 in _CLUSTER_PARTS or any(getattr(cause, "retriable", False) for cause in _chain(error)):
        return UpstreamUnavailable, f"code {code}"
    return BY_CLASS.get(type(error), UpstreamRejected), f"code {code}"


def _status(error: BaseException) -> grpc.StatusCode | None:
    if isinstance(error, milvus.MilvusException):
        return error.code if isinstance(error.code, grpc.StatusCode) else None
    return error.code() if isinstance(error, grpc.RpcError) and callable(getattr(error, "code", None)) else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and all that led to it; pymilvus raises errors from themselves, which hides their causes."""
    waiting: list[BaseException | None] = [error]
    seen: list[BaseException] = []
    while waiting:
        current = waiting.pop(0)
        if current is not None and not any(current is other for other in seen):
            seen.append(current)
            waiting += (current.__cause__, current.__context__)
            yield current
