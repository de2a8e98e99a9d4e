"""What an examination of the index found, for people and for programs."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from rag.ingestion.examination import KINDS, Examination, Finding, Kind
from ragctl.rendering import counted, printable
from ragctl.retrying import on_their_way_line

_SHOWN: Final = 20  # of a kind

_MEANINGS: Final[dict[Kind, str]] = {
    "orphan": "chunks in the index that no version of a document has",
    "missing": "chunks that readers should see and the index lacks",
    "unfilled": "chunks that the next collection still lacks: a reindexing is under way, or was broken off",
    "stuck": "documents that have not got on for too long",
    "unreaped": "documents with versions that nobody needs any more",
}


def diagnosis_object(
    found: Examination, before: Examination | None, failures: Sequence[dict[str, str]], on_their_way: int
) -> dict[str, Any]:
    """Return what was found, and what was found before it was mended, as plain objects."""
    findings = msgspec.to_builtins(found.findings)
    told: dict[str, Any] = {"ok": found.ok, **_counts(found), "on_their_way": on_their_way, "findings": findings}
    return told if before is None else {**told, "before": _counts(before), "failures": list(failures)}


def diagnosis_lines(
    found: Examination,
    before: Examination | None,
    failures: Sequence[dict[str, str]],
    on_their_way: int,
    patience_minutes: int,
) -> Iterator[str]:
    """Yield what was found, and what to do, as lines of text."""
    yield f"Tenants: {found.tenants:,}. Documents: {found.documents:,}. Chunks in the index: {found.chunks:,}."
    if before is not None and not before.ok:
        yield "Found at first:"
        yield from _table(before)
        yield ""
    if found.ok:
        yield "Registry and index agree." if before is None or before.ok else "Mended: registry and index agree."
    else:
        yield "Still wrong:" if before is not None else "Found:"
    yield from _table(found)
    for failure in failures:
        name, reason = printable(failure["document_id"]), printable(failure["reason"])
        yield f"failed: {name} ({failure['tenant']}): {reason}"
    if on_their_way:
        yield f"{on_their_way_line(on_their_way, patience_minutes)} --patience sets how long that is."
    if not found.ok:
        yield _advice(mended=before is not None)


def _counts(found: Examination) -> dict[str, int]:
    return {
        "tenants": found.tenants,
        "documents": found.documents,
        "chunks": found.chunks,
        "orphans": found.orphans,
        "missing": found.missing,
        "unfilled": found.unfilled,
        "stuck": found.stuck,
        "unreaped": found.unreaped,
    }


def _table(found: Examination) -> Iterator[str]:
    counts: dict[Kind, int] = {
        "orphan": found.orphans,
        "missing": found.missing,
        "unfilled": found.unfilled,
        "stuck": found.stuck,
        "unreaped": found.unreaped,
    }
    for kind in KINDS:
        if counts[kind]:
            yield f"{kind:9}{counts[kind]:>8,}  {_MEANINGS[kind]}"
            listed = found.of(kind)
            yield from (f"{'':19}{_line(finding)}" for finding in listed[:_SHOWN])
            if len(listed) > _SHOWN:
                yield f"{'':19}and more (--json lists {len(listed):,})"


def _line(finding: Finding) -> str:
    chunks = f", {counted(finding.chunks, 'chunk')}" if finding.chunks else ""
    where = f" in {finding.collection}" if finding.collection else ""
    detail = f": {finding.detail}" if finding.detail else ""
    return f"{printable(finding.document_id)} ({finding.tenant}{chunks}{where}){detail}"


def _advice(*, mended: bool) -> str:
    if mended:
        return "What is left needs you: see each document with rag documents show, upload it again or delete it."
    return "rag doctor --fix mends this."
