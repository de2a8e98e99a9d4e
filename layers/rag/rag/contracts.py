"""What crosses each state: one request and one response type per function, unknown fields refused, sizes bounded."""

import unicodedata
from collections.abc import Mapping
from typing import ClassVar, Final, Literal, Self

import msgspec

from rag.contract import MAX_QUERY_CHARACTERS, Contract, Groups, Mode, Query, RawFilter, Tenant, TopK, TraceId
from rag.errors import InvalidRequest
from rag.filters import parse_filter
from rag.index_pointer import IndexTarget

MAX_FILTER_BYTES: Final = 16 * 1024
MAX_PASSAGES_BYTES: Final = 150 * 1024
MAX_PROMPT_BYTES: Final = 100 * 1024  # passages in the prompt: the state holds the query twice beside them

Reason = Literal["no_relevant_passage", "model_declined", "no_valid_citation"]


class QueryInput(Contract, frozen=True, kw_only=True):
    """The execution's input, as a caller wrote it."""

    query: Query
    top_k: TopK | msgspec.UnsetType = msgspec.UNSET
    tenant: Tenant = "default"
    groups: Groups = msgspec.field(default_factory=list)
    filter: RawFilter | msgspec.UnsetType = msgspec.UNSET
    mode: Mode = "dense"


class QueryRequest(Contract, frozen=True, kw_only=True):
    """The normalised request: every default filled in, the filter known to be valid."""

    query: Query
    top_k: TopK
    tenant: Tenant
    groups: Groups
    filter: RawFilter | None
    mode: Mode


class EmbedRequest(Contract, frozen=True, kw_only=True):
    """Input of the embed state."""

    MALFORMED: ClassVar[str] = "The input must be an object with a query."

    request: QueryInput
    trace_id: TraceId

    @classmethod
    def parse(cls, event: object) -> Self:
        """Return the event as this type, after checks that a schema cannot express.

        Raises:
            InvalidRequest: it does not fit. The message names a known field and no value.
        """
        request = event.get("request") if isinstance(event, Mapping) else None
        if isinstance(request, Mapping) and "history" in request:
            raise InvalidRequest("history is not supported yet.")
        return super().parse(event)

    def normalised(self, default_top_k: int) -> QueryRequest:
        """Return the request with its text in Unicode's composed form and its defaults filled in.

        Raises:
            InvalidRequest: the query is blank or no valid Unicode, or the filter is not of the language.
        """
        query = unicodedata.normalize("NFC", self.request.query).strip()
        if not query:
            raise InvalidRequest("query must be a string of 1 to 8,000 characters.")
        if any("\ud800" <= character <= "\udfff" for character in query):
            raise InvalidRequest("query must be valid Unicode, without lone surrogates.")
        if len(query) > MAX_QUERY_CHARACTERS:  # a few characters grow when they are composed
            raise InvalidRequest("query must be a string of 1 to 8,000 characters.")
        condition = None if self.request.filter is msgspec.UNSET else self.request.filter
        if condition is not None:
            parse_filter(condition)
            if len(msgspec.json.encode(condition)) > MAX_FILTER_BYTES:
                raise InvalidRequest("filter must be at most 16 KiB.")
        return QueryRequest(
            query=query,
            top_k=default_top_k if self.request.top_k is msgspec.UNSET else self.request.top_k,
            tenant=self.request.tenant,
            groups=sorted(set(self.request.groups)),
            filter=condition,
            mode=self.request.mode,
        )


class Embedding(Contract, frozen=True, kw_only=True):
    """A query's vector (base64 of little-endian float32), the collection that it can search, and what it took."""

    vector: str
    target: IndexTarget
    tokens: int
    cached: bool
    cost_usd: float | None


class EmbedResponse(Contract, frozen=True, kw_only=True):
    """Output of the embed state."""

    request: QueryRequest
    embedding: Embedding


class SearchRequest(Contract, frozen=True, kw_only=True):
    """Input of the search state."""

    request: QueryRequest
    vector: str
    target: IndexTarget
    trace_id: TraceId


class Passage(Contract, frozen=True, kw_only=True):
    """What retrieval returns. `score` is the cosine similarity; `start` and `end` count characters of the document."""

    chunk_id: str
    document_id: str
    title: str
    source: str
    heading: str
    text: str
    tokens: int
    start: int
    end: int
    page: int | None
    metadata: dict[str, str | float | bool]
    score: float


class SearchResponse(Contract, frozen=True, kw_only=True):
    """Output of the search state. `relevant` says whether any passage is worth a model call."""

    relevant: bool
    passages: list[Passage]
    degraded: list[str]


class ComposeRequest(Contract, frozen=True, kw_only=True):
    """Input of the compose state."""

    query: Query
    passages: list[Passage]
    degraded: list[str]
    trace_id: TraceId


class PromptSource(Contract, frozen=True, kw_only=True):
    """A passage's place in the prompt: its text is `user[text_start:text_end]`, so that it travels only once."""

    n: int
    chunk_id: str
    document_id: str
    title: str
    source: str
    page: int | None
    start: int
    score: float
    text_start: int
    text_end: int


class Prompt(Contract, frozen=True, kw_only=True):
    """A system message, a user message, and where the user message holds each passage."""

    system: str
    user: str
    sources: list[PromptSource]


class ComposeResponse(Contract, frozen=True, kw_only=True):
    """Output of the compose state."""

    prompt: Prompt
    degraded: list[str]


class EmbeddingUsage(Contract, frozen=True, kw_only=True):
    """What the embed state spent."""

    tokens: int
    cost_usd: float | None
    cached: bool


class GenerateRequest(Contract, frozen=True, kw_only=True):
    """Input of the generate state."""

    query: Query
    prompt: Prompt
    embedding_usage: EmbeddingUsage
    degraded: list[str]
    trace_id: TraceId


class Citation(Contract, frozen=True, kw_only=True):
    """A verbatim part of a passage that an answer rests on, and its place in the document."""

    n: int
    document_id: str
    chunk_id: str
    title: str
    source: str
    page: int | None
    start: int | None
    end: int | None
    quote: str
    score: float


class Usage(Contract, frozen=True, kw_only=True):
    """Tokens and money that one query took. `cost_usd` is null where a model's price is unknown."""

    embedding_tokens: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None


class Answer(Contract, frozen=True, kw_only=True):
    """Output of the query path."""

    answer: str
    answered: bool
    reason: Reason | None
    citations: list[Citation]
    query: str
    model: str
    usage: Usage
    cached_embedding: bool
    degraded: list[str]
    trace_id: str
