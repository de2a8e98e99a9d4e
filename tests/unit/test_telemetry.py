"""What a handler lets out when something goes wrong."""

import json
from typing import Any

import pytest

from rag import telemetry
from rag.errors import InternalError, InvalidRequest, NotAllowed

CANARY = "canary-question"


def fail_with(error: Exception) -> telemetry.Handler:
    @telemetry.contained
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        raise error

    return handler


@pytest.fixture
def log(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    written: list[tuple[str, dict[str, Any]]] = []
    for level in ("warning", "error"):
        monkeypatch.setattr(telemetry.logger, level, lambda message, extra: written.append((message, extra)))
    return written


def test_an_unexpected_error_names_its_place_and_quotes_nothing(log: list[Any]) -> None:
    with pytest.raises(InternalError) as caught:
        fail_with(KeyError(CANARY))({"query": CANARY}, None)
    assert "KeyError at test_telemetry.py:" in str(caught.value)
    assert CANARY not in str(caught.value)
    assert caught.value.__suppress_context__
    assert CANARY not in json.dumps(log)


def test_an_error_of_ours_passes_as_it_is(log: list[Any]) -> None:
    with pytest.raises(InvalidRequest, match="top_k must be"):
        fail_with(InvalidRequest("top_k must be an integer."))({}, None)
    assert log == [("failed", {"error": "InvalidRequest", "reason": "top_k must be an integer."})]


def test_a_refusal_is_no_failure(log: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    monkeypatch.setattr(telemetry.metrics, "add_metric", lambda name, *_: counted.append(name))
    with pytest.raises(NotAllowed):
        fail_with(NotAllowed(CANARY))({}, None)
    assert (counted, log) == (["RequestsRefused"], [])
