"""Which embedding model the local stack starts with: the one asked for, else the one its documents are embedded with.

Each model has a collection of its own. With another than they were embedded with, documents would be there and nobody
would find them: `rag reindex` moves them.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ragctl.local.embedders import EMBEDDERS, EMBEDDING_MODELS, WORDLLAMA, EmbedderName, LocalEmbedder
from ragctl.local.journal import glance

EMBEDDING_FILE: Final = "embedding.json"

_DOCUMENTS: Final = '{"S": "document#'
_POINTER: Final = ('{"S": "index"}', '{"S": "pointer"}')

ModelInUse = tuple[str, int]
"""A model's name, and its dimensions."""


class EmbedderError(Exception):
    """The local stack cannot start with this embedding model: told in one line that says what to do."""


def chosen_embedder(data: Path, asked: EmbedderName | None, overrides: Mapping[str, str]) -> LocalEmbedder:
    """Return the local model to start with on a data directory, which has no effect if another endpoint embeds.

    Raises:
        EmbedderError: there is none of this name, its packages are missing, or the directory holds documents that are
            embedded with another.
    """
    if "EmbeddingBaseUrl" in overrides:
        return WORDLLAMA
    wanted = _wanted(asked, overrides.get("EmbeddingModel"))
    of_documents = _model_of_documents(data)
    embedder = wanted or (EMBEDDING_MODELS.get(of_documents[0]) if of_documents else None) or WORDLLAMA
    if not embedder.is_installed:
        raise EmbedderError(
            f"The embedding model {embedder.model} is not installed. Install it: "
            f".venv/bin/pip install -e '.[{embedder.extra}]' --extra-index-url https://download.pytorch.org/whl/cpu"
        )
    if wanted and of_documents and of_documents != (wanted.model, wanted.dimensions):
        raise EmbedderError(
            f"The documents in {data} are embedded with {of_documents[0]}: {wanted.model} would not find "
            f"them. Start without choosing a model, then move them: rag reindex --model {wanted.model} "
            f"--dimensions {wanted.dimensions}. Or choose another --data-dir."
        )
    return embedder


def remember_embedding(data: Path, model: str, dimensions: int) -> None:
    """Note what the documents that are loaded from now on are embedded with."""
    (data / EMBEDDING_FILE).write_text(json.dumps({"model": model, "dimensions": dimensions}) + "\n", encoding="utf-8")


def searched_model(data: Path) -> ModelInUse | None:
    """Return the model whose collection readers search, if the stack has ever run on this directory."""
    for key, state in glance(data / "journal", _POINTER[1]).items():
        if key[2:] == _POINTER:
            live = json.loads(state["entry"]["S"])["live"]
            return live["model"], live["dimensions"]
    try:
        noted = json.loads((data / EMBEDDING_FILE).read_text(encoding="utf-8"))
        return noted["model"], noted["dimensions"]
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return None


def _wanted(asked: EmbedderName | None, parameter: str | None) -> LocalEmbedder | None:
    if asked is not None:
        return EMBEDDERS[asked]
    if parameter is None:
        return None
    if parameter not in EMBEDDING_MODELS:
        known = ", ".join(EMBEDDING_MODELS)
        raise EmbedderError(f"The local model server has no embedding model {parameter!r}. It has: {known}.")
    return EMBEDDING_MODELS[parameter]


def _model_of_documents(data: Path) -> ModelInUse | None:
    """Return what the directory's documents are embedded with; None where there are none."""
    items = glance(data / "journal", _DOCUMENTS)
    documents = [state for key, state in items.items() if key[2:3] and key[2].startswith(_DOCUMENTS)]
    if all(state["status"]["S"] == "deleted" for state in documents):
        return None
    return searched_model(data) or (WORDLLAMA.model, WORDLLAMA.dimensions)  # nobody had asked for another
