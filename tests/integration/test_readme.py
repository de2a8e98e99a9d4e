"""The README's own questions are answered."""

import re
from pathlib import Path

import pytest

from ragctl.asking import Asker
from ragctl.commands.demo import QUESTIONS
from ragctl.deployment import Deployment

ROOT = Path(__file__).parents[2]
TENANT = "readme"


@pytest.fixture(scope="module")
def asker(local_stack: Deployment) -> Asker:
    from rag.chunking import Chunker
    from rag.documents.attributes import Attributes
    from rag.loading import LoadDocuments
    from rag.vectorising import CachedEmbedder
    from ragctl import wiring
    from ragctl.sources import documents_of

    embedder = CachedEmbedder(wiring.embedder(local_stack), wiring.embedding_cache(local_stack))
    load = LoadDocuments(embedder, wiring.chunk_index(local_stack), Chunker())
    for _ in load(TENANT, documents_of([ROOT / "examples" / "handbook"], Attributes((), {}))):
        pass
    return Asker(local_stack)


@pytest.mark.parametrize("question", re.findall(r'rag ask "([^"…]+)"', (ROOT / "README.md").read_text()))
def test_what_the_readme_asks_is_answered(asker: Asker, question: str) -> None:
    assert asker.ask({"query": question, "tenant": TENANT}).output["answered"]


def test_the_demo_shows_an_answer_and_a_refusal(asker: Asker) -> None:
    outputs = [asker.ask({"query": question, "tenant": TENANT}).output for question in QUESTIONS]
    assert [output["answered"] for output in outputs] == [True, False]
