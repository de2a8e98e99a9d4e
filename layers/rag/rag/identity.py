"""Identities that are computed, not stored: chunk ids, versions, cache keys."""

import hashlib


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
