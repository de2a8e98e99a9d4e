"""A data directory and the model of its documents, over starts of the stack; and the optional model itself."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ragctl.asking import Asker
from ragctl.cli import app
from ragctl.deployment import Deployment
from ragctl.local.embedders import EMBEDDING_MODELS, MINILM, EmbedderName
from ragctl.local.embedding_choice import EmbedderError, chosen_embedder
from ragctl.local.models.minilm import MiniLmEmbedder
from tests.integration.conftest import ROOT, stack_of

LEAVE = "# Leave\n\nEvery employee has 25 days of paid leave per year.\n"
QUESTION = "How many days of paid leave does an employee have?"


def rag(stack: Deployment, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    assert stack.endpoint
    monkeypatch.setenv("RAG_ENDPOINT", stack.endpoint)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result
    return result.stdout


def test_a_stack_starts_with_the_model_of_its_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, document = tmp_path / "data", tmp_path / "leave.md"
    document.write_text(LEAVE)
    with stack_of(ROOT / "template.yaml", data, {"EmbeddingModel": "wordllama-64"}) as stack:
        assert stack.output("EmbeddingDimensions") == "64"
        assert chosen_embedder(data, EmbedderName.WORDLLAMA, {}).model == "wordllama-256"  # there is nothing to lose
        rag(stack, monkeypatch, "ingest", str(document))
        with pytest.raises(EmbedderError, match="are embedded with wordllama-64"):
            chosen_embedder(data, EmbedderName.WORDLLAMA, {})
        rag(stack, monkeypatch, "reindex", "--model", "wordllama-128", "--dimensions", "128")
        with pytest.raises(EmbedderError, match="are embedded with wordllama-128"):
            chosen_embedder(data, EmbedderName.WORDLLAMA, {})

    with stack_of(ROOT / "template.yaml", data, {}) as stack:
        assert stack.output("EmbeddingModel") == "wordllama-128"
        assert "25 days" in Asker(stack).ask({"query": QUESTION, "tenant": "default"}).output["answer"]
        assert "Embedder       wordllama-128, 128 dimensions" in rag(stack, monkeypatch, "status", f"--data-dir={data}")
        status = json.loads(rag(stack, monkeypatch, "status", f"--data-dir={data}", "--json"))
        assert status["embedding"] == {"model": "wordllama-128", "dimensions": 128}


@pytest.mark.skipif(not MINILM.is_installed, reason="the extra minilm is not installed")
class TestMiniLm:
    def test_near_meanings_lie_nearer(self) -> None:
        embedded = MiniLmEmbedder().embed(["a cat", "a small kitten", "the invoice is overdue"])

        cat, kitten, invoice = embedded.vectors
        assert embedded.vectors.shape == (3, EMBEDDING_MODELS[MINILM.model].dimensions)
        assert cat @ cat == pytest.approx(1, abs=1e-6)
        assert cat @ kitten > 0.6
        assert cat @ invoice < 0.2

    def test_a_text_is_read_up_to_256_tokens(self) -> None:
        embedder = MiniLmEmbedder()

        longest, longer = (embedder.embed(["cat " * words]) for words in (254, 1000))

        assert (longest.tokens, longer.tokens) == (256, 256)
        assert longest.vectors[0] @ longer.vectors[0] == pytest.approx(1, abs=1e-5)
