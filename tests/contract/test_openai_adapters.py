"""Both OpenAI adapters through the real client, against a socket that answers well, badly, late and never."""

import json
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from rag import errors
from rag.adapters import openai_client
from rag.adapters.openai_chat import OpenAIChat
from rag.adapters.openai_embedder import OpenAIEmbedder
from tests.fakes import faulty_http as faults
from tests.fakes.openai_server import OpenAIServer

CANARY = "canary-question"


class Keys:
    """A credential whose value rotates: `fresh` gives the next one."""

    def __init__(self, *values: str) -> None:
        self._values = list(values)

    def __call__(self, *, fresh: bool = False) -> str:
        if fresh and len(self._values) > 1:
            self._values.pop(0)
        return self._values[0]


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


Call = Callable[[OpenAIServer], Any]


def embed(server: OpenAIServer, *keys: str, texts: tuple[str, ...] = (CANARY,), **options: Any) -> Any:
    settings: dict[str, Any] = {"model": "some-model", "dimensions": 8, "deadline_seconds": 1.0, **options}
    return OpenAIEmbedder(Keys(*(keys or ("sk-good",))), server.base_url, **settings).embed(texts)


def chat(server: OpenAIServer, *keys: str, **options: Any) -> Any:
    settings: dict[str, Any] = {"model": "some-model", "deadline_seconds": 1.0, **options}
    return OpenAIChat(Keys(*(keys or ("sk-good",))), server.base_url, **settings).complete("system", CANARY)


both = pytest.mark.parametrize("call", [embed, chat])


def test_vectors_come_back_in_order_and_of_unit_length(server: OpenAIServer) -> None:
    one, two = embed(server, texts=("one", "two")).vectors
    assert embed(server, texts=("two", "one")).vectors == [two, one]
    assert math.isclose(math.hypot(*one), 1, abs_tol=1e-6)


def test_tokens_are_those_that_the_server_counted(server: OpenAIServer) -> None:
    assert embed(server, texts=("one two", "three")).tokens == 3


def test_a_server_that_knows_no_base64_is_understood(server: OpenAIServer) -> None:
    expected = embed(server).vectors
    plain = [float(number) for number in expected[0]]
    server.next(faults.answer_json({"object": "list", "data": [{"index": 0, "embedding": plain}], "model": "m"}))
    assert list(embed(server).vectors[0]) == pytest.approx(plain)


def test_dimensions_are_sent_to_the_models_that_take_them_alone(server: OpenAIServer) -> None:
    embed(server, model="text-embedding-3-small")
    embed(server, model="other")
    assert [request.json().get("dimensions") for request in server.requests] == [8, None]


def _item(embedding: Any, index: Any = 0) -> dict[str, Any]:
    return {"object": "embedding", "index": index, "embedding": embedding}


