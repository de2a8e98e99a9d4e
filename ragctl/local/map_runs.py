"""Distributed maps, whose children moto runs as if they were a part of their parent, and whose failures it ignores.

Here as in AWS each child is an execution of its own (name, input, id), the tolerated failures are held, integers are
percentages too, and no more threads run than children may. What a child did is in no history, except in its counts.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import (
    distributed_item_processor_worker as distributed,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import IterationWorker
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import JobPool
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError, ProgramRunning
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.quotas import is_within_size_quota
from moto.stepfunctions.parser.utils import TMP_THREADS

from ragctl.iam.policy import Call
from ragctl.local.authority import Authority, RefusedError
from ragctl.local.mending import replace

_MOST_CHILDREN_AT_ONCE = 64  # a map without MaxConcurrency has 10,000 in AWS


def mend(authority: Authority) -> None:
    """Put the above into moto's Step Functions."""
    replace(AmazonStateLanguageParser, "parse", staticmethod(_parse))
    replace(DistributedIterationComponent, "_map_run", _allowed(_map_run, authority))
    replace(distributed.DistributedItemProcessorWorker, "_eval_job", _run_child)
    replace(distributed.DistributedItemProcessorWorker, "_eval_pool", _run_children)
    replace(IterationWorker, "_eval_pool", _run_iterations)
    replace(Environment, "set_error", _set_error)


_parse_by_moto: Callable[[str], Any] = AmazonStateLanguageParser.parse
_set_error_by_moto: Callable[..., None] = Environment.set_error


def _parse(definition: str) -> Any:
    """Parse a definition whose tolerated percentages may be integers, which moto's grammar does not know."""
    return _parse_by_moto(json.dumps(json.loads(definition, object_hook=_with_float_percentage)))


def _with_float_percentage(state: dict[str, Any]) -> dict[str, Any]:
    percentage = state.get("ToleratedFailurePercentage")
    if state.get("Type") == "Map" and isinstance(percentage, int):
        return {**state, "ToleratedFailurePercentage": float(percentage)}
    return state


def _set_error(env: Environment, error: Any) -> None:
    """Fail what runs. What was stopped or timed out has ended, whatever its states make of it."""
    if isinstance(env._program_state, ProgramRunning):
        _set_error_by_moto(env, error)


def _allowed(map_run: Callable[..., None], authority: Authority) -> Callable[..., None]:
    def allowed_map_run(component: Any, env: Environment, eval_input: Any) -> None:
        """Run a map whose machine may start its children."""
        machine = eval_input.map_run_record.map_state_machine_arn.partition("/")[0]
        try:
            authority.require(env.aws_execution_details.role_arn, [Call("states:StartExecution", machine)])
        except RefusedError as error:
            raise _failure(env, StatesErrorNameType.StatesPermissions, str(error)) from error
        map_run(component, env, eval_input)

    return allowed_map_run


def _map_run(component: Any, env: Environment, eval_input: Any) -> None:
    """Run a child for each item, and put the list of their outputs on the stack."""
    items = env.stack.pop()
    pool = JobPool(job_program=component._get_iteration_program(), job_inputs=items)
    most = eval_input.map_run_record.max_concurrency or _MOST_CHILDREN_AT_ONCE
    eval_input.map_run_record.item_counter.total.count(len(items))
    for _ in range(min(most, len(items), _MOST_CHILDREN_AT_ONCE)):
        component._launch_worker(env=env, eval_input=eval_input, job_pool=pool)
    pool.await_jobs()
    if failure := pool.get_worker_exception():
        for frame in list(env._frames):  # of children that still run
            frame.set_stop(stop_date=datetime.now(UTC), cause=None, error=None)
        raise failure
    outputs = [closed.job_output for closed in pool.get_closed_jobs()]
    if not is_within_size_quota(outputs):
        limit = "The Map state's result exceeds the maximum number of bytes service limit."
        raise _failure(env, StatesErrorNameType.StatesStatesDataLimitExceeded, limit)
    env.stack.append(outputs)


