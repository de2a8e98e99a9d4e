"""What moto's Step Functions lacks, added in front of it: refusals, names, synchronous executions, whole answers."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult
from moto.stepfunctions.exceptions import InvalidExecutionInput
from moto.stepfunctions.parser.asl.eval.evaluation_details import ExecutionDetails
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution, SyncExecution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.parser.utils import TMP_THREADS
from moto.stepfunctions.responses import StepFunctionResponse

from ragctl.local.execution_input import MalformedInputError, check_input
from ragctl.local.mending import replace

_KEPT_EXECUTIONS = 1_000  # of each machine, with their histories: moto would keep all of them in memory


class Watcher(Protocol):
    """Learns which executions are running."""

    def execution_started(self, arn: str) -> None:
        """Note that one has begun."""

    def execution_ended(self, arn: str) -> None:
        """Note that one is over, however it ended."""


def mend(*watchers: Watcher) -> None:
    """Put what is below into moto's Step Functions."""
    replace(StepFunctionsParserBackend, "start_execution", _start_execution(watchers))
    replace(StepFunctionsParserBackend, "_get_executions", begun_executions)
    replace(StepFunctionResponse, "start_sync_execution", _start_sync_execution)
    replace(StepFunctionResponse, "describe_execution", _describe_execution)
    replace(StepFunctionResponse, "get_execution_history", _get_execution_history)
    replace(Execution, "get_start_execution_details", _details_of_start)
    replace(BaseExecutionWorkerCommunication, "terminated", _terminated(watchers))


_start_by_moto: Callable[..., Any] = StepFunctionsParserBackend.start_execution
_executions_by_moto: Callable[..., list[Any]] = StepFunctionsParserBackend._get_executions


def _start_execution(watchers: Sequence[Watcher]) -> Callable[..., Any]:
    def start_execution(
        backend: Any, state_machine_arn: str, name: str | None = None, execution_input: str | None = None, **rest: Any
    ) -> Any:
        """Start an execution with an input that is checked and a name of its own: moto calls each unnamed one None."""
        text = _accepted(execution_input)
        name = name or str(uuid4())
        backend._validate_name(name)
        machine = backend.describe_state_machine(state_machine_arn)
        _forget_oldest(machine.executions)
        if any(execution.name == name for execution in machine.executions):
            return _start_by_moto(backend, state_machine_arn, name, text, **rest)  # refuses it, or finds it the same
        arn = f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}"
        for watcher in watchers:
            watcher.execution_started(arn)  # before it can end
        try:
            return _start_by_moto(backend, state_machine_arn, name, text, **rest)
        except Exception:
            for watcher in watchers:
                watcher.execution_ended(arn)
            raise

    return start_execution


def begun_executions(backend: Any, execution_status: Any = None) -> list[Any]:
    """Return the executions that have begun: moto looks for map runs and tokens in those that have not, and fails."""
    executions = _executions_by_moto(backend, execution_status)
    return [execution for execution in executions if execution.exec_worker and execution.exec_worker.env]


def _terminated(watchers: Sequence[Watcher]) -> Callable[[Any], None]:
    def terminated(ending: Any) -> None:
        """Publish an execution's end: its result before its status, which moto sets first and pollers see."""
        execution = ending.execution
        state = execution.exec_worker.env.program_state()
        if isinstance(state, ProgramEnded):
            execution.output = execution.exec_worker.env.states.get_input()
        elif isinstance(state, ProgramError):
            error = state.error or {}
            execution.error, execution.cause = error.get("error"), error.get("cause")
        for watcher in () if isinstance(execution, SyncExecution) else watchers:  # its caller is there to see it lost
            try:
                watcher.execution_ended(execution.exec_arn)
            except OSError:  # a full disk: the next start may call it lost, but those who wait for it must see its end
                logging.getLogger(__name__).exception("The end of %s is not in the journal", execution.exec_arn)
        ending._reflect_execution_status()
        TMP_THREADS.clear()  # a debugging aid of moto's that keeps every thread, 35 KB an execution

    return terminated


def _details_of_start(execution: Any) -> ExecutionDetails:
    """Describe an execution to its states, its start as text: moto's is nothing that a state could hold."""
    return ExecutionDetails(
        arn=execution.exec_arn,
        name=execution.name,
        role_arn=execution.role_arn,
        inpt=execution.input_data,
        start_time=execution.start_date.isoformat(),
    )


def _start_sync_execution(request: Any) -> ActionResult:
    """Run an Express execution to its end and answer with its result: an operation that moto lacks."""
    backend = request.stepfunction_backend
    machine = backend.describe_state_machine(request._get_param("stateMachineArn"))
    if machine.sm_type != "EXPRESS":
        problem = "This operation is not supported by this type of state machine"
        raise AWSError(problem, "StateMachineTypeNotSupported")
    text = _accepted(request._get_param("input"))
    name = request._get_param("name") or str(uuid4())
    backend._validate_name(name)
    execution = SyncExecution(
        name=name,
        sm_type=machine.sm_type,
        role_arn=machine.roleArn,
        exec_arn=f"{machine.arn.replace(':stateMachine:', ':express:')}:{name}:{uuid4()}",
        account_id=backend.account_id,
        region_name=backend.region_name,
        state_machine=machine,
        start_date=datetime.now(UTC),
        cloud_watch_logging_session=None,
        activity_store={},
        input_data=text,
    )
    execution.start()
    return ActionResult(execution.to_start_sync_execution_output())


def _describe_execution(request: Any) -> ActionResult:
    """Describe an execution in full: moto's own answer quotes no text output and dates no timeout."""
    arn = request._get_param("executionArn")
    return ActionResult(request.stepfunction_backend.describe_execution(arn).to_describe_output())


def _get_execution_history(request: Any) -> ActionResult:
    """Return the events in the order and number asked for, both of which moto ignores."""
    arn = request._get_param("executionArn")
    events = request.stepfunction_backend.get_execution_history(arn)["events"]
    if request._get_param("reverseOrder"):
        events = events[::-1]
    start = int(request._get_param("nextToken") or 0)
    end = start + int(request._get_param("maxResults") or len(events))
    token = {"nextToken": str(end)} if end < len(events) else {}
    return ActionResult({"events": events[start:end], **token})


def _accepted(execution_input: str | None) -> str:
    text = "{}" if execution_input is None else execution_input
    try:
        check_input(text)
    except MalformedInputError as error:
        raise InvalidExecutionInput(f"Invalid State Machine Execution Input: {error}") from None
    return text


def _forget_oldest(executions: list[Any]) -> None:
    """Drop ended executions beyond what is kept."""
    surplus = len(executions) - _KEPT_EXECUTIONS
    if surplus > 0:
        ended = [execution for execution in executions if execution.status != "RUNNING"]
        for execution in ended[:surplus]:
            executions.remove(execution)