@pytest.mark.parametrize(
    "data",
    [
        [],
        [_item([1.0] * 8), _item([1.0] * 8, 1)],
        [_item([1.0] * 8, 7)],
        [_item([1.0] * 7)],
        [_item([0.0] * 8)],
        [_item([math.nan] * 8)],
        [_item([1e39] * 8)],
        [_item("not base64!")],
        [_item("AAAA")],
        [_item(["x"] * 8)],
        [_item(None)],
        [{"nothing": 1}],
        None,
        "text",
        {},
    ],
)
def test_vectors_that_cannot_be_used_are_malformed(server: OpenAIServer, data: Any) -> None:
    body = json.dumps({"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}})
    server.next(faults.answer(200, body, {"Content-Type": "application/json"}))
    with pytest.raises(errors.MalformedResponse):
        embed(server)


def test_a_completion_carries_text_model_and_tokens(server: OpenAIServer) -> None:
    server.say("Yes [1].")
    completion = chat(server)
    assert (completion.text, completion.model, completion.finish_reason) == ("Yes [1].", "some-model", "stop")
    assert (completion.prompt_tokens, completion.completion_tokens) == (100, 10)


def test_only_parameters_that_are_set_are_sent(server: OpenAIServer) -> None:
    chat(server)
    chat(server, temperature=0.2, reasoning_effort="low", max_completion_tokens=50)
    bare, full = (request.json() for request in server.requests)
    assert set(bare) == {"model", "messages"}
    assert (full["temperature"], full["reasoning_effort"], full["max_completion_tokens"]) == (0.2, "low", 50)


def test_a_refusal_of_the_endpoint_counts_as_filtered(server: OpenAIServer) -> None:
    server.say(None, refusal="I can't help with that.")
    assert chat(server).finish_reason == "content_filter"


def test_a_completion_without_text_is_malformed(server: OpenAIServer) -> None:
    server.say("")
    with pytest.raises(errors.MalformedResponse):
        chat(server)


def test_a_model_that_thought_until_its_limit_says_which_parameter_to_raise(server: OpenAIServer) -> None:
    server.say("", "length")
    with pytest.raises(errors.UpstreamRejected, match="MaxCompletionTokens"):
        chat(server)


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": None}, {"choices": "x"}, [], "text", None])
def test_a_completion_of_another_shape_is_malformed(server: OpenAIServer, body: Any) -> None:
    server.next(faults.answer_json(body))
    with pytest.raises(errors.MalformedResponse):
        chat(server)


def _error(code: str) -> dict[str, Any]:
    return {"error": {"message": f"echo {CANARY}", "type": "x", "param": None, "code": code}}


@both
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.throttled(), errors.UpstreamThrottled),
        (faults.throttled("300"), errors.UpstreamThrottled),
        (faults.answer_json(_error("insufficient_quota"), 429), errors.QuotaExhausted),
        (faults.answer_json(_error("x"), 400), errors.UpstreamRejected),
        (faults.answer_json(_error("model_not_found"), 404), errors.UpstreamRejected),
        (faults.answer_json(_error("x"), 408), errors.UpstreamUnavailable),
        (faults.answer_json(_error("x"), 409), errors.UpstreamUnavailable),
        (faults.answer_json(_error("x"), 422), errors.UpstreamRejected),
        (faults.answer_json(_error("x"), 403), errors.CredentialsRejected),
        (faults.answer_json(_error("x"), 500), errors.UpstreamUnavailable),
        (faults.html(503), errors.UpstreamUnavailable),
        (faults.html(), errors.MalformedResponse),
        (faults.empty_body(), errors.MalformedResponse),
        (faults.answer(200, "{nonsense", {"Content-Type": "application/json"}), errors.MalformedResponse),
        (faults.answer(200, b"\xff\xfe\x00", {"Content-Type": "application/json"}), errors.MalformedResponse),
        (faults.truncated, errors.UpstreamUnavailable),
        (faults.reset, errors.UpstreamUnavailable),
        (faults.hang, errors.UpstreamUnavailable),
        (faults.drip(0.05), errors.UpstreamUnavailable),
    ],
)
def test_what_goes_wrong_is_one_of_our_errors_after_one_attempt(
    server: OpenAIServer, call: Call, fault: faults.Fault, error: type[errors.RagError]
) -> None:
    server.next(fault)
    started = time.monotonic()
    with pytest.raises(error) as caught:
        call(server)
    assert time.monotonic() - started < 5  # the deadline is one second; a retry loop or a drip takes far longer
    assert len(server.requests) == 1
    assert CANARY not in str(caught.value)


@both
def test_an_endpoint_that_is_not_there_is_unavailable(call: Call) -> None:
    with OpenAIServer() as closed:
        pass
    with pytest.raises(errors.UpstreamUnavailable):
        call(closed)


@both
def test_a_rotated_key_is_read_again_and_used(server: OpenAIServer, call: Callable[..., Any]) -> None:
    assert call(server, "sk-old", "sk-good")
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer sk-old", "Bearer sk-good"]


@both
def test_a_refused_key_that_did_not_change_is_tried_once(server: OpenAIServer, call: Callable[..., Any]) -> None:
    with pytest.raises(errors.CredentialsRejected) as caught:
        call(server, "sk-bad")
    assert len(server.requests) == 1
    assert "sk-" not in str(caught.value)


def test_every_error_of_the_client_is_translated() -> None:
    kinds = [
        kind for kind in list(vars(openai).values()) if isinstance(kind, type) and issubclass(kind, openai.OpenAIError)
    ]
    assert len(kinds) > 10
    for kind in kinds:
        assert any(ancestor in openai_client.TRANSLATION for ancestor in kind.__mro__)
