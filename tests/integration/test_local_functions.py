"""Functions in local worker processes, under AWS's own runtime client."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from ragctl.local.workers import (
    FunctionDoesNotStartError,
    FunctionPool,
    FunctionSpec,
    InvocationResult,
    PoolClosedError,
    RequestTooLargeError,
)

ROOT = Path(__file__).parents[2]
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:EchoFunction"
GUARD_SECONDS = 20.0  # only a failing test waits this long

ECHO = """
    def lambda_handler(event, context):
        return event
"""
PID = """
    import os

    def lambda_handler(event, context):
        return os.getpid()
"""
# Says hello on a socket of the test's, then does what the test answers: the test decides who runs beside whom.
RENDEZVOUS = """
    import os, socket, threading

    kept = []

    def lambda_handler(event, context):
        line = socket.create_connection(("127.0.0.1", event["port"]))
        kept.append(line)
        line.sendall(b"hello")
        line.recv(1)
        return os.getpid()
"""

type_of_pool_factory = Callable[..., FunctionPool]


@pytest.fixture
def make_pool(tmp_path: Path) -> Iterator[type_of_pool_factory]:
    """Build a pool around a handler's source; every pool is closed after the test."""
    with ExitStack() as pools:

        def make(source: str, *, max_workers: int = 16, **changes: Any) -> FunctionPool:
            pool = FunctionPool(spec(tmp_path, source, **changes), tmp_path / "function.log", max_workers)
            return pools.enter_context(pool)

        yield make


@pytest.fixture
def rendezvous() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(GUARD_SECONDS)
        yield listener


def spec(directory: Path, source: str, **changes: Any) -> FunctionSpec:
    (directory / "app.py").write_text(dedent(source), encoding="utf-8")
    declared: dict[str, Any] = {
        "name": "EchoFunction",
        "arn": ARN,
        "code_directory": directory,
        "handler": "app.lambda_handler",
        "environment": {},
        "timeout_seconds": GUARD_SECONDS,
        "memory_mb": 256,
    }
    return FunctionSpec(**(declared | changes))


def output(result: InvocationResult) -> Any:
    assert result.function_error is None, result.payload
    return json.loads(result.payload)


def error(result: InvocationResult) -> dict[str, Any]:
    assert result.function_error == "Unhandled"
    failure: dict[str, Any] = json.loads(result.payload)
    return failure


def port(listener: socket.socket) -> bytes:
    return json.dumps({"port": listener.getsockname()[1]}).encode()


