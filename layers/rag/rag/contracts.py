"""What crosses each state: one request and one response type per function, unknown fields refused, sizes bounded."""

import unicodedata
from typing import Annotated, ClassVar, Final, Literal

import msgspec
from msgspec import Meta

from rag.cleaning import without_invisible
from rag.contract import (
    MAX_QUERY_CHARACTERS,
    Contract,
    Groups,
    History,
    Mode,
    ModeName,
    Phrasings,
    Query,
    RawFilter,
    Tenant,
    TopK,
    TraceId,
)
from rag.errors import InvalidRequest
from rag.filters import parse_filter
from rag.index_pointer import IndexTarget

MAX_FILTER_BYTES: Final = 16 * 1024
MAX_HISTORY_BYTES: Final = 128 * 1024  # the state holds it beside what the rewriting made of it
MAX_PASSAGES_BYTES: Final = 150 * 1024
MAX_PROMPT_BYTES: Final = 96 * 1024  # passages in the prompt: the state holds the query and its rewriting beside them

Reason = Literal["no_relevant_passage", "model_declined", "no_valid_citation"]


class QueryInput(Contract, frozen=True, kw_only=True):
    """The execution's input, as a caller wrote it."""

    query: Query
    top_k: TopK | msgspec.UnsetType = msgspec.UNSET
    tenant: Tenant = "default"
    groups: Groups = msgspec.field(default_factory=list)
    filter: RawFilter | msgspec.UnsetType = msgspec.UNSET
    mode: Mode | msgspec.UnsetType = msgspec.UNSET
    history: History = msgspec.field(default_factory=list)
    phrasings: Phrasings | msgspec.UnsetType = msgspec.UNSET

    def composed_query(self) -> str:
        """Return the query in Unicode's composed form, after checks that a schema cannot express.

        Raises:
            InvalidRequest: it is blank, too long or no valid Unicode, history or filter takes too many bytes, or the
                filter is not of the language.
        """
        if len(msgspec.json.encode(self.history)) > MAX_HISTORY_BYTES:
            raise InvalidRequest("history must be at most 128 KiB.")
        if self.filter is not msgspec.UNSET:
            parse_filter(self.filter)
            if len(msgspec.json.encode(self.filter)) > MAX_FILTER_BYTES:
                raise InvalidRequest("filter must be at most 16 KiB.")
        return composed(self.query)


class QueryRequest(Contract, frozen=True, kw_only=True):
    """The normalised request: every default filled in, the filter known to be valid.

    `query` is what was asked, `rewritten_query` what that means by itself, where there was a history, `question` the
    one of the two to answer, and `phrasings` are other ways to put it.
    """

    query: Query
    rewritten_query: Query | None
    question: Query
    phrasings: list[Query]
    top_k: TopK
    tenant: Tenant
    groups: Groups
    filter: RawFilter | None
    mode: Mode


def composed(query: str) -> str:
    """Return a query in Unicode's composed form, without the white space around it and what cannot be seen in it.

    Raises:
        InvalidRequest: it is blank, too long or no valid Unicode.
    """
    if any("\ud800" <= character <= "\udfff" for character in query):
        raise InvalidRequest("query must be valid Unicode, without lone surrogates.")
    text = unicodedata.normalize("NFC", without_invisible(query)[0]).strip()
    if not 1 <= len(text) <= MAX_QUERY_CHARACTERS:  # a few characters grow when they are composed
        raise InvalidRequest("query must be a string of 1 to 8,000 characters.")
    return text


class RewriteRequest(Contract, frozen=True, kw_only=True):
    """Input of the rewrite state."""

    MALFORMED: ClassVar[str] = "The input must be an object with a query."

    request: QueryInput
    trace_id: TraceId


class Rewriting(Contract, frozen=True, kw_only=True):
    """Output of the rewrite state: the question by itself, other ways to put it, and what the model call took."""

    question: Query
    phrasings: Annotated[list[Query], Meta(max_length=4)]
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None


