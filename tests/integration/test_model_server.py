import base64
import http.client
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import openai
import pytest
from numpy.typing import NDArray
from openai.types.chat import ChatCompletion

from ragctl.local.embedders import MINILM
from ragctl.local.models.api import ModelApi
from ragctl.local.models.server import ModelServer

REPOSITORY = Path(__file__).parents[2]
PASSAGE = "Submit the claim within 30 days after the end of the trip. The office in Oslo opens at nine."


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer("127.0.0.1", 0) as server:
        server.api = ModelApi()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(server: ModelServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="local", base_url=server.base_url, max_retries=0, timeout=10) as client:
        yield client


def vectors(client: openai.OpenAI, texts: list[str]) -> NDArray[np.float64]:
    return np.array([item.embedding for item in client.embeddings.create(model="wordllama-256", input=texts).data])


def ask(client: openai.OpenAI, question: str, limit: int | None = None) -> ChatCompletion:
    mark = "0123456789ab"
    user = (
        f'Passages:\n\n<passage-{mark} n="1" title="Travel" source="travel.md">\n{PASSAGE}\n</passage-{mark}>\n\n'
        f"<question-{mark}>\n{question}\n</question-{mark}>"
    )
    return client.chat.completions.create(
        model="extractive",
        messages=[{"role": "system", "content": "Answer only from the passages."}, {"role": "user", "content": user}],
        temperature=0,
        max_completion_tokens=limit,
    )


def post(server: ModelServer, path: str, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        connection.request("POST", path, body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_the_models_are_listed(client: openai.OpenAI) -> None:
    listed = [model.id for model in client.models.list()]
    optional = [MINILM.model] if MINILM.is_installed else []
    assert listed == ["wordllama-256", "wordllama-128", "wordllama-64", *optional, "extractive", "extractive-rerank"]


def test_an_embedding_has_256_dimensions_and_unit_length(client: openai.OpenAI) -> None:
    response = client.embeddings.create(model="wordllama-256", input="the price of a cat")

    [item] = response.data
    assert len(item.embedding) == 256
    assert np.linalg.norm(item.embedding) == pytest.approx(1, abs=1e-6)
    assert response.usage.total_tokens == response.usage.prompt_tokens == 5


@pytest.mark.parametrize("dimensions", [128, 64])
def test_a_shorter_model_is_the_beginning_of_the_longest_at_unit_length(client: openai.OpenAI, dimensions: int) -> None:
    [item] = client.embeddings.create(model=f"wordllama-{dimensions}", input="the price of a cat").data
    [longest] = vectors(client, ["the price of a cat"])

    beginning = longest[:dimensions] / np.linalg.norm(longest[:dimensions])
    assert np.allclose(item.embedding, beginning, atol=1e-6)


def test_embeddings_come_in_the_order_of_the_texts_and_near_meanings_lie_nearer(client: openai.OpenAI) -> None:
    cat, kitten, invoice = vectors(client, ["a cat", "a small kitten", "the invoice is overdue"])

    assert cat @ kitten > cat @ invoice


def test_a_text_has_the_same_vector_whatever_else_is_in_the_request(client: openai.OpenAI) -> None:
    alone = vectors(client, ["a cat"])
    among_others = vectors(client, ["a much longer text than the one in question", "a cat", "x"])

    assert (alone[0] == among_others[1]).all()


def test_base64_and_float_carry_the_same_numbers(client: openai.OpenAI) -> None:
    def embedding(encoding: Literal["base64", "float"]) -> object:
        response = client.embeddings.with_raw_response.create(
            model="wordllama-256", input="a cat", encoding_format=encoding
        )
        return response.http_response.json()["data"][0]["embedding"]

    encoded = embedding("base64")
    assert isinstance(encoded, str)
    assert np.frombuffer(base64.b64decode(encoded), "<f4").tolist() == embedding("float")


def test_2048_texts_are_embedded_at_once_and_one_more_is_refused(client: openai.OpenAI) -> None:
    assert vectors(client, ["a cat"] * 2048).shape == (2048, 256)
    with pytest.raises(openai.BadRequestError):
        vectors(client, ["a cat"] * 2049)


@pytest.mark.parametrize("texts", ["", [], ["a cat", ""]])
def test_nothing_to_embed_is_a_bad_request_that_names_the_parameter(
    client: openai.OpenAI, texts: str | list[str]
) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        client.embeddings.create(model="wordllama-256", input=texts)

    assert refusal.value.param == "input"


def test_other_dimensions_are_refused(client: openai.OpenAI) -> None:
    assert client.embeddings.create(model="wordllama-256", input="a cat", dimensions=256).data
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="wordllama-256", input="a cat", dimensions=128)


def test_an_unknown_model_does_not_exist(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as embedding_refusal:
        client.embeddings.create(model="text-embedding-3-small", input="a cat")
    with pytest.raises(openai.NotFoundError) as chat_refusal:
        client.chat.completions.create(model="wordllama-256", messages=[{"role": "user", "content": "Why?"}])

    assert embedding_refusal.value.code == chat_refusal.value.code == "model_not_found"


def test_an_answer_quotes_the_passage_and_cites_it(client: openai.OpenAI) -> None:
    completion = ask(client, "How soon after the trip must I submit my claim?")

    [choice] = completion.choices
    assert choice.message.content == "Submit the claim within 30 days after the end of the trip. [1]"
    assert choice.finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens > 60


def test_what_the_passages_do_not_hold_is_declined(client: openai.OpenAI) -> None:
    assert ask(client, "Who painted the Sistine Chapel?").choices[0].message.content == "I don't know."


def test_a_limit_of_tokens_cuts_the_answer(client: openai.OpenAI) -> None:
    completion = ask(client, "How soon after the trip must I submit my claim?", limit=3)

    assert completion.choices[0].message.content == "Submit the"
    assert completion.choices[0].finish_reason == "length"


def test_a_stream_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        client.chat.completions.create(model="extractive", messages=[{"role": "user", "content": "Why?"}], stream=True)

    assert refusal.value.param == "stream"


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/chat/completions"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"model": "\xff"}',
        b'{"model": 1}',
        b"[" * 50_000,
        b'{"model": "extractive", "messages": "Why?"}',
    ],
    ids=["empty", "cut off", "no object", "no UTF-8", "wrong type", "deep", "wrong field"],
)
def test_a_malformed_request_is_refused_in_the_shape_of_the_api(server: ModelServer, path: str, body: bytes) -> None:
    status, answer = post(server, path, body)

    assert status == 400
    assert b'"type":"invalid_request_error"' in answer


