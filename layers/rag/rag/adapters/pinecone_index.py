"""Creation of the Pinecone index that a deployment needs."""

import hashlib
import time
from typing import Final

from pinecone import Pinecone, RetryConfig
from pinecone.errors.exceptions import ConflictError, NotFoundError, PineconeError
from pinecone.models.indexes.index import IndexModel
from pinecone.models.indexes.schema import DenseVectorField

from rag.adapters.pinecone_errors import translated_errors
from rag.deadlines import within
from rag.errors import IndexUnavailable, SecretUnavailable, UpstreamUnavailable
from rag.ports import Credential

_METRIC: Final = "dotproduct"  # of unit vectors it is the cosine, and the only one that takes sparse values too
_DEADLINE_SECONDS: Final = 30.0
_MAX_NAME: Final = 45
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0

# The two names by which the vectors API addresses dense and sparse values. The sparse field cannot be added later.
_DENSE, _SPARSE = "_values", "_sparse_values"


def pinecone_index_name(model: str, dimensions: int) -> str:
    """Return the name that a model's index has in Pinecone: lower-case letters, digits, hyphens, 45 characters."""
    slug = "".join(character if character.isascii() and character.isalnum() else "-" for character in model.lower())
    room = _MAX_NAME - len(f"rag--{dimensions}")
    if len(slug) > room:  # two models may begin alike
        slug = f"{slug[: room - 7]}-{hashlib.sha256(model.encode()).hexdigest()[:6]}"
    return f"rag-{slug}-{dimensions}"


def create_pinecone_index(
    credential: Credential,
    name: str,
    dimensions: int,
    *,
    cloud: str,
    region: str,
    deletion_protection: bool = True,
    base_url: str | None = None,
    wait_seconds: float = 300.0,
) -> str:
    """Create the serverless index, unless it is there, wait until it is ready, and return its host.

    `base_url` is the control plane's address, when it is not Pinecone's own.

    Raises:
        IndexUnavailable: an index of that name holds other dimensions or another metric.
        UpstreamUnavailable: it did not become ready in `wait_seconds`.
        RagError: any other refusal.
    """
    try:
        client = Pinecone(
            credential(), host=base_url, timeout=_DEADLINE_SECONDS, retry_config=RetryConfig(max_retries=0)
        )
    except PineconeError as error:
        raise SecretUnavailable("The Pinecone API key or the control plane's address is malformed.") from error
    try:
        index = _described(client, name)
        if index is None:
            _create(client, name, dimensions, cloud, region, deletion_protection=deletion_protection)
            index = _described(client, name)
        return _ready(client, name, index, dimensions, wait_seconds)
    finally:
        client.close()


def _described(client: Pinecone, name: str) -> IndexModel | None:
    with translated_errors():
        try:
            return within(_DEADLINE_SECONDS, lambda: client.indexes.describe(name))
        except NotFoundError:
            return None


def _create(
    client: Pinecone, name: str, dimensions: int, cloud: str, region: str, *, deletion_protection: bool
) -> None:
    fields = {
        _DENSE: {"type": "dense_vector", "dimension": dimensions, "metric": _METRIC},
        _SPARSE: {"type": "sparse_vector"},
    }

    def create() -> IndexModel:
        return client.indexes.create(
            name=name,
            schema={"fields": fields},
            deployment={"deployment_type": "managed", "cloud": cloud, "region": region},
            deletion_protection="enabled" if deletion_protection else "disabled",
            timeout=-1,
        )

    with translated_errors():
        try:
            within(_DEADLINE_SECONDS, create)
        except ConflictError:
            return  # someone else was faster: what they made is checked like any other


def _ready(client: Pinecone, name: str, index: IndexModel | None, dimensions: int, wait_seconds: float) -> str:
    give_up = time.monotonic() + wait_seconds
    pause = _FIRST_PAUSE
    while index is None or not index.status.ready or not index.host:
        if index is not None:
            _check_fit(index, dimensions)
            _check_alive(index)
        if time.monotonic() + pause > give_up:
            raise UpstreamUnavailable(f"The Pinecone index was not ready after {wait_seconds:g} s: try again.")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
        index = _described(client, name)
    _check_fit(index, dimensions)
    return index.host


def _check_fit(index: IndexModel, dimensions: int) -> None:
    dense = [field for field in index.schema.fields.values() if isinstance(field, DenseVectorField)]
    if [(field.dimension, field.metric) for field in dense] != [(dimensions, _METRIC)]:
        raise IndexUnavailable(
            f"The Pinecone index {index.name} exists, but not with one dense field of {dimensions} dimensions and "
            f"the metric {_METRIC}: delete it, or choose another model."
        )


def _check_alive(index: IndexModel) -> None:
    if index.status.state in ("InitializationFailed", "Terminating", "Disabled"):
        raise IndexUnavailable(f"The Pinecone index {index.name} is failed, disabled or being deleted.")
