"""Both OpenAI adapters through the real client, against a socket that answers well, badly, late and never."""

import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import openai
import pytest

from rag import errors
from rag.adapters import openai_client
from rag.adapters.openai_chat import OpenAIChat
from rag.adapters.openai_embedder import OpenAIEmbedder
from rag.adapters.renewal import renewing
from tests.fakes import faulty_http as faults
from tests.fakes.openai_server import OpenAIServer

CANARY = "canary-question"
AMPLE = 10.0  # seconds, for calls that are to succeed on a busy machine
SHORT = 1.0  # for calls that are not


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


Call = Callable[..., Any]


def embed(server: OpenAIServer, *keys: str, texts: tuple[str, ...] = (CANARY,), **options: Any) -> Any:
    settings: dict[str, Any] = {"model": "some-model", "dimensions": 8, "deadline_seconds": AMPLE, **options}
    with closing(OpenAIEmbedder(Keys(*(keys or ("sk-good",))), server.base_url, **settings)) as embedder:
        return embedder.embed(texts)


def chat(server: OpenAIServer, *keys: str, **options: Any) -> Any:
    settings: dict[str, Any] = {"model": "some-model", "deadline_seconds": AMPLE, **options}
    with closing(OpenAIChat(Keys(*(keys or ("sk-good",))), server.base_url, **settings)) as model:
        return model.complete("system", CANARY)


both = pytest.mark.parametrize("call", [embed, chat])


def test_vectors_come_back_in_order_and_of_unit_length(server: OpenAIServer) -> None:
    one, two = embed(server, texts=("one", "two")).vectors
    assert embed(server, texts=("two", "one")).vectors == [two, one]
    assert math.isclose(math.hypot(*one), 1, abs_tol=1e-6)


def test_a_server_that_answers_out_of_order_is_put_in_order(server: OpenAIServer) -> None:
    expected = embed(server, texts=("one", "two", "three")).vectors
    server.backwards = True
    assert embed(server, texts=("one", "two", "three")).vectors == expected


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
        [_item([1.0] * 8, 0.0)],
        [_item([1.0] * 8, False)],
        [_item([1.0] * 8, [0])],
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


@pytest.mark.parametrize("count", [-1, 1.5, "many", None, 10**30])
def test_a_count_that_is_none_is_zero(server: OpenAIServer, count: Any) -> None:
    usage = {"prompt_tokens": count, "completion_tokens": count, "total_tokens": count}
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}
    vector = {"object": "embedding", "index": 0, "embedding": [1.0] * 8}
    server.next(
        faults.answer_json({"object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}),
        faults.answer_json({"object": "list", "model": "m", "data": [vector], "usage": usage}),
    )
    completion = chat(server)
    assert (completion.prompt_tokens, completion.completion_tokens) == (0, 0)
    assert embed(server).tokens == 0


def test_a_truth_value_is_no_count() -> None:
    usage = SimpleNamespace(yes=True, three=3)
    assert (openai_client.token_count(usage, "yes"), openai_client.token_count(usage, "three")) == (0, 3)


def test_what_cannot_be_encoded_is_replaced(server: OpenAIServer) -> None:
    choice = {"finish_reason": "st\ud800p", "message": {"role": "assistant", "content": "Yes \udfff[1]."}}
    server.next(faults.answer_json({"object": "chat.completion", "model": "m\ud83d", "choices": [choice]}))
    completion = chat(server)
    assert (completion.text, completion.model, completion.finish_reason) == ("Yes ?[1].", "m?", "st?p")


@pytest.mark.parametrize("reason", [7, ["stop"], {"why": "stop"}, None])
def test_a_finish_reason_that_is_no_text_counts_as_stop(server: OpenAIServer, reason: Any) -> None:
    server.say("Yes.", reason)
    assert chat(server).finish_reason == "stop"


def test_a_text_without_end_is_cut_between_characters_and_says_so(server: OpenAIServer) -> None:
    server.say("x" + "é" * 20_000)
    completion = chat(server)
    assert completion.text == "x" + "é" * 16_383
    assert completion.finish_reason == "length"


def test_a_text_of_the_largest_size_is_whole(server: OpenAIServer) -> None:
    server.say("é" * 16_384)
    assert chat(server).finish_reason == "stop"


def test_a_models_name_is_cut(server: OpenAIServer) -> None:
    assert chat(server, model="m" * 1_000).model == "m" * 200


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
        (faults.answer(200, "[" * 100_000, {"Content-Type": "application/json"}), errors.MalformedResponse),
        (faults.truncated, errors.UpstreamUnavailable),
        (faults.reset, errors.UpstreamUnavailable),
    ],
)
def test_what_goes_wrong_is_one_of_our_errors_after_one_attempt(
    server: OpenAIServer, call: Call, fault: faults.Fault, error: type[errors.RagError]
) -> None:
    server.next(fault)
    with pytest.raises(error) as caught:
        call(server)
    assert len(server.requests) == 1
    assert CANARY not in str(caught.value)


