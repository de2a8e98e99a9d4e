"""OpenAI adapter for the Embedder port: any OpenAI-compatible endpoint for embeddings."""

import base64
import binascii
from array import array
from collections.abc import Sequence
from typing import Final

import openai
from openai.types import CreateEmbeddingResponse

from rag import vectors
from rag.adapters.openai_client import OpenAIEndpoint, token_count
from rag.errors import MalformedResponse
from rag.models import Embeddings
from rag.ports import Credential
from rag.vectors import Vector

_SHORTENABLE: Final = "text-embedding-3"  # the models that take `dimensions`; others refuse it


class OpenAIEmbedder:
    """Embeds text with one model."""

    def __init__(
        self, credential: Credential, base_url: str, model: str, dimensions: int, deadline_seconds: float = 4.0
    ) -> None:
        self._endpoint = OpenAIEndpoint(credential, base_url, "embedding", deadline_seconds)
        self._model = model
        self._dimensions = dimensions

    @property
    def model(self) -> str:
        """The model's name."""
        return self._model

    @property
    def dimensions(self) -> int:
        """Components of each vector."""
        return self._dimensions

    @property
    def endpoint(self) -> str:
        """Base URL of the endpoint."""
        return self._endpoint.base_url

    def close(self) -> None:
        """Close the connections that are open."""
        self._endpoint.close()

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """Return one vector of shape (dimensions,) and unit length per text, in the order given.

        Raises:
            UpstreamThrottled, UpstreamUnavailable: worth another attempt by the state machine.
            CredentialsRejected, QuotaExhausted, UpstreamRejected, SecretUnavailable: not.
            MalformedResponse: the answer is not one usable vector per text.
        """
        response = self._endpoint.call(
            lambda client: client.embeddings.create(
                model=self._model,
                input=list(texts),
                encoding_format="base64",
                dimensions=self._dimensions if self._model.startswith(_SHORTENABLE) else openai.omit,
            )
        )
        return Embeddings(
            self._vectors(response, len(texts)), token_count(getattr(response, "usage", None), "total_tokens")
        )

    def _vectors(self, response: object, asked: int) -> "list[Vector[float]]":
        if not isinstance(response, CreateEmbeddingResponse) or not isinstance(response.data, list):
            raise MalformedResponse("The embedding endpoint did not answer in the form of the OpenAI API.")
        by_index = {
            item.index: getattr(item, "embedding", None)
            for item in response.data
            if type(getattr(item, "index", None)) is int  # the client does not check: 0.0 and lists come through
        }
        if len(response.data) != asked or set(by_index) != set(range(asked)):
            raise MalformedResponse(f"The embedding endpoint did not return one vector for each of {asked} texts.")
        return [self._vector(by_index[index]) for index in range(asked)]

    def _vector(self, embedding: object) -> "Vector[float]":
        vector = vectors.unit(_components(embedding))
        if len(vector) != self._dimensions:
            raise MalformedResponse(
                f"The embedding model returned {len(vector)} dimensions where {self._dimensions} were expected: "
                "EmbeddingModel and EmbeddingDimensions must belong together."
            )
        return vector


def _components(embedding: object) -> "array[float]":
    """Return the numbers of one embedding: base64 as asked for, or a list from servers that know no base64."""
    try:
        if isinstance(embedding, str):
            return vectors.from_bytes(base64.b64decode(embedding, validate=True))
        if isinstance(embedding, list):
            return array("f", embedding)
    except (binascii.Error, ValueError, TypeError, OverflowError) as error:
        raise MalformedResponse("The embedding endpoint returned something that is no vector.") from error
    raise MalformedResponse("The embedding endpoint returned something that is no vector.")