def _run_children(worker: Any, job: Any, worker_frame: Environment) -> None:
    """Run one child after another: moto does so by recursion, which ends at a thousand."""
    while job is not None:
        frame = worker_frame.open_inner_frame()
        worker._eval_job(env=frame, job=job)
        worker_frame.delete_frame(frame)
        worker._job_pool.close_job(job)
        TMP_THREADS.clear()  # see stepfunctions.py
        job = None if worker.stopped() else worker._job_pool.next_job()


def _run_child(worker: Any, env: Environment, job: Any) -> None:
    """Run one item as an execution of its own, unless the map has been stopped."""
    executions, items = worker._map_run_record.execution_counter, worker._map_run_record.item_counter
    for counter in (executions.total, executions.running, items.running):
        counter.count()
    ending = "aborted"
    try:
        if env.is_running():
            _select_input(worker, env, job)
            env.event_manager = EventManager()  # its history, which ends with it
            job.job_program.eval(env)
            ending = _ending(env)
        if ending == "succeeded":
            job.job_output = env.states.get_input()
    except Exception as error:  # noqa: BLE001 - an input that cannot be made fails the map
        ending, job.job_output = "failed", error
    for counters in (executions, items):
        counters.running.offset(-1)
        getattr(counters, ending).count()
        if ending == "succeeded":
            counters.results_written.count()
    if ending == "failed" and job.job_output is None:
        _hold_tolerance(worker._map_run_record, env, job)


def _ending(env: Environment) -> str:
    match env.program_state():
        case ProgramEnded():
            return "succeeded"
        case ProgramError():
            return "failed"
    return "aborted"


def _select_input(worker: Any, env: Environment, job: Any) -> None:
    """Make a child's input, and its context object: of its parent it knows nothing."""
    context: Any = env.states.context_object.context_object_data
    context["Map"] = {"Item": {"Index": job.job_index, "Value": job.job_input}}
    env.states.reset(job.job_input)
    env.stack.append(env.states.get_input())
    worker._eval_input(env_frame=env)
    del context["Map"]
    record = worker._map_run_record
    machine = record.map_state_machine_arn
    name = str(uuid4())
    context["Execution"] = {
        "Id": f"{machine.replace(':stateMachine:', ':execution:')}:{name}",
        "Input": env.states.get_input(),
        "Name": name,
        "RoleArn": context["Execution"]["RoleArn"],
        "StartTime": datetime.now(UTC).isoformat(),
    }
    context["StateMachine"] = {"Id": machine, "Name": machine.rpartition(":")[2]}


def _hold_tolerance(record: Any, env: Environment, job: Any) -> None:
    """End the map run once more children have failed than it tolerates: an exception for output does that."""
    failed, total = record.item_counter.failed.get(), record.item_counter.total.get()
    count, percentage = record.tolerated_failure_count, record.tolerated_failure_percentage
    too_many = [failed > count] if count or not percentage else []
    too_many += [failed * 100 > percentage * total] if percentage else []
    if any(too_many):
        cause = "The specified tolerated failure threshold was exceeded"
        job.job_output = _failure(env, StatesErrorNameType.StatesExceedToleratedFailureThreshold, cause)


def _failure(env: Environment, kind: StatesErrorNameType, cause: str) -> FailureEventException:
    details: Any = {"mapRunFailedEventDetails": {"error": kind.to_name(), "cause": cause}}
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=StatesErrorName(typ=kind),
            event_type=HistoryEventType.MapRunFailed,
            event_details=details,
        )
    )


def _run_iterations(worker: Any, job: Any, worker_frame: Environment) -> None:
    """Run one iteration of an inline map after another, for which moto recurses as well."""
    while job is not None:
        frame = worker_frame.open_inner_frame()
        worker._eval_job(env=frame, job=job)
        worker_frame.close_frame(frame)
        ended = isinstance(job.job_output, Exception) or worker.stopped()
        following = None if ended else worker._job_pool.next_job()
        if following is None:  # the frame is closed before the job, whose end lets the map go on
            if not ended:
                latest = frame.event_history_context.last_published_event_id
                worker_frame.event_history_context.source_event_id = latest
            worker._env.close_frame(worker_frame)
            worker._job_pool.close_job(job)
            return
        worker._job_pool.close_job(job)
        job = following
    worker._env.close_frame(worker_frame)
