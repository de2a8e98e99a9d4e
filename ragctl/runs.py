"""Bulk runs: a manifest, an execution of the bulk machine, and the results that it writes as it goes."""

import json
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from rag.index_pointer import IndexTarget
from rag.ingestion.contracts import RunSummary
from rag.ingestion.results import Report, read_results
from rag.objects import RUNS, ObjectInfo
from rag.ports import ObjectStore
from ragctl.failure import Failure
from ragctl.load_report import LoadReport
from ragctl.machines import complaint
from ragctl.progress import Show


def run_name() -> str:
    """Return a name for a new run; names sort by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


class Starts(Protocol):
    """What is asked of the bulk machine."""

    @property
    def pause(self) -> float:
        """Seconds between looks."""
        ...

    def start(self, request: Mapping[str, Any], name: str) -> str:
        """Start an execution and return its ARN."""
        ...

    def described(self, execution: str) -> Mapping[str, Any]:
        """Return an execution's description."""
        ...


@dataclass
class Run:
    """One run of the bulk machine, whose report is kept up to date."""

    objects: ObjectStore
    machine: Starts
    report: LoadReport
    show: Show
    name: str = field(default_factory=run_name)
    _read: set[str] = field(default_factory=set)

    def over(self, objects: Iterable[ObjectInfo]) -> None:
        """Ingest these objects, and return when the run has ended; the report tells how.

        Raises:
            Failure: the run as a whole failed.
        """
        manifest = f"{RUNS}{self.name}/manifest.jsonl"
        lines = (json.dumps({"key": one.key, "size": one.size, "etag": one.etag}) for one in objects)
        self.objects.write(manifest, "".join(f"{line}\n" for line in lines).encode())
        self._carry_out({"tenant": self.report.tenant, "manifest": manifest})

    def copying(self, target: IndexTarget, tenant: str | None) -> None:
        """Copy what is live into another collection, of one tenant or of all, and return when the run has ended.

        Raises:
            Failure: the run as a whole failed.
        """
        wanted = {"model": target.model, "dimensions": target.dimensions, "host": target.host}
        self._carry_out({"reindex": wanted} | ({"tenant": tenant} if tenant else {}))

    def _carry_out(self, request: Mapping[str, Any]) -> None:
        self.report.run = self.name
        execution = self.machine.start({"run": self.name, **request}, self.name)
        self.report.begun = True
        while (described := self.machine.described(execution))["status"] == "RUNNING":
            self._take_new()
            self.show(self.report)
            time.sleep(self.machine.pause)
        self.report.forget()  # results that were written twice count once, in the order of their steps
        for _, _, told in read_results(self.objects, self.name):
            self._take(told)
        if described["status"] != "SUCCEEDED":
            raise Failure(f"The run {self.name} failed: {complaint(described)}")
        self.report.conclude(msgspec.json.decode(described["output"], type=RunSummary))
        self.show(self.report)

    def _take_new(self) -> None:
        """Take up the results that were written since the last look."""
        for info in self.objects.list(f"{RUNS}{self.name}/results/"):
            if info.key not in self._read and (content := self.objects.read(info.key)):
                self._read.add(info.key)
                self._take(msgspec.json.decode(content.data, type=Report))

    def _take(self, told: Report) -> None:
        self.report.spent += told.spent
        for result in told.documents:
            if result.status != "staged":
                self.report.add(result)
