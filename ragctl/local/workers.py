"""Run Lambda functions on this machine without Docker: a pool of worker processes per function.

with FunctionPool(spec, Path("logs/EmbedFunction.log")) as pool:
    pool.warm()                                        # raises FunctionDoesNotStartError, in one clear line
    result = pool.invoke(b'{"query": "…"}')            # from any thread, several at once
    result.payload, result.function_error              # JSON bytes; None, or "Unhandled"
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import BoundedSemaphore, Lock
from time import monotonic
from types import TracebackType
from typing import Self

from ragctl.local.function_spec import FunctionSpec
from ragctl.local.runtime_api import MAX_EVENT_BYTES
from ragctl.local.worker import InitError, InvocationResult, Worker

__all__ = [
    "FunctionDoesNotStartError",
    "FunctionPool",
    "FunctionSpec",
    "InvocationResult",
    "PoolClosedError",
    "RequestTooLargeError",
]


class RequestTooLargeError(ValueError):
    """The event is above 6 MB, which AWS's Invoke refuses with HTTP 413 before there is an invocation."""


class PoolClosedError(RuntimeError):
    """The pool was closed before the invocation had begun."""


class FunctionDoesNotStartError(RuntimeError):
    """A function's code does not import, or its process ends or hangs before the first event: told in one line."""

    def __init__(self, spec: FunctionSpec, log: Path, error: InitError) -> None:
        failed = "start" if error.error_type in {"Runtime.ExitError", "Sandbox.Timedout"} else "import"
        super().__init__(
            f"{spec.name}: {_relative(spec.module_file)} does not {failed}: {error.reason} (see {_relative(log)})"
        )


class FunctionPool:
    """Invokes one function in its own processes, started on demand up to `max_workers` and kept for the next event.

    Standard output and error of all of them are appended to the file `log`. Every method may be called from any thread.
    """

    def __init__(self, spec: FunctionSpec, log: Path, max_workers: int = 16) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log_path = log
        self._log = log.open("ab", buffering=0)
        self._spec = spec
        self._max_workers = max_workers
        self._slots = BoundedSemaphore(max_workers)  # one is held for as long as a worker is in use
        self._lock = Lock()  # guards the three below
        self._workers: set[Worker] = set()
        self._idle: list[tuple[Worker, float]] = []  # and since when, the one used last at the end
        self._closed = False

    def invoke(self, payload: bytes, trace_id: str | None = None) -> InvocationResult:
        """Run the handler on the JSON `payload` and return its JSON, waiting for a free worker if all are busy.

        What goes wrong in the function is a result with `function_error`, as in AWS: the exception's class name as
        `errorType`, `Sandbox.Timedout`, `Runtime.ExitError`, `Runtime.ImportModuleError`,
        `Function.ResponseSizeTooLarge`. `trace_id` is the X-Ray header, by default one that is not sampled.

        Raises:
            RequestTooLargeError, PoolClosedError: there was no invocation.
        """
        if len(payload) > MAX_EVENT_BYTES:
            raise RequestTooLargeError(f"Request must be smaller than {MAX_EVENT_BYTES} bytes")
        with self._worker() as worker:
            try:
                worker.await_readiness()
            except InitError as error:
                return error.result
            return worker.invoke(payload, trace_id)

    def warm(self, workers: int = 1) -> None:
        """Return when this many workers wait for an event, at most `max_workers`.

        Raises:
            FunctionDoesNotStartError: one does not come that far.
        """
        with ExitStack() as held:
            started = [held.enter_context(self._worker()) for _ in range(min(workers, self._max_workers))]
            for worker in started:
                try:
                    worker.await_readiness()
                except InitError as error:
                    raise FunctionDoesNotStartError(self._spec, self._log_path, error) from error

    def end_idle(self, seconds: float) -> None:
        """End the workers that have been idle for so long, all but the one that was used last."""
        with self._lock:
            ended = [worker for worker, since in self._idle[:-1] if monotonic() - since >= seconds]
            del self._idle[: len(ended)]
            self._workers.difference_update(ended)
        for worker in ended:
            worker.end()

    def close(self) -> None:
        """End every process; on return none is left, and running invocations have been answered `Runtime.ExitError`."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for worker in self._workers:
                worker.kill()
        for _ in range(self._max_workers):  # each comes free now that its process is gone
            self._slots.acquire()
        while self._workers:
            self._workers.pop().end()
        self._log.close()
        self._slots.release(self._max_workers)  # whoever still waits for one learns that the pool is closed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        """Lend a worker that is not in use."""
        with self._slots:
            worker = self._latest_idle() or self._new()
            try:
                yield worker
            except BaseException:  # a Ctrl-C in the middle of an invocation: it must not meet the next one
                worker.end()
                raise
            finally:
                self._take_back(worker)

    def _latest_idle(self) -> Worker | None:
        """Return the worker that was used last, whose memory is warm, if there is one that still works."""
        while True:
            with self._lock:
                if self._closed or not self._idle:
                    return None
                worker, _ = self._idle.pop()
            try:
                worker.await_readiness()
            except InitError:  # it broke down after its last answer, so no event is lost
                self._discard(worker)
            else:
                return worker

    def _new(self) -> Worker:
        with self._lock:
            if self._closed:
                raise PoolClosedError(f"{self._spec.name} is closed")
            worker = Worker(self._spec, self._log)
            self._workers.add(worker)
            return worker

    def _take_back(self, worker: Worker) -> None:
        if worker.usable:
            with self._lock:
                self._idle.append((worker, monotonic()))
        else:
            self._discard(worker)

    def _discard(self, worker: Worker) -> None:
        with self._lock:
            self._workers.discard(worker)


def _relative(path: Path) -> Path:
    """Return the path as a reader in the current directory would type it."""
    with suppress(ValueError):
        return path.resolve().relative_to(Path.cwd())
    return path
