"""What tests do with the ingestion of a stack: change the bucket, deliver events as often as they like, look around."""

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from threading import Event as Pause
from typing import Any, Final

import msgspec

from rag.index_pointer import IndexTarget
from rag.models import IndexedChunk
from rag.objects import SIDECAR_SUFFIX
from rag.ports import ChunkIndex, ObjectStore, Registry
from rag.registration import Registration
from ragctl import wiring
from ragctl.deployment import Deployment

Event = dict[str, Any]

_GUARD_SECONDS: Final = 120.0  # only a failing test waits this long
_LOOK_SECONDS: Final = 0.05
_EMPTY_ETAG: Final = "d41d8cd98f00b204e9800998ecf8427e"  # of a delete marker, which moto makes only of what was there
_sequence = count(time.time_ns())
_VERSION: Final = re.compile(r'"(\d+)-[0-9a-f]{12}"')
_OF_ONE_RUN: Final = ("revision", "turn", "origin", "recent", "object_version", "created_at", "updated_at")


@dataclass(frozen=True)
class IngestionSite:
    """A stack whose bucket starts nothing by itself: each event is delivered by the test."""

    stack: Deployment

    def quieten(self) -> None:
        """Disable the stack's rules."""
        events = self.stack.client("events")
        for rule in events.list_rules()["Rules"]:
            events.disable_rule(Name=rule["Name"])

    @cached_property
    def bucket(self) -> str:
        """The name of the documents' bucket."""
        return self.stack.output("DocumentsBucketName")

    @cached_property
    def _s3(self) -> Any:
        return self.stack.client("s3", max_pool_connections=32)

    @cached_property
    def _states(self) -> Any:
        return self.stack.client("stepfunctions", max_pool_connections=32)

    @cached_property
    def _functions(self) -> Any:
        return self.stack.client("lambda", max_pool_connections=32)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return {
            name: self.stack.function_name(name) for name in ("EmbedFunction", "SearchFunction", "ReadDocumentFunction")
        }

    @cached_property
    def _registries(self) -> list[Registry]:
        return [wiring.registry(self.stack, "document"), wiring.registry(self.stack, "file")]

    @cached_property
    def _objects(self) -> ObjectStore:
        return wiring.objects(self.stack)

    @cached_property
    def target(self) -> IndexTarget:
        """The live collection."""
        return wiring.pointer(self.stack).read().live

    @cached_property
    def index(self) -> ChunkIndex:
        """The live collection's chunks."""
        return wiring.index_of(self.stack)(self.target)

    def put(self, tenant: str, path: str, text: str) -> Event:
        """Put a document and return the event of it."""
        key = f"documents/{tenant}/{path}"
        stored = self._s3.put_object(Bucket=self.bucket, Key=key, Body=text.encode())
        return self._event("Object Created", key, stored["VersionId"], stored["ETag"].strip('"'))

    def put_sidecar(self, tenant: str, path: str, *groups: str) -> Event:
        """Put a document's sidecar and return the event of it."""
        said = {"metadataAttributes": {"groups": list(groups), "year": 2026}}
        return self.put(tenant, path + SIDECAR_SUFFIX, json.dumps(said))

    def delete(self, tenant: str, path: str) -> Event:
        """Delete a document and return the event of it."""
        key = f"documents/{tenant}/{path}"
        marker = self._s3.delete_object(Bucket=self.bucket, Key=key)
        return self._event("Object Deleted", key, marker.get("VersionId", ""), _EMPTY_ETAG)

    def start(self, event: Event, name: str = "") -> str:
        """Deliver an event, and return the ARN of the execution that it starts, of this name or of any."""
        machine, named = self.stack.output("IngestStateMachineArn"), {"name": name} if name else {}
        started = self._states.start_execution(stateMachineArn=machine, input=json.dumps(event), **named)
        return str(started["executionArn"])

    def status(self, execution: str) -> str:
        """Return the status of an execution, such as RUNNING."""
        return str(self._states.describe_execution(executionArn=execution)["status"])

    def finished(self, *executions: str) -> list[str]:
        """Return how executions ended."""
        give_up, pause = time.monotonic() + _GUARD_SECONDS, Pause()
        statuses = []
        for execution in executions:
            while (status := self.status(execution)) == "RUNNING":
                assert time.monotonic() < give_up, "an execution does not end"
                pause.wait(_LOOK_SECONDS)
            statuses.append(status)
        return statuses

    def deliver(self, *events: Event) -> None:
        """Deliver events one after the other, each to its end."""
        for event in events:
            assert self.finished(self.start(event)) == ["SUCCEEDED"]

    def begin(self, event: Event, name: str) -> None:
        """Do of an execution of this name the first state alone."""
        self._invoke("ReadDocumentFunction", {"input": event, "trace_id": name})

    def found(self, tenant: str, query: str = "rule", groups: Iterable[str] = ()) -> dict[str, frozenset[str]]:
        """Ask the query path's first two functions, and return the texts of each document that they find."""
        request = {
            "query": query,
            "rewritten_query": None,
            "question": query,
            "phrasings": [],
            "tenant": tenant,
            "groups": list(groups),
            "top_k": 100,
            "filter": None,
            "mode": "dense",
        }
        search = {"request": request, "embedding": self._embedded(query), "degraded": [], "trace_id": "looking"}
        answer = self._invoke("SearchFunction", search)
        documents: dict[str, frozenset[str]] = {}
        for passage in answer["passages"]:
            name = passage["document_id"]
            assert passage["text"] not in documents.get(name, ()), "a passage is found once"
            documents[name] = documents.get(name, frozenset()) | {passage["text"]}
        return documents

    def entries(self, tenant: str) -> list[Registration]:
        """Return what the registry knows of a tenant's documents, and of the files that hold several."""
        return [entry for registry in self._registries for entry in registry.documents(tenant)]

    def chunks(self, tenant: str) -> list[IndexedChunk]:
        """Return all that the index holds of a tenant."""
        return list(self.index.fetch(tenant, list(self.index.ids(tenant))))

    def staged(self, tenant: str) -> list[str]:
        """Return the keys of what is staged for a tenant."""
        return [info.key for info in self._objects.list(f"staging/{tenant}/")]

    def outcome(self, tenant: str) -> dict[str, Any]:
        """Return registry and index without what differs from run to run: names, times, and how often it was tried."""
        entries = [msgspec.to_builtins(entry) for entry in self.entries(tenant)]
        for entry in entries:
            for name in _OF_ONE_RUN:
                del entry[name]
            entry["seen"] = sorted(entry["seen"])
        chunks = [
            (
                one.chunk.document_id,
                one.chunk.version,
                one.chunk.ordinal,
                one.chunk.text,
                one.chunk.readers,
                dict(one.chunk.metadata),
            )
            for one in self.chunks(tenant)
        ]
        plain = json.dumps({"registry": entries, "index": sorted(chunks, key=lambda one: one[:3])}, sort_keys=True)
        outcome: dict[str, Any] = json.loads(_VERSION.sub(r'"turn \1"', plain.replace(tenant, "TENANT")))
        return outcome

    def _embedded(self, query: str) -> dict[str, Any]:
        if query not in self._embeddings:
            answer = self._invoke("EmbedFunction", {"request": {"query": query}, "trace_id": "looking"})
            self._embeddings[query] = answer["embedding"]
        return self._embeddings[query]

    @cached_property
    def _embeddings(self) -> dict[str, dict[str, Any]]:
        return {}

    def _invoke(self, function: str, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._functions.invoke(FunctionName=self._names[function], Payload=json.dumps(request).encode())
        result: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, result
        return result

    def _event(self, kind: str, key: str, version_id: str, etag: str) -> Event:
        stored = {"key": key, "sequencer": f"{next(_sequence):016X}", "version-id": version_id, "etag": etag}
        return {"detail-type": kind, "detail": {"bucket": {"name": self.bucket}, "object": stored}}
