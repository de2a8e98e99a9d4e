"""Everything that the system does for its users, once each, so that every role makes the calls that it exists for."""

import json
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rag.batches.lines import question_in
from rag.batches.staged import PART_NAME, results_key
from rag.index_pointer import IndexTarget
from ragctl import ingesting, wiring
from ragctl.api.finding import client_of
from ragctl.api.model import Batch, Question
from ragctl.asking import Asker
from ragctl.batching import BatchAsker, Line
from ragctl.cli import app
from ragctl.deployment import Deployment
from ragctl.failure import Failure
from tests.integration.ingestion_site import IngestionSite

LEAVE = "How many days of paid leave does an employee have?"
HISTORY = [{"role": "user", "content": LEAVE}, {"role": "assistant", "content": "25 days [1]."}]
TENANT = "default"
EVENTS = Path(__file__).parents[2] / "events"


@dataclass(frozen=True)
class Usage:
    """Uses a stack of its own, with files in a directory of its own."""

    stack: Deployment
    directory: Path

    def all(self) -> None:
        """Do everything."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RAG_ENDPOINT", str(self.stack.endpoint))
            self.documents_one_by_one()
            self.a_model_that_refuses()
            patch.setattr(ingesting, "_FEW_FILES", 0)
            self.documents_in_bulk()
            self.a_model_that_refuses()
            self.questions()
            self.batches()
            self.another_model()
            self.the_api()
            self.callers_without_claims()
            self.samples()
            self.what_comes_again_or_late()
            self.examinations()

    def documents_one_by_one(self) -> None:
        """Put, change, regroup, break and delete documents and files of records, by command and by event."""
        leave, records = self._file("leave.md", _of_days(25)), self._records("rivers.jsonl", "Rhine", "Danube")
        self._rag("ingest", leave, records)
        self._rag("ingest", self._file("leave.md", _of_days(27)), "--group", "hr")
        self._rag("ingest", self._records("rivers.jsonl", "Danube"), "--group", "hr")
        self._rag("ingest", self._file("broken.pdf", "%PDF-1.7\n"))
        self._rag("ingest", "--retry-failed")
        self._rag("documents", "reindex", "--all")
        self._rag("documents", "delete", "leave.md", "--yes")
        self._rag("documents", "delete", "rivers.jsonl", "--yes")
        site = IngestionSite(self.stack)
        events = [site.put(TENANT, "event.md", _of_days(25)), site.put_sidecar(TENANT, "event.md", "hr")]
        events += [site.delete(TENANT, "event.md"), site.put(TENANT, "no.pdf", "%PDF-1.7\n")]
        site.finished(*map(site.start, events))

    def documents_in_bulk(self) -> None:
        """Do the same with the machine for many."""
        leave, records = self._file("leave.md", _of_days(25)), self._records("rivers.jsonl", "Rhine", "Danube")
        broken = self._file("broken.pdf", "%PDF-1.7\n")
        self._rag("ingest", leave, records, broken)
        self._rag("ingest", leave, records, broken, "--group", "hr")
        self._rag("ingest", leave, self._records("rivers.jsonl", "Danube"), "--metadata", "year=2026")
        self._rag("documents", "reindex", "--all")

    def questions(self) -> None:
        """Ask in every mode, twice for the cache, with a history and with an error."""
        asker = Asker(self.stack)
        for mode in ("hybrid", "dense", "lexical", "pruned", "dense"):
            asker.ask({"query": LEAVE, "groups": ["hr"], "mode": mode})
        asker.ask({"query": "And in the first year?", "groups": ["hr"], "history": HISTORY})
        client, express = self.stack.client("stepfunctions"), self.stack.output("ExpressStateMachineArn")
        client.start_sync_execution(stateMachineArn=express, input=json.dumps({"query": LEAVE}))

    def batches(self) -> None:
        """Ask a few questions at once, and the questions of a file."""
        for count in (3, 120):
            contents = [json.dumps(f"{LEAVE} {number}").encode() for number in range(count)]
            lines = [Line(content, question_in(content, number)) for number, content in enumerate(contents, 1)]
            BatchAsker(self.stack).ask(lines, {"groups": ["hr"]})

    def another_model(self) -> None:
        """Move to another embedding model and back."""
        for dimensions in (128, 256):
            self._rag("reindex", "--model", f"wordllama-{dimensions}", "--dimensions", dimensions)

    def a_model_that_refuses(self) -> None:
        """Ingest while each document is to be embedded with a model that nobody serves."""
        pointer = wiring.pointer(self.stack)
        pointer.store(replace(pointer.read(), next=IndexTarget(model="no-such-model", dimensions=64)))
        self._rag("ingest", self._file("leave.md", _of_days(31)))
        self._rag("ingest", self._records("rivers.jsonl", "Elbe"))
        site = IngestionSite(self.stack)
        site.finished(site.start(site.put(TENANT, "lakes.jsonl", self._records("lakes.jsonl", "Eibsee").read_text())))
        self._rag("reindex", "--abort")
        self._rag("ingest", "--retry-failed")

    def the_api(self) -> None:
        """Call every route."""
        token = json.loads(self._rag("token", "--writer", "--group", "hr", "--json").stdout)["token"]
        with client_of(self.stack, token=token) as client:
            client.upload("over/http.md", _of_days(33).encode())
            client.answer(Question(query=LEAVE))
            client.wait(client.start(Question(query=LEAVE), "a-key").id)
            for _ in range(2):
                batch = client.start_batch(Batch(queries=[LEAVE]), "a-key")
            client.wait_for_batch(batch.id)
            large = client.start_batch(Batch(queries=[f"{LEAVE} {number} {'x ' * 900}" for number in range(100)])).id
            client.wait_for_batch(large)
            client.batch_results(large)
            wiring.objects(self.stack).delete([results_key(TENANT, large)])
            [document, *_] = client.documents().documents
            client.document(document.document_id)
            client.delete_document(document.document_id)
            for refused in (
                lambda: client.batch_results(large),
                lambda: client.upload("rivers.jsonl", b"{}"),
                lambda: client.delete_document("rivers.jsonl"),
            ):
                with suppress(Failure):
                    refused()

    def callers_without_claims(self) -> None:
        """Have those looked up in the table of principals who call by IAM or with an API key."""
        caller = {"id": "key/somebody", "asked_at": str(int(time.time()))}
        client, express = self.stack.client("stepfunctions"), self.stack.output("ExpressStateMachineArn")
        for known in ({}, {"principal": {"tenant": TENANT, "groups": []}}):
            request = {"body": {"query": LEAVE}, "caller": {**caller, **known}}
            client.start_sync_execution(stateMachineArn=express, input=json.dumps(request))

    def samples(self) -> None:
        """Give each function its sample event: most tell of work of which nothing is staged."""
        for event in EVENTS.glob("*.json"):
            self._invoke(event.stem, event)

    def what_comes_again_or_late(self) -> None:
        """Have work done again that an earlier attempt left half done, and fail work that another one overtook."""
        site = IngestionSite(self.stack)
        objects, prefix = wiring.objects(self.stack), f"staging/{TENANT}/sample-ingest"
        objects.write(f"staging/{TENANT}/again/documents-00000.json", b"[]")
        site.begin(site.put(TENANT, "again.md", _of_days(29)), "again")
        overtaken = {"document_id": "again.md", "turn": 1, "version": "0-overtaken", "chunks": 1}
        objects.write(f"{prefix}/versions.json", json.dumps([overtaken]).encode())
        self._invoke("fail_document", EVENTS / "fail_document.json")
        self._invoke("copy_chunks", EVENTS / "copy_chunks.json")
        of_records = {
            **json.loads((EVENTS / "fail_document.json").read_text()),
            "work": None,
            "input": site.put(TENANT, "late.jsonl", "{}"),
        }
        self._invoke("fail_document", self._file("late.json", json.dumps(of_records)))
        part = {"part": f"batches/{TENANT}/no-such-batch/{PART_NAME}", "trace_id": "late"}
        self._invoke("embed_batch", self._file("part.json", json.dumps(part)))
        live = [entry.document_id for entry in site.entries(TENANT) if entry.live_version]
        copy = {"run": "late", "number": 0, "tenant": TENANT, "copy": {"documents": live[:1]}}
        machine = self.stack.output("IngestStateMachineArn")
        started = self.stack.client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(copy))
        site.finished(started["executionArn"])

    def examinations(self) -> None:
        """Compare registry and index when they differ, and mend that."""
        index = wiring.index_of(self.stack)(wiring.pointer(self.stack).read().live)
        index.delete(TENANT, list(index.ids(TENANT))[:1])
        self._invoke("doctor", EVENTS / "doctor.json")
        self._rag("doctor", "--fix")

    def _invoke(self, name: str, event: Path) -> None:
        function = "".join(word.title() for word in name.split("_"))
        self._rag("invoke", f"{function}Function", "--event", event)

    def _rag(self, *arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    def _file(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text)
        return path

    def _records(self, name: str, *rivers: str) -> Path:
        records = [{"_id": river, "text": f"The {river} is {len(river)},230 km long."} for river in rivers]
        return self._file(name, "".join(f"{json.dumps(record)}\n" for record in records))


def _of_days(days: int) -> str:
    return f"# Leave policy\n\nEvery employee has {days} days of paid leave per year.\n"