@pytest.mark.parametrize("half", [rb"\ud800", rb"\udc00"])
def test_half_a_surrogate_pair_is_refused(server: ModelServer, half: bytes) -> None:
    status, _ = post(server, "/v1/embeddings", b'{"model": "wordllama-256", "input": "%b"}' % half)

    assert status == 400


def test_an_unknown_path_is_not_found(server: ModelServer) -> None:
    assert post(server, "/v1/completions", b"{}")[0] == 404


def test_one_connection_serves_many_requests_even_after_an_error(server: ModelServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        statuses = []
        for path in ("/health", "/nowhere", "/health"):
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
            assert connection.sock is not None  # else the server hung up
    finally:
        connection.close()

    assert statuses == [200, 404, 200]


def started(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "ragctl.local.models", *arguments]
    return subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)


def test_the_process_serves_on_the_port_it_prints_and_ends_when_told() -> None:
    with started("--port", "0") as process:
        assert process.stderr is not None
        base_url = re.search(r"http://127\.0\.0\.1:\d+/v1", process.stderr.readline())
        assert base_url
        with openai.OpenAI(api_key="local", base_url=base_url[0], timeout=10) as client:
            assert ask(client, "When does the Oslo office open?").choices
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=10) == 0


def test_a_port_in_use_is_one_line_and_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with started("--port", port) as process:
            _, errors = process.communicate(timeout=10)

    assert process.returncode == 1
    assert len(errors.splitlines()) == 1
    assert port in errors


def test_the_process_ends_with_its_parent() -> None:
    parent = (
        "import subprocess, sys\n"
        "arguments = ['-m', 'ragctl.local.models', '--port', '0']\n"
        "child = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.PIPE)\n"
        "print(child.stderr.readline().decode())\n"
    )

    # The child inherits the pipe of its parent's output, so this returns once both have ended.
    ended = subprocess.run(
        [sys.executable, "-c", parent], cwd=REPOSITORY, stdout=subprocess.PIPE, timeout=30, check=True
    )

    assert b"http://127.0.0.1:" in ended.stdout
