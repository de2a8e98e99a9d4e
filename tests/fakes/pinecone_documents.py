"""The stand-in's document index: the documents operations of Pinecone's API 2026-07, on one schema.

The schema is the one that the project's adapter makes: a dense vector with the dotproduct metric and a string with
full-text search. A text shows in searches by words `text_lag` reads after the document does.
"""

import json
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.fakes.faulty_http import Request, Response
from tests.fakes.pinecone_document_filters import check_document_filter, matches_document
from tests.fakes.pinecone_namespace import Namespace
from tests.fakes.pinecone_text import TextIndex, tokens
from tests.fakes.pinecone_wire import Json, json_object, page, refused

AT_ONCE = 1_000
TOP_K = 10_000
TEXT_BYTES = 100_000
TEXT_TOKENS = 10_000
METADATA_BYTES = 40_960
RESULT_BYTES = 4 * 1024 * 1024
FIELD_NAME_BYTES = 64


@dataclass(frozen=True)
class StoredDocument:
    """A document as it is kept."""

    id: str
    fields: Mapping[str, Any]

    def wire(self, include: list[str] | None) -> Json:
        """Return the fields asked for, all of them for None."""
        return {"_id": self.id} | {
            name: list(value) if isinstance(value, array) else value
            for name, value in self.fields.items()
            if include is None or name in include
        }


@dataclass
class _Namespace:
    documents: Namespace[StoredDocument]
    texts: Namespace[StoredDocument]

    def write(self, apply: Callable[[Namespace[StoredDocument]], int]) -> dict[str, str]:
        apply(self.texts)
        return {"x-pinecone-request-lsn": str(apply(self.documents))}


