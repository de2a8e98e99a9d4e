"""Documents into chunks: overlapping, counted in tokens, cut where the text's structure allows it."""

import hashlib
import json
from collections.abc import Sequence
from typing import Final, NamedTuple

from semantic_text_splitter import MarkdownSplitter

from rag.documents.document import Document
from rag.documents.headings import HeadingPaths
from rag.errors import InvalidRequest
from rag.identity import chunk_id
from rag.inline_markup import hidden
from rag.models import Chunk
from rag.tokens import MODEL, count_tokens

DEFAULT_SIZE: Final = 200  # tokens: a paragraph or two, so that a passage answers one question and is cheap to send
DEFAULT_OVERLAP: Final = 40  # tokens: a sentence or two, so that one that is cut here is whole in the next chunk
SMALLEST: Final = 16  # tokens: a single character may take several, and less than this says nothing

_RESERVE: Final = 0.05  # part of a chunk's size that is kept for a heading which would otherwise stand alone


class _Piece(NamedTuple):
    start: int
    end: int
    heading: str
    tokens: int


class Chunker:
    """Splits documents along headings, paragraphs, table rows and sentences, the largest units that fit."""

    def __init__(self, size: int = DEFAULT_SIZE, overlap: int = DEFAULT_OVERLAP) -> None:
        if size < SMALLEST or not 0 <= overlap <= size // 2:
            raise InvalidRequest(f"A chunk's size is at least {SMALLEST} tokens, and its overlap at most half of it.")
        self._size = size
        capacity = size - int(size * _RESERVE)
        self._splitter = MarkdownSplitter.from_tiktoken_model(MODEL, capacity, min(overlap, capacity - 1))
        self._without_overlap = MarkdownSplitter.from_tiktoken_model(MODEL, capacity)

    def split(self, tenant: str, documents: Sequence[Document]) -> list[list[Chunk]]:
        """Return each document's chunks; their `text` is a slice of the document's, from `start` to `end`."""
        cuts = self._cuts([hidden(document.text) for document in documents])
        return [
            _chunks(tenant, document, self._pieces(document.text, cut))
            for document, cut in zip(documents, cuts, strict=True)
        ]

    def _cuts(self, texts: list[str]) -> list[list[tuple[int, str]]]:
        """Return where the splitter cuts each text. Where overlaps make it panic, which is rare, there are none."""
        try:
            return self._splitter.chunk_all_indices(texts)
        except BaseException as error:  # a panic is no Exception, and its class cannot be imported
            if type(error).__name__ != "PanicException":
                raise
        if len(texts) == 1:
            return self._without_overlap.chunk_all_indices(texts)
        return [cuts for text in texts for cuts in self._cuts([text])]

    def _pieces(self, text: str, cuts: list[tuple[int, str]]) -> list[_Piece]:
        headings = HeadingPaths(text)
        spans: list[tuple[int, int]] = []
        for start, part in cuts:
            if not part.strip():  # the splitter holds fewer characters for white space than Python does
                continue
            end = start + len(part)
            if spans and headings.cover(*spans[-1]) and self._fits(text[spans[-1][0] : end]):
                start = min(spans.pop()[0], start)  # noqa: PLW2901 # a heading alone says nothing: it joins its text
            spans.append((start, end))
        pieces = (piece for span in spans for piece in self._within_size(text, *span))
        return [_Piece(start, end, headings.above(start), tokens) for start, end, tokens in pieces]

    def _fits(self, text: str) -> bool:
        return count_tokens(text) <= self._size

    def _within_size(self, text: str, start: int, end: int) -> list[tuple[int, int, int]]:
        """Return the span with its tokens, or, where it has too many, its halves, cut at white space if there is any.

        The splitter counts the text that it is shown, and what hides markup may take fewer tokens than the markup.
        """
        tokens = count_tokens(text[start:end])
        if tokens <= self._size:
            return [(start, end, tokens)] if text[start:end].strip() else []
        middle = (start + end) // 2
        cut = max(text.rfind(" ", start + 1, middle), text.rfind("\n", start + 1, middle))
        middle = middle if cut == -1 else cut
        return [*self._within_size(text, start, middle), *self._within_size(text, middle, end)]


def _chunks(tenant: str, document: Document, pieces: list[_Piece]) -> list[Chunk]:
    version = _version(document, pieces)
    return [
        Chunk(
            chunk_id=chunk_id(tenant, document.document_id, version, ordinal),
            document_id=document.document_id,
            version=version,
            ordinal=ordinal,
            title=document.title,
            source=document.source,
            text=document.text[piece.start : piece.end],
            tokens=piece.tokens,
            start=piece.start,
            end=piece.end,
            heading=piece.heading,
            groups=document.groups,
            metadata=document.metadata,
        )
        for ordinal, piece in enumerate(pieces)
    ]


def _version(document: Document, pieces: list[_Piece]) -> str:
    """Return a digest of all that the chunks are made of, where they were cut included: 32 hex digits.

    Whatever moves a cut (the sizes, a newer splitter) thereby makes a new version, and whatever does not, does not.
    """
    parts = [
        document.title,
        document.source,
        sorted(set(document.groups)),
        dict(document.metadata),
        document.text,
        pieces,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
