"""The fields of both kinds of Pinecone index, which cannot be changed once it is made.

A vector index is read and written by the vectors API, a document index by the documents API, and neither takes the
other's calls. Which kind it is, its fields' names decide.
"""

from typing import Any, Final, Literal

from pinecone.models.indexes.index import IndexModel
from pinecone.models.indexes.schema import DenseVectorField, SparseVectorField, StringField

IndexKind = Literal["document", "vector"]

EMBEDDING: Final = "embedding"
PASSAGE: Final = "passage"

METRIC: Final = "dotproduct"  # of unit vectors it is the cosine, and the only one that takes sparse values too

# The two names by which the vectors API addresses dense and sparse values.
_DENSE, _SPARSE = "_values", "_sparse_values"


def schema_of(kind: IndexKind, dimensions: int, language: str) -> dict[str, Any]:
    """Return the schema of a new index; `language` is what a document index stems, such as "en"."""
    dense = {"type": "dense_vector", "dimension": dimensions, "metric": METRIC}
    if kind == "vector":
        return {"fields": {_DENSE: dense, _SPARSE: {"type": "sparse_vector"}}}
    analysis = {"language": language, "stemming": True}
    if language == "en":  # Pinecone has stop words for some languages only, and refuses them for the others
        analysis["stop_words"] = True
    return {"fields": {EMBEDDING: dense, PASSAGE: {"type": "string", "full_text_search": analysis}}}


def unfit(index: IndexModel, kind: IndexKind, dimensions: int) -> str | None:
    """Return what keeps an index from being used, or None if it has the fields of its kind."""
    fields = index.schema.fields
    if kind == "vector":
        if not fields.keys() <= {_DENSE, _SPARSE}:
            return "a document index"
        if not isinstance(fields.get(_SPARSE), SparseVectorField):
            return "without sparse values, and so cannot be searched by words"
    else:
        if fields.keys() <= {_DENSE, _SPARSE}:
            return "a vector index"
        passage = fields.get(PASSAGE)
        if not isinstance(passage, StringField) or passage.full_text_search is None:
            return f"without full-text search in the field {PASSAGE}"
    dense = fields.get(_DENSE if kind == "vector" else EMBEDDING)
    if not isinstance(dense, DenseVectorField) or (dense.dimension, dense.metric) != (dimensions, METRIC):
        return f"not one with a dense field of {dimensions} dimensions and the metric {METRIC}"
    return None