def greeted(listener: socket.socket) -> socket.socket:
    """Return the line of a handler that is running now."""
    line, _ = listener.accept()
    line.settimeout(GUARD_SECONDS)
    assert line.recv(5) == b"hello"
    return line


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestAnInvocation:
    def test_answers_what_the_handler_returns(self, make_pool: type_of_pool_factory) -> None:
        event = {"query": 'Größe der 🚀?\u2028\x00"\\', "n": [1, 2.5, None, True]}

        result = make_pool(ECHO).invoke(json.dumps(event, ensure_ascii=False).encode())

        assert output(result) == event

    def test_without_payload_has_an_empty_event(self, make_pool: type_of_pool_factory) -> None:
        assert output(make_pool(ECHO).invoke(b"")) == {}

    def test_carries_six_megabytes_both_ways(self, make_pool: type_of_pool_factory) -> None:
        text = "x" * (6 * 1024 * 1024 - 2)

        assert output(make_pool(ECHO).invoke(f'"{text}"'.encode())) == text

    def test_above_six_megabytes_is_refused(self, make_pool: type_of_pool_factory) -> None:
        with pytest.raises(RequestTooLargeError, match="smaller than 6291456 bytes"):
            make_pool(ECHO).invoke(b'"' + b"x" * (6 * 1024 * 1024) + b'"')

    def test_with_a_response_above_six_megabytes_fails(self, make_pool: type_of_pool_factory) -> None:
        pool = make_pool("def lambda_handler(event, context): return 'x' * event")

        failure = error(pool.invoke(b"7000000"))

        assert failure["errorType"] == "Function.ResponseSizeTooLarge"
        assert "(7000002 bytes) exceeded maximum allowed payload size (6291556 bytes)" in failure["errorMessage"]
        assert output(pool.invoke(b"3")) == "xxx"

    def test_tells_the_class_name_of_an_exception(self, make_pool: type_of_pool_factory) -> None:
        pool = make_pool(
            """
            class UpstreamThrottled(Exception): pass

            def lambda_handler(event, context):
                raise UpstreamThrottled("later")
            """
        )

        failure = error(pool.invoke(b"{}"))

        assert (failure["errorType"], failure["errorMessage"]) == ("UpstreamThrottled", "later")

    def test_knows_its_context(self, make_pool: type_of_pool_factory) -> None:
        pool = make_pool(
            """
            import os

            def lambda_handler(event, context):
                return [
                    context.function_name, context.memory_limit_in_mb, context.invoked_function_arn,
                    os.environ["_X_AMZN_TRACE_ID"], context.get_remaining_time_in_millis(),
                ]
            """,
            timeout_seconds=15,
        )

        *context, remaining = output(pool.invoke(b"{}", trace_id="Root=1-0-1;Sampled=0"))

        assert context == ["EchoFunction", "256", ARN, "Root=1-0-1;Sampled=0"]
        assert 0 < remaining <= 15_000

    def test_imports_from_the_layers(self, make_pool: type_of_pool_factory, tmp_path: Path) -> None:
        layer = tmp_path / "layer"
        layer.mkdir()
        (layer / "shared_part.py").write_text("NAME = 'from the layer'", encoding="utf-8")
        pool = make_pool(
            """
            import shared_part

            def lambda_handler(event, context):
                return shared_part.NAME
            """,
            layers=(layer,),
        )

        assert output(pool.invoke(b"{}")) == "from the layer"

    def test_writes_output_and_tracebacks_to_the_log(self, make_pool: type_of_pool_factory, tmp_path: Path) -> None:
        pool = make_pool(
            """
            import os, sys

            def lambda_handler(event, context):
                print("to standard output")
                print("to standard error", file=sys.stderr)
                raise ValueError("broken")
            """
        )

        pool.invoke(b"{}")
        pool.close()

        log = (tmp_path / "function.log").read_bytes().decode()
        assert "to standard output\n" in log
        assert "to standard error\n" in log
        assert "[ERROR] ValueError: broken\nTraceback (most recent call last):\n" in log


class TestTheEnvironment:
    HANDLER = """
        import os

        def lambda_handler(event, context):
            return [dict(os.environ), os.getcwd()]
    """

    def test_is_the_one_declared_and_lambdas_own(self, make_pool: type_of_pool_factory, tmp_path: Path) -> None:
        pool = make_pool(self.HANDLER, environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "TABLE": "cache"})

        environment, directory = output(pool.invoke(b"{}"))

        assert environment["TABLE"] == "cache"
        assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
        assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-central-1"
        assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "EchoFunction"
        assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
        assert environment["LAMBDA_TASK_ROOT"] == directory == str(tmp_path.resolve())

    def test_has_nothing_of_the_shell_that_started_it(
        self, make_pool: type_of_pool_factory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "of the developer")
        monkeypatch.setenv("AWS_PROFILE", "production")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the developer")

        environment, _ = output(make_pool(self.HANDLER).invoke(b"{}"))

        assert "OPENAI_API_KEY" not in environment
        assert "AWS_PROFILE" not in environment
        assert environment["AWS_ACCESS_KEY_ID"] == "local"

    def test_has_no_open_file_of_the_process_that_started_it(self, make_pool: type_of_pool_factory) -> None:
        reading, writing = os.pipe()
        try:
            os.set_inheritable(writing, True)
            make_pool(ECHO).warm()
        finally:
            os.close(writing)
        os.set_blocking(reading, False)

        with os.fdopen(reading, "rb", buffering=0) as pipe:
            assert pipe.read() == b""  # the end: nobody else could write to it


