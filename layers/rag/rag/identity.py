"""Identities that are computed, not stored: a file's document id, chunk ids, versions, cache keys."""

import hashlib
import unicodedata
from typing import Final

MAX_ID_BYTES: Final = 1_024  # of a document's id, as S3 has it for keys
NOT_PRINTING: Final = "\ufffd"

_JOINERS: Final = "\u200c\u200d"  # of letters in Persian and Hindi, and of emoji: no name without them is the same


def nameable(name: str) -> str:
    """Return a file's name as an id that can be stored and named; it is the name itself where that can be."""
    shown = "".join(character if prints(character) else NOT_PRINTING for character in name)
    shown = shown if shown.strip() else NOT_PRINTING * len(shown)
    return shown.encode()[:MAX_ID_BYTES].decode(errors="ignore")


def prints(character: str) -> bool:
    """Tell whether a character can be shown: also a space of another width, as macOS has it in names of its own."""
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"


def chunk_id(tenant: str, document_id: str, version: str, ordinal: int) -> str:
    """Return the primary key of a chunk: 32 hex digits, unique over all tenants."""
    return _digest(tenant, document_id, version, str(ordinal))[:32]


def embedding_key(tenant: str, endpoint: str, model: str, dimensions: int, text: str) -> str:
    """Return the cache key of a text's vector. The tenant is in it, so that nobody can probe what others asked."""
    return _digest(tenant, endpoint, model, str(dimensions), text)


def collection_name(model: str, dimensions: int) -> str:
    """Return the name that a model's index has in Milvus: letters, digits and underscores."""
    slug = "".join(character if character.isascii() and character.isalnum() else "_" for character in model.lower())
    return f"rag_{slug}_{dimensions}"


def _digest(*parts: str) -> str:
    joined = "".join(f"{len(part)}:{part}" for part in parts)  # lengths keep ("a", "bc") apart from ("ab", "c")
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()
