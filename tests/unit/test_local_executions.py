"""Map runs and task tokens of the local stack are looked for while other executions are just being started."""

from types import SimpleNamespace
from typing import Any

import pytest
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from ragctl.local.stepfunctions import begun_executions


def an_execution(status: str, worker: Any) -> Any:
    return SimpleNamespace(status=status, exec_worker=worker)


def test_an_execution_that_has_not_begun_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, accepted = an_execution("RUNNING", SimpleNamespace(env="its environment")), an_execution("RUNNING", None)
    parsing = an_execution("RUNNING", SimpleNamespace(env=None))
    backend = StepFunctionsParserBackend("us-east-1", "123456789012")
    monkeypatch.setattr(backend, "state_machines", [SimpleNamespace(executions=[accepted, parsing, begun])])

    assert begun_executions(backend) == [begun]
