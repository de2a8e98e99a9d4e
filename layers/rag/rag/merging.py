"""Neighbouring passages of one document, joined to one that reads on where the first one ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from rag.models import Candidate, Chunk


@dataclass(frozen=True, slots=True)
class _Run:
    """One or more passages that were joined: the text so far, and the best of them with its rank."""

    rank: int
    best: Candidate
    joined: Chunk


def merged(candidates: Sequence[Candidate], most_tokens: int) -> list[Candidate]:
    """Return the candidates, best first, with those joined that overlap or touch in a document.

    A joined one has about `most_tokens` tokens at most (the shares of the parts are summed up), lies on one page, and
    its text is the document's from its `start` to its `end`. Key, heading, scores and rank are those of the best part.
    Where offsets and texts do not fit together, nothing is joined.
    """
    runs: list[_Run] = []
    for rank, candidate in sorted(enumerate(candidates), key=lambda ranked: (_place(ranked[1].chunk), ranked[0])):
        longer = _joined(runs[-1].joined, candidate.chunk) if runs else None
        if longer is None or longer.tokens > most_tokens:
            runs.append(_Run(rank, candidate, candidate.chunk))
        elif rank < runs[-1].rank:
            runs[-1] = _Run(rank, candidate, longer)
        else:
            runs[-1] = replace(runs[-1], joined=longer)
    return [_candidate(run) for run in sorted(runs, key=lambda run: run.rank)]


def _place(chunk: Chunk) -> tuple[str, str, int, int, int]:
    return chunk.document_id, chunk.version, chunk.page or 0, chunk.start, chunk.end


def _joined(first: Chunk, second: Chunk) -> Chunk | None:
    """Return the first one with what the second adds at its end, or None where they do not belong together."""
    places = [(chunk.document_id, chunk.version, chunk.page) for chunk in (first, second)]
    lengths_fit = all(len(chunk.text) == chunk.end - chunk.start for chunk in (first, second))
    if places[0] != places[1] or not lengths_fit or not first.start <= second.start <= first.end:
        return None
    shared = min(first.end, second.end) - second.start
    if first.text[second.start - first.start :][:shared] != second.text[:shared]:
        return None
    added = second.text[shared:]
    tokens = ceil(second.tokens * len(added) / max(1, len(second.text)))
    return replace(
        first, text=first.text + added, end=first.start + len(first.text) + len(added), tokens=first.tokens + tokens
    )


def _candidate(run: _Run) -> Candidate:
    joined, best = run.joined, run.best.chunk
    return replace(
        run.best, chunk=replace(best, text=joined.text, start=joined.start, end=joined.end, tokens=joined.tokens)
    )