class TestWhenAFunctionFails:
    def test_a_timeout_kills_it_and_the_next_invocation_works(
        self, make_pool: type_of_pool_factory, tmp_path: Path
    ) -> None:
        pool = make_pool(
            """
            import os, threading

            def lambda_handler(event, context):
                if event.get("hang"):
                    threading.Event().wait()
                return os.getpid()
            """,
            timeout_seconds=0.5,
        )
        first = output(pool.invoke(b"{}"))

        failure = error(pool.invoke(b'{"hang": true}'))

        assert failure["errorType"] == "Sandbox.Timedout"
        assert failure["errorMessage"].startswith("RequestId: ")
        assert failure["errorMessage"].endswith(" Error: Task timed out after 0.50 seconds")
        assert not is_running(first)
        assert output(pool.invoke(b"{}")) != first
        assert "Task timed out after 0.50 seconds\n" in (tmp_path / "function.log").read_text()

    @pytest.mark.parametrize(
        ("statement", "reason"),
        [
            ("os._exit(3)", "Runtime exited with error: exit status 3"),
            ("os._exit(0)", "Runtime exited without providing a reason"),
            ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: SIGKILL"),
        ],
    )
    def test_an_exit_is_an_exit_error(self, make_pool: type_of_pool_factory, statement: str, reason: str) -> None:
        pool = make_pool(
            f"""
            import os

            def lambda_handler(event, context):
                {statement}
            """
        )

        failure = error(pool.invoke(b"{}"))

        assert failure["errorType"] == "Runtime.ExitError"
        assert failure["errorMessage"].endswith(f" Error: {reason}")

    @pytest.mark.skipif(not hasattr(os, "waitid"), reason="waits for the end of a process without reaping it")
    def test_a_worker_that_died_idle_is_replaced(self, make_pool: type_of_pool_factory) -> None:
        pool = make_pool(PID)
        pid = output(pool.invoke(b"{}"))
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

        assert output(pool.invoke(b"{}")) != pid

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("import foo", "EchoFunction: app.py does not import: No module named 'foo'"),
            ("missing + 1", "EchoFunction: app.py does not import: NameError: name 'missing' is not defined"),
            ("def f(:", "EchoFunction: app.py does not import: Syntax error in module 'app'"),
            ("x = 1", "EchoFunction: app.py does not import: Handler 'lambda_handler' missing on module 'app'"),
            ("raise SystemExit(3)", "EchoFunction: app.py does not start: Runtime exited with error: exit status 3"),
        ],
    )
    def test_at_import_one_line_says_why(
        self,
        make_pool: type_of_pool_factory,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        source: str,
        message: str,
    ) -> None:
        monkeypatch.chdir(tmp_path)

        with pytest.raises(FunctionDoesNotStartError) as raised:
            make_pool(source).warm()

        assert str(raised.value).startswith(message)
        assert str(raised.value).endswith("(see function.log)")
        assert "\n" not in str(raised.value)

    def test_at_import_the_invocation_tells_and_works_once_it_is_mended(
        self, make_pool: type_of_pool_factory, tmp_path: Path
    ) -> None:
        pool = make_pool("import foo")

        failure = error(pool.invoke(b"{}"))

        assert failure["errorType"] == "Runtime.ImportModuleError"
        assert failure["errorMessage"] == "Unable to import module 'app': No module named 'foo'"
        (tmp_path / "app.py").write_text(dedent(ECHO), encoding="utf-8")
        assert output(pool.invoke(b"1")) == 1


