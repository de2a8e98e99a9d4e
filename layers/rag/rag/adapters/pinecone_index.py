"""Creation of the Pinecone index that a deployment needs."""

import hashlib
import time
from typing import Any, Final

from pinecone import Pinecone, RetryConfig
from pinecone.errors.exceptions import ConflictError, NotFoundError, PineconeError
from pinecone.models.indexes.index import IndexModel

from rag.adapters.pinecone_errors import translated_errors
from rag.adapters.pinecone_schema import IndexKind, schema_of, unfit
from rag.deadlines import within
from rag.errors import IndexUnavailable, SecretUnavailable, UpstreamUnavailable
from rag.ports import Credential

_DEADLINE_SECONDS: Final = 30.0
_MAX_NAME: Final = 45
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0


def pinecone_index_name(model: str, dimensions: int, kind: IndexKind) -> str:
    """Return the name that a model's index has in Pinecone: lower-case letters, digits, hyphens, 45 characters."""
    slug = "".join(character if character.isascii() and character.isalnum() else "-" for character in model.lower())
    prefix = "rag-docs" if kind == "document" else "rag"
    room = _MAX_NAME - len(f"{prefix}--{dimensions}")
    if len(slug) > room:  # two models may begin alike
        slug = f"{slug[: room - 7]}-{hashlib.sha256(model.encode()).hexdigest()[:6]}"
    return f"{prefix}-{slug}-{dimensions}"


def create_pinecone_index(  # noqa: PLR0913 - an index is all that
    credential: Credential,
    name: str,
    dimensions: int,
    kind: IndexKind,
    *,
    cloud: str,
    region: str,
    language: str = "en",
    deletion_protection: bool = True,
    base_url: str | None = None,
    wait_seconds: float = 300.0,
) -> str:
    """Create the serverless index, unless it is there, wait until it is ready, and return its host.

    `language` is that of the documents, as far as a new document index stems and drops words; a vector index knows
    English. `base_url` is the control plane's address, when it is not Pinecone's own.

    Raises:
        IndexUnavailable: an index of that name is of the other kind, holds other dimensions or another metric, or
            cannot be searched by words.
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
            deployment = {"deployment_type": "managed", "cloud": cloud, "region": region}
            _create(client, name, schema_of(kind, dimensions, language), deployment, deletion_protection)
            index = _described(client, name)
        return _ready(client, name, index, kind, dimensions, wait_seconds)
    finally:
        client.close()


def _described(client: Pinecone, name: str) -> IndexModel | None:
    with translated_errors():
        try:
            return within(_DEADLINE_SECONDS, lambda: client.indexes.describe(name))
        except NotFoundError:
            return None


def _create(
    client: Pinecone, name: str, schema: dict[str, Any], deployment: dict[str, Any], deletion_protection: bool
) -> None:
    def create() -> IndexModel:
        return client.indexes.create(
            name=name,
            schema=schema,
            deployment=deployment,
            deletion_protection="enabled" if deletion_protection else "disabled",
            timeout=-1,
        )

    with translated_errors():
        try:
            within(_DEADLINE_SECONDS, create)
        except ConflictError:
            return  # someone else was faster: what they made is checked like any other


def _ready(
    client: Pinecone, name: str, index: IndexModel | None, kind: IndexKind, dimensions: int, wait_seconds: float
) -> str:
    give_up = time.monotonic() + wait_seconds
    pause = _FIRST_PAUSE
    while index is None or not index.status.ready or not index.host:
        if index is not None:
            _check_fit(index, kind, dimensions)
            _check_alive(index)
        if time.monotonic() + pause > give_up:
            raise UpstreamUnavailable(f"The Pinecone index was not ready after {wait_seconds:g} s: try again.")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
        index = _described(client, name)
    _check_fit(index, kind, dimensions)
    return index.host


def _check_fit(index: IndexModel, kind: IndexKind, dimensions: int) -> None:
    difference = unfit(index, kind, dimensions)
    if difference is not None:
        raise IndexUnavailable(
            f"The Pinecone index {index.name} exists, but is {difference}. A schema cannot be changed: delete the "
            "index, or choose another model."
        )


def _check_alive(index: IndexModel) -> None:
    if index.status.state in ("InitializationFailed", "Terminating", "Disabled"):
        raise IndexUnavailable(f"The Pinecone index {index.name} is failed, disabled or being deleted.")
