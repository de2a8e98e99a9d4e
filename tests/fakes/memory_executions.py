"""The Executions and Standings ports in a dictionary: like Step Functions, a name is one input's for good."""

import json
from collections.abc import Mapping
from typing import Any

from rag.http.executions import Standing


class MemoryExecutions:
    """Keeps what was started; nothing runs. `ended` are those that are over, by name."""

    def __init__(self) -> None:
        self.started: dict[str, dict[str, Any]] = {}
        self.ended: dict[str, tuple[str, Mapping[str, Any] | None]] = {}

    def start(self, name: str, given: Mapping[str, Any]) -> bool:
        copied = json.loads(json.dumps(given))
        if name in self.started and (name in self.ended or self.started[name] != copied):
            return False
        self.started[name] = copied
        return True

    def end(self, name: str, status: str = "SUCCEEDED", output: Mapping[str, Any] | None = None) -> None:
        self.ended[name] = (status, output)

    def standing(self, name: str) -> Standing | None:
        given = self.started.get(name)
        return None if given is None else Standing(given, *self.ended.get(name, ("RUNNING", None)))

    def given(self, name: str) -> Mapping[str, Any] | None:
        return self.started.get(name)