LATE: dict[Call, type[errors.RagError]] = {embed: errors.UpstreamUnavailable, chat: errors.UpstreamTimedOut}


def held(seconds: float) -> faults.Fault:
    """Answer properly, but late."""

    def fault(exchange: faults.Exchange) -> bool:
        if not exchange.pause(seconds):
            return False
        exchange.send(exchange.response.head() + exchange.response.body)
        return True

    return fault


@both
@pytest.mark.parametrize("fault", [faults.hang, faults.drip(0.05)])
def test_a_server_that_is_too_slow_ends_with_the_deadline(
    server: OpenAIServer, call: Call, fault: faults.Fault
) -> None:
    server.next(fault)
    started = time.monotonic()
    with pytest.raises(errors.RagError, match="did not answer within 1 s") as caught:
        call(server, deadline_seconds=SHORT)
    assert caught.type is LATE[call]
    assert time.monotonic() - started < 5  # a drip takes far longer
    assert len(server.requests) == 1


@both
def test_a_renewed_key_gets_no_deadline_of_its_own(server: OpenAIServer, call: Callable[..., Any]) -> None:
    server.next(held(0.7 * SHORT), held(0.7 * SHORT))
    with pytest.raises(LATE[call]):
        call(server, "sk-old", "sk-good", deadline_seconds=SHORT)


def test_the_key_is_read_under_the_same_deadline(server: OpenAIServer) -> None:
    def slow(*, fresh: bool = False) -> str:
        threading.Event().wait(0.7 * SHORT)
        return "sk-good"

    server.next(held(0.7 * SHORT))
    embedder = OpenAIEmbedder(slow, server.base_url, "some-model", 8, deadline_seconds=SHORT)
    with closing(embedder), pytest.raises(errors.UpstreamUnavailable):
        embedder.embed(["text"])


def test_a_key_that_comes_too_late_is_not_used() -> None:
    release, attempts = threading.Event(), list[str]()

    def stuck(*, fresh: bool = False) -> str:
        release.wait(AMPLE)
        return "sk-good"

    with pytest.raises(errors.UpstreamUnavailable):
        renewing(stuck, attempts.append, 0.05, service="The endpoint")

    abandoned = [thread for thread in threading.enumerate() if thread.name == "deadline"]
    release.set()
    for thread in abandoned:
        thread.join(AMPLE)
    assert attempts == []


@both
@pytest.mark.parametrize("address", ["nonsense", "", "http://\x00/", "http://é\ud800/", "ftp://127.0.0.1/v1"])
def test_a_malformed_address_is_told_as_such(call: Call, address: str) -> None:
    class Elsewhere(OpenAIServer):
        base_url = address

    with Elsewhere() as server, pytest.raises(errors.UpstreamRejected, match="check the base URL"):
        call(server)


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