@dataclass
class DocumentIndex:
    """One index; without `full_text_search`, its text field is an ordinary one."""

    dimension: int
    lag: int = 0
    text_lag: int = 0
    full_text_search: bool = True
    vector_field: str = "embedding"
    text_field: str = "passage"
    _namespaces: dict[str, _Namespace] = field(default_factory=dict)

    def put(self, namespace: str, document_id: str, fields: Json) -> None:
        """Store a document as some other program might have, visible at once and unchecked."""
        kept = dict(fields)
        if isinstance(kept.get(self.vector_field), list | array):
            kept[self.vector_field] = array("f", kept[self.vector_field])
        stored = StoredDocument(document_id, kept)
        held = self._namespace(namespace)
        held.documents.visible[document_id] = held.texts.visible[document_id] = stored

    def answer(self, request: Request) -> Response:
        _, _, namespace, _, operation = request.path.split("/")
        operations: dict[str, Callable[[str, Json], Response]] = {
            "upsert": self._upsert,
            "search": self._search,
            "fetch": self._fetch,
            "delete": self._delete,
            "list": self._list,
        }
        if operation not in operations:
            raise refused("Not Found", 404, 5)
        return operations[operation](unquote(namespace), json_object(request))

    def _upsert(self, name: str, body: Json) -> Response:
        documents = body.get("documents")
        if not isinstance(documents, list) or not 1 <= len(documents) <= AT_ONCE:
            raise refused(f"documents must number 1 to {AT_ONCE}")
        stored = [self._document(document) for document in documents]
        if len({document.id for document in stored}) < len(stored):
            raise refused("document ids must be unique within a request")
        headers = self._namespace(name).write(lambda log: log.store(stored))
        return Response.of_json({"upserted_count": len(stored)}, 202, headers)

    def _search(self, name: str, body: Json) -> Response:
        top_k, clauses, where = body.get("top_k"), body.get("score_by"), body.get("filter")
        if not isinstance(top_k, int) or not 1 <= top_k <= TOP_K:
            raise refused(f"top_k must be between 1 and {TOP_K}")
        if not isinstance(clauses, list) or len(clauses) != 1:
            raise refused("this stand-in takes one scoring clause")
        if where is not None:
            check_document_filter(where, self._data_fields)
        scored, headers = self._scored(name, clauses[0])
        found = [(score, item) for score, item in scored if where is None or matches_document(item.fields, where)]
        found.sort(key=lambda pair: (-pair[0], pair[1].id))
        include = body.get("include_fields") or []
        shown = [item.wire(None if "*" in include else include) | {"_score": score} for score, item in found[:top_k]]
        answer = self._of(name, {"matches": shown}, headers)
        if len(answer.body) > RESULT_BYTES:
            raise refused("the result exceeds 4MB: choose a lower top_k", code=11)
        return answer

    def _scored(self, name: str, clause: Any) -> tuple[list[tuple[float, StoredDocument]], dict[str, str]]:
        kind = clause.get("type") if isinstance(clause, dict) else None
        if kind == "dense_vector":
            if clause.get("field") != self.vector_field:
                raise refused("score_by names a field that the schema does not declare as dense_vector")
            vector = self._vector(clause.get("values"))
            documents, headers = self._seen(name, "documents")
            return [(_dot(vector, item.fields[self.vector_field]), item) for item in documents.values()], headers
        if kind == "text":
            if not self.full_text_search or clause.get("fields") != [self.text_field]:
                raise refused("score_by names a field without full_text_search in the schema")
            if not isinstance(clause.get("query"), str) or not clause["query"].strip():
                raise refused("query must not be empty")
            documents, headers = self._seen(name, "texts")
            texts = TextIndex({key: item.fields.get(self.text_field, "") for key, item in documents.items()})
            return [(score, documents[key]) for key, score in texts.scores(clause["query"]).items()], headers
        raise refused("this stand-in scores by dense_vector and text")

    def _fetch(self, name: str, body: Json) -> Response:
        ids, where, include = body.get("ids", []), body.get("filter"), body.get("include_fields") or ["*"]
        if bool(ids) == (where is not None):
            raise refused("exactly one of ids and filter is required")
        documents, headers = self._seen(name, "documents")
        following: Json = {}
        if where is not None:
            check_document_filter(where, self._data_fields)
            limit = body.get("limit", 100)
            if not isinstance(limit, int) or not 1 <= limit <= TOP_K:
                raise refused(f"limit must be between 1 and {TOP_K}")
            admitted = [item for item in documents.values() if matches_document(item.fields, where)]
            found, following = page(admitted, limit, body.get("pagination_token", ""))
        elif len(ids) > AT_ONCE:
            raise refused(f"ids must number 1 to {AT_ONCE}")
        else:
            found = [documents[key] for key in ids if key in documents]
        shown = {item.id: item.wire(None if "*" in include else include) for item in found}
        return self._of(name, {"documents": shown, **following}, headers)

    def _list(self, name: str, body: Json) -> Response:
        limit, prefix = body.get("limit", 100), body.get("prefix", "")
        if not isinstance(limit, int) or not 1 <= limit <= 100:
            raise refused("limit must be between 1 and 100")
        documents, headers = self._seen(name, "documents")
        listed = [item for item in documents.values() if item.id.startswith(prefix)]
        found, following = page(listed, limit, body.get("pagination_token", ""))
        return self._of(name, {"documents": [{"_id": item.id} for item in found], **following}, headers)

    def _delete(self, name: str, body: Json) -> Response:
        ids = body.get("ids")
        if name not in self._namespaces:
            raise refused("Namespace not found", 404, 5)
        if not isinstance(ids, list) or not 1 <= len(ids) <= AT_ONCE:
            raise refused(f"ids must number 1 to {AT_ONCE}: this stand-in deletes by id alone")
        return Response.of_json({}, 202, self._namespaces[name].write(lambda log: log.remove(ids)))

    @staticmethod
    def _of(name: str, answer: Json, headers: dict[str, str]) -> Response:
        return Response.of_json(answer | {"namespace": name, "usage": {"read_units": 1}}, headers=headers)

    @property
    def _data_fields(self) -> set[str]:
        return {self.vector_field, self.text_field} if self.full_text_search else {self.vector_field}

    def _namespace(self, name: str) -> _Namespace:
        return self._namespaces.setdefault(name, _Namespace(Namespace(self.lag), Namespace(self.lag + self.text_lag)))

    def _seen(self, name: str, log: str) -> tuple[Mapping[str, StoredDocument], dict[str, str]]:
        held = self._namespaces.get(name)
        if held is None:
            return {}, {}
        seen = {"documents": held.documents.read(), "texts": held.texts.read()}
        return seen[log][0], {"x-pinecone-max-indexed-lsn": str(seen["documents"][1])}

    def _document(self, document: Any) -> StoredDocument:
        document_id = document.get("_id") if isinstance(document, dict) else None
        if not isinstance(document_id, str) or not 1 <= len(document_id) <= 512 or not document_id.isascii():
            raise refused("_id must be 1 to 512 ASCII characters")
        fields = {name: value for name, value in document.items() if name != "_id"}
        fields[self.vector_field] = self._vector(fields.get(self.vector_field))
        text = fields.get(self.text_field, "")
        if not isinstance(text, str) or len(text.encode()) > TEXT_BYTES or len(tokens(text)) > TEXT_TOKENS:
            raise refused(f"{self.text_field} must be a string of at most 100 KB and 10,000 tokens")
        metadata = {name: value for name, value in fields.items() if name not in self._data_fields}
        for name, value in metadata.items():
            _check_field(name, value)
        if len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode()) > METADATA_BYTES:
            raise refused("the document's metadata exceeds 40 KB")
        return StoredDocument(document_id, fields)

    def _vector(self, values: Any) -> "array[float]":
        if not isinstance(values, list) or not all(isinstance(number, int | float) for number in values):
            raise refused(f"{self.vector_field} must be a list of numbers")
        if len(values) != self.dimension:
            raise refused(f"Vector dimension {len(values)} does not match the dimension of the field {self.dimension}")
        if not any(values):
            raise refused("Dense vectors must contain at least one non-zero value")
        return array("f", values)


def _check_field(name: str, value: Any) -> None:
    if name.startswith(("_", "$")) or not 1 <= len(name.encode()) <= FIELD_NAME_BYTES:
        raise refused(f"field names are 1 to {FIELD_NAME_BYTES} bytes and do not begin with _ or $")
    listed = isinstance(value, list) and all(isinstance(item, str) for item in value)
    if not listed and not isinstance(value, str | int | float):
        raise refused("a field must be a string, a number, a boolean or a list of strings")


def _dot(one: "array[float]", other: "array[float]") -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
