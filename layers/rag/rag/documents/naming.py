"""Ids of documents: which ones can be stored, and how they are shown."""

from rag.errors import UnreadableDocument
from rag.identity import MAX_ID_BYTES, NOT_PRINTING, prints


def check_id(document_id: str) -> None:
    """Refuse an id that could be stored and then never be named again.

    Raises:
        UnreadableDocument: it is empty, too long, or holds characters that do not print.
    """
    if not document_id.strip() or not all(map(prints, document_id)):
        raise UnreadableDocument("Its id is empty or holds control characters or others that do not print.")
    if len(document_id.encode()) > MAX_ID_BYTES:
        raise UnreadableDocument(f"Its id is longer than {MAX_ID_BYTES} bytes.")


def printable(document_id: str) -> str:
    """Return the id as it can be shown and logged."""
    shown = "".join(character if prints(character) else NOT_PRINTING for character in document_id)
    return shown if len(shown) <= MAX_ID_BYTES else shown[:MAX_ID_BYTES] + "…"