class TestTheWorkers:
    def test_run_side_by_side(self, make_pool: type_of_pool_factory, rendezvous: socket.socket) -> None:
        pool = make_pool(RENDEZVOUS)

        with ThreadPoolExecutor(8) as threads, ExitStack() as lines:
            results = [threads.submit(pool.invoke, port(rendezvous)) for _ in range(8)]
            running = [lines.enter_context(greeted(rendezvous)) for _ in range(8)]  # nobody may go before all are here
            for line in running:
                line.sendall(b"!")
            pids = {output(result.result()) for result in results}

        assert len(pids) == 8

    def test_are_used_again(self, make_pool: type_of_pool_factory) -> None:
        pool = make_pool(PID)
        pool.warm(3)

        assert len({output(pool.invoke(b"{}")) for _ in range(5)}) == 1

    def test_are_never_more_than_allowed(self, make_pool: type_of_pool_factory) -> None:
        pool = make_pool(PID, max_workers=2)

        with ThreadPoolExecutor(8) as threads:
            pids = {output(result) for result in threads.map(pool.invoke, [b"{}"] * 40)}

        assert len(pids) <= 2

    def test_outlive_the_thread_that_first_needed_them(self, make_pool: type_of_pool_factory) -> None:
        pool = make_pool(PID)
        with ThreadPoolExecutor(1) as thread:
            pid = output(thread.submit(pool.invoke, b"{}").result())

        assert output(pool.invoke(b"{}")) == pid

    def test_are_gone_once_the_pool_is_closed(self, make_pool: type_of_pool_factory) -> None:
        pool = make_pool(PID)
        pool.warm(2)
        pid = output(pool.invoke(b"{}"))

        pool.close()

        assert not is_running(pid)
        with pytest.raises(PoolClosedError):
            pool.invoke(b"{}")

    def test_are_closed_in_the_middle_of_an_invocation(
        self, make_pool: type_of_pool_factory, rendezvous: socket.socket
    ) -> None:
        pool = make_pool(RENDEZVOUS)

        with ThreadPoolExecutor(1) as threads:
            result = threads.submit(pool.invoke, port(rendezvous))
            with greeted(rendezvous) as line:
                pool.close()
                assert line.recv(1) == b""
            assert error(result.result())["errorType"] == "Runtime.ExitError"

    def test_that_are_idle_end_but_for_the_one_used_last(
        self, make_pool: type_of_pool_factory, rendezvous: socket.socket
    ) -> None:
        pool = make_pool(RENDEZVOUS)
        with ThreadPoolExecutor(3) as threads, ExitStack() as lines:
            results = [threads.submit(pool.invoke, port(rendezvous)) for _ in range(3)]
            for line in [lines.enter_context(greeted(rendezvous)) for _ in range(3)]:
                line.sendall(b"x")
            workers = {output(result.result()) for result in results}

        pool.end_idle(seconds=GUARD_SECONDS)
        assert all(is_running(worker) for worker in workers)
        pool.end_idle(seconds=0)

        (kept,) = filter(is_running, workers)
        with ThreadPoolExecutor(1) as threads:
            again = threads.submit(pool.invoke, port(rendezvous))
            with greeted(rendezvous) as line:
                line.sendall(b"x")
            assert output(again.result()) == kept

    def test_take_what_they_started_with_them(self, make_pool: type_of_pool_factory, rendezvous: socket.socket) -> None:
        pool = make_pool(
            '''
            import subprocess, sys

            CHILD = """if True:
                import socket, sys
                line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                line.sendall(b"hello")
                line.recv(1)
            """

            def lambda_handler(event, context):
                subprocess.Popen([sys.executable, "-c", CHILD, str(event["port"])])
            '''
        )
        pool.invoke(port(rendezvous))

        with greeted(rendezvous) as line:
            pool.close()
            assert line.recv(1) == b""

    def test_die_with_a_supervisor_that_is_killed(self, tmp_path: Path, rendezvous: socket.socket) -> None:
        """One worker is idle and one in the middle of an invocation when kill -9 strikes."""
        spec(tmp_path, RENDEZVOUS)
        supervisor = f"""
            import sys
            from concurrent.futures import ThreadPoolExecutor, as_completed
            from pathlib import Path
            from ragctl.local.workers import FunctionPool, FunctionSpec

            directory = Path(sys.argv[1])
            spec = FunctionSpec("EchoFunction", {ARN!r}, directory, "app.lambda_handler", {{}}, 60, 128)
            pool = FunctionPool(spec, directory / "function.log")
            with ThreadPoolExecutor() as threads:
                for _ in as_completed([threads.submit(pool.invoke, sys.argv[2].encode()) for _ in range(2)]):
                    print("one is done", flush=True)
        """
        process = subprocess.Popen(
            [sys.executable, "-c", dedent(supervisor), str(tmp_path), port(rendezvous).decode()],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
        with process, greeted(rendezvous) as idle, greeted(rendezvous) as busy:
            idle.sendall(b"!")
            assert process.stdout is not None
            assert process.stdout.readline() == b"one is done\n"

            process.kill()

            assert busy.recv(1) == b""
            assert idle.recv(1) == b""