class AskedBy(Contract, frozen=True, kw_only=True):
    """The principal that the API made out; a script that starts the machine is trusted with its own."""

    tenant: Tenant
    groups: Groups


class EmbedRequest(Contract, frozen=True, kw_only=True):
    """Input of the embed state. A principal takes the place of the request's tenant and groups."""

    MALFORMED: ClassVar[str] = "The input must be an object with a query."

    request: QueryInput
    principal: AskedBy | None = None
    rewriting: Rewriting | None = None
    degraded: list[str] = msgspec.field(default_factory=list)
    trace_id: TraceId

    def normalised(self, default_top_k: int, default_mode: ModeName) -> QueryRequest:
        """Return the request with its text in Unicode's composed form and its defaults filled in.

        Raises:
            InvalidRequest: the query is blank or no valid Unicode, or the filter is not of the language.
        """
        query = self.request.composed_query()
        question = composed(self.rewriting.question) if self.rewriting else query
        asked_by = self.principal or self.request
        return QueryRequest(
            query=query,
            rewritten_query=question if question != query else None,
            question=question,
            phrasings=[composed(phrasing) for phrasing in self.rewriting.phrasings] if self.rewriting else [],
            top_k=default_top_k if self.request.top_k is msgspec.UNSET else self.request.top_k,
            tenant=asked_by.tenant,
            groups=sorted(set(asked_by.groups)),
            filter=None if self.request.filter is msgspec.UNSET else self.request.filter,
            mode=default_mode if self.request.mode is msgspec.UNSET else self.request.mode,
        )


class Embedding(Contract, frozen=True, kw_only=True):
    """Vectors (base64 of little-endian float32) of the question and then of each phrasing, and where to search.

    Lexical mode needs none: then there are no vectors.
    """

    vectors: list[str]
    target: IndexTarget


class Spent(Contract, frozen=True, kw_only=True):
    """What the states before the answer spent: the embedding, and the rewriting of the question if there was one."""

    embedding_tokens: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    cached_embedding: bool


class EmbedResponse(Contract, frozen=True, kw_only=True):
    """Output of the embed state."""

    request: QueryRequest
    embedding: Embedding
    spent: Spent
    degraded: list[str]


class SearchRequest(Contract, frozen=True, kw_only=True):
    """Input of the search state."""

    request: QueryRequest
    embedding: Embedding
    degraded: list[str]
    trace_id: TraceId


class Passage(Contract, frozen=True, kw_only=True):
    """What retrieval returns. `start` and `end` count characters of the document.

    `score` is what ranks it: the fused score in hybrid mode, the cosine similarity in dense and pruned mode, BM25 in
    lexical mode, the reranker's where there is one; where other phrasings were searched for, what the rankings of all
    of them give by reciprocal rank, 0 to 1. A passage of several neighbouring chunks has the best one's.
    """

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
    suspicious: bool = False  # it addresses the model rather than a reader


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
    suspicious: bool = False


class Prompt(Contract, frozen=True, kw_only=True):
    """A system message, a user message, and where the user message holds each passage."""

    system: str
    user: str
    sources: list[PromptSource]


class ComposeResponse(Contract, frozen=True, kw_only=True):
    """Output of the compose state."""

    prompt: Prompt
    degraded: list[str]


class GenerateRequest(Contract, frozen=True, kw_only=True):
    """Input of the generate state."""

    query: Query
    rewritten_query: Query | None
    prompt: Prompt
    spent: Spent
    degraded: list[str]
    trace_id: TraceId


class Citation(Contract, frozen=True, kw_only=True):
    """A verbatim part of a passage that an answer rests on, and its place in the document.

    Where a passage joins neighbouring chunks, `chunk_id` is the best one's, and the quote may stand in another of them.
    `suspicious` says that the passage, not the quote alone, addresses the model.
    """

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
    suspicious: bool = False


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
    rewritten_query: str | None
    model: str
    usage: Usage
    cached_embedding: bool
    degraded: list[str]
    trace_id: str
