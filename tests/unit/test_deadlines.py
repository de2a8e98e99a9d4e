"""The total deadline around an upstream call."""

import subprocess
import sys
import time
from contextvars import ContextVar
from pathlib import Path
from threading import Event

import pytest

from rag.deadlines import within
from rag.errors import UpstreamTimedOut, UpstreamUnavailable

BOUND = 5.0  # seconds: a deadline that is not kept fails these tests, and does not hang them
LAYER = Path(__file__).parents[2] / "layers" / "rag"


def test_the_result_comes_back() -> None:
    assert within(5, lambda: "result") == "result"


def test_a_result_of_none_is_a_result() -> None:
    assert within(5, lambda: None) is None


def test_what_the_call_raises_is_raised_with_its_traceback() -> None:
    def failing_call() -> None:
        raise KeyError("missing")

    with pytest.raises(KeyError) as caught:
        within(5, failing_call)

    assert "failing_call" in [entry.name for entry in caught.traceback]


def test_a_timeout_of_the_call_itself_is_not_taken_for_the_deadline() -> None:
    def failing_call() -> None:
        raise TimeoutError("the SDK's own")

    with pytest.raises(TimeoutError, match="the SDK's own"):
        within(5, failing_call)


def test_even_an_exit_is_raised_in_the_callers_thread() -> None:
    with pytest.raises(SystemExit):
        within(5, sys.exit)


def test_a_call_that_takes_too_long_is_given_up() -> None:
    release = Event()
    started = time.monotonic()

    with pytest.raises(UpstreamUnavailable, match=r"0\.05 s"):
        within(0.05, lambda: release.wait(BOUND))

    assert time.monotonic() - started < BOUND
    release.set()


def test_the_error_of_a_late_call_is_the_callers_choice_and_names_the_service() -> None:
    release = Event()

    with pytest.raises(UpstreamTimedOut, match=r"The oracle did not answer within 0\.05 s\."):
        within(0.05, lambda: release.wait(BOUND), service="The oracle", late=UpstreamTimedOut)

    release.set()


def test_context_variables_are_carried_over() -> None:
    trace_id: ContextVar[str] = ContextVar("trace_id")
    trace_id.set("t-1")

    assert within(5, trace_id.get) == "t-1"


def test_an_abandoned_call_does_not_keep_the_interpreter_alive() -> None:
    program = """
from threading import Event
from rag.deadlines import within
from rag.errors import UpstreamUnavailable
try:
    within(0.01, lambda: Event().wait(60))
except UpstreamUnavailable:
    print("given up")
"""
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=LAYER, capture_output=True, text=True, timeout=30, check=True
    )

    assert finished.stdout == "given up\n"
