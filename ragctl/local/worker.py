"""One worker: a process under AWS's own runtime client, which runs one invocation at a time."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from secrets import token_hex
from time import monotonic, time
from typing import BinaryIO
from uuid import uuid4

from ragctl.local import worker_process
from ragctl.local.exit_reason import exit_reason
from ragctl.local.function_spec import FunctionSpec, process_environment
from ragctl.local.runtime_api import (
    MAX_RESPONSE_BYTES,
    ResponseTooLargeError,
    RuntimeApi,
    RuntimeRequest,
    WorkerGoneError,
)

INIT_TIMEOUT_SECONDS = 10.0  # AWS's, for everything before the first invocation
_EXIT_SECONDS = 1.0

# Linux kills a worker when the thread that forked it ends, so one thread that lasts as long as the program forks all.
_forker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")


@dataclass(frozen=True)
class InvocationResult:
    """What an invocation came to: the handler's JSON, or a JSON with errorType and errorMessage."""

    payload: bytes
    function_error: str | None = None  # "Unhandled", the value of AWS's X-Amz-Function-Error


class InitError(Exception):
    """The process did not come as far as asking for an event: an import that failed, an exit, ten seconds gone by."""

    def __init__(self, error_type: str, message: str, payload: bytes | None = None) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type
        self.reason = _reason(error_type, message)
        self.result = _failed(error_type, message) if payload is None else InvocationResult(payload, "Unhandled")


class Worker:
    """Starts its process when made; whoever made it calls `end`."""

    def __init__(self, spec: FunctionSpec, log: BinaryIO) -> None:
        self._spec = spec
        self._log = log
        self._api = RuntimeApi()
        self._asking: RuntimeRequest | None = None  # its request for an event, which the next invocation answers
        self._ended = False
        try:
            self._process = _start(spec, self._api.address, log)
        except BaseException:
            self._api.close()
            raise

    @property
    def usable(self) -> bool:
        """Whether another event may be handed to it."""
        return not self._ended

    def await_readiness(self) -> None:
        """Return when the process asks for an event.

        Raises:
            InitError: it failed before, and has been ended.
        """
        deadline = monotonic() + INIT_TIMEOUT_SECONDS
        try:
            self._listen(deadline)
        except TimeoutError:
            self.end()
            raise InitError("Sandbox.Timedout", f"not ready after {INIT_TIMEOUT_SECONDS:.0f} seconds") from None
        except (WorkerGoneError, ResponseTooLargeError):
            raise InitError("Runtime.ExitError", self._how_it_ended()) from None

    def invoke(self, payload: bytes, trace_id: str | None) -> InvocationResult:
        """Hand a process that is ready one event and return what became of it; `usable` tells what became of itself."""
        request_id = str(uuid4())
        deadline = monotonic() + self._spec.timeout_seconds
        try:
            self._hand_over(payload, request_id, trace_id)
            return self._outcome(request_id, deadline)
        except TimeoutError:
            self.end()
            problem = f"Task timed out after {self._spec.timeout_seconds:.2f} seconds"
            return self._logged("Sandbox.Timedout", f"RequestId: {request_id} Error: {problem}")
        except WorkerGoneError:
            return self._logged("Runtime.ExitError", f"RequestId: {request_id} Error: {self._how_it_ended()}")
        except ResponseTooLargeError as error:
            self.end()
            limit = f"exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)"
            return self._logged("Function.ResponseSizeTooLarge", f"Response payload size ({error.size} bytes) {limit}.")

    def end(self) -> None:
        """Kill the process with all it started, wait until it is gone, and let go of its sockets."""
        self._ended = True
        self.kill()
        self._process.wait()
        self._api.close()

    def kill(self) -> None:
        """Kill the process as Lambda does, which gives no notice either."""
        with suppress(OSError):  # they are gone already
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()

    def _listen(self, deadline: float) -> None:
        while self._asking is None:
            request = self._api.receive(deadline, self._is_running)
            if request.path == "invocation/next":
                self._asking = request
            elif request.path == "init/error":
                request.answer(HTTPStatus.ACCEPTED)
                self.end()
                error = json.loads(request.body)
                raise InitError(error["errorType"], error["errorMessage"], request.body)
            else:
                request.answer(HTTPStatus.NOT_FOUND)
        if not self._is_running():
            raise WorkerGoneError

    def _hand_over(self, payload: bytes, request_id: str, trace_id: str | None) -> None:
        if self._asking is None:
            raise WorkerGoneError
        request, self._asking = self._asking, None
        headers: Mapping[str, str] = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time() + self._spec.timeout_seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self._spec.arn,
            "Lambda-Runtime-Trace-Id": trace_id or _unsampled_trace(),
        }
        request.answer(HTTPStatus.OK, payload or b"{}", headers)

    def _outcome(self, request_id: str, deadline: float) -> InvocationResult:
        while True:
            request = self._api.receive(deadline, self._is_running)
            if request.path == f"invocation/{request_id}/response":
                result = InvocationResult(request.body)
            elif request.path == f"invocation/{request_id}/error":
                result = InvocationResult(request.body, "Unhandled")
            else:
                request.answer(HTTPStatus.NOT_FOUND)
                continue
            request.answer(HTTPStatus.ACCEPTED)
            return result

    def _is_running(self) -> bool:
        return self._process.poll() is None

    def _how_it_ended(self) -> str:
        with suppress(subprocess.TimeoutExpired):  # it hung up, and still runs
            self._process.wait(_EXIT_SECONDS)
        self.end()
        code = self._process.returncode
        if code == 0:
            return "Runtime exited without providing a reason"
        return f"Runtime exited with error: {exit_reason(code)}"

    def _logged(self, error_type: str, message: str) -> InvocationResult:
        self._log.write(f"{message}\n".encode())
        return _failed(error_type, message)


def _reason(error_type: str, message: str) -> str:
    if error_type == "Runtime.ImportModuleError":
        return re.sub(r"^Unable to import module '.*?': ", "", message)
    return message if error_type.startswith(("Runtime.", "Sandbox.")) else f"{error_type}: {message}"


def _failed(error_type: str, message: str) -> InvocationResult:
    return InvocationResult(json.dumps({"errorType": error_type, "errorMessage": message}).encode(), "Unhandled")


def _unsampled_trace() -> str:
    return f"Root=1-{int(time()):08x}-{token_hex(12)};Parent={token_hex(8)};Sampled=0"


def _start(spec: FunctionSpec, runtime_api: str, log: BinaryIO) -> subprocess.Popen[bytes]:
    def fork() -> subprocess.Popen[bytes]:
        script = Path(worker_process.__file__)
        return subprocess.Popen(
            [sys.executable, "-P", script, str(os.getpid()), spec.handler],
            cwd=spec.code_directory,
            env=process_environment(spec, runtime_api),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, and `kill` reaches what a handler started
        )

    return _forker.submit(fork).result()
