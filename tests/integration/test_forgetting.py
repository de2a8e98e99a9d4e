"""What is deleted is gone: for readers at once, from every other place soon. What stays the same is not done again."""

import json
from typing import Any, Final
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from rag.identity import embedding_key
from ragctl import wiring
from ragctl.asking import Asker
from ragctl.cli import app
from ragctl.machines import Machine
from tests.integration.ingestion_site import IngestionSite

PATH: Final = "leave.md"
LEAVE: Final = "# Leave policy\n\nEvery employee has 25 days of paid leave per year.\n"
QUESTION: Final = "How many days of paid leave does an employee have?"
PARAGRAPHS: Final = [
    f"Rule {number}. " + " ".join(f"In case {number * 31 + case} ask desk {case * 7 + number}." for case in range(14))
    for number in range(130)
]


@pytest.fixture
def tenant() -> str:
    return f"forgetting-{uuid4().hex[:12]}"


@pytest.fixture(params=["by an event", "by hand"])
def deletion(request: pytest.FixtureRequest, quiet_site: IngestionSite, tenant: str) -> Any:
    """Both ways to delete the document: whoever calls this does, and gets what starts the ingestion of it."""
    if request.param == "by an event":
        return lambda: quiet_site.delete(tenant, PATH)
    return lambda: {"tenant": tenant, "document_id": PATH, "action": "delete"}


def test_a_deleted_document_is_cited_no_more_before_the_index_has_forgotten_it(
    quiet_site: IngestionSite, tenant: str, deletion: Any
) -> None:
    quiet_site.deliver(quiet_site.put(tenant, PATH, LEAVE))
    assert cited(quiet_site, tenant) == [PATH]

    quiet_site.begin(deletion(), name=f"deletion-{tenant}")

    assert quiet_site.chunks(tenant), "the index has forgotten nothing yet"
    assert cited(quiet_site, tenant) == []
    assert quiet_site.found(tenant, QUESTION) == {}


def test_of_a_deleted_document_nothing_is_left_in_the_end(
    quiet_site: IngestionSite, tenant: str, deletion: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet_site.deliver(quiet_site.put(tenant, PATH, LEAVE))
    keys = cache_keys(quiet_site, tenant)
    cache = wiring.cache_of(quiet_site.stack)
    assert set(cache.get(keys)) == set(keys)

    event, name = deletion(), f"deletion-{tenant}"
    quiet_site.begin(event, name)
    assert quiet_site.finished(quiet_site.start(event, name)) == ["SUCCEEDED"]

    assert quiet_site.chunks(tenant) == []
    assert cache.get(keys) == {}
    assert quiet_site.staged(tenant) == []
    assert wiring.objects(quiet_site.stack).info(f"documents/{tenant}/{PATH}") is None
    assert [(entry.status, entry.title, entry.versions) for entry in quiet_site.entries(tenant)] == [
        ("deleted", "", {})
    ]
    expect_doctor_to_find_nothing(quiet_site, tenant, monkeypatch)


@pytest.mark.parametrize("changed", [0, 64, 129])
def test_a_changed_paragraph_of_a_long_document_has_at_most_three_chunks_embedded(
    quiet_site: IngestionSite, tenant: str, changed: int
) -> None:
    first = quiet_site.start(quiet_site.put(tenant, PATH, "\n\n".join(PARAGRAPHS)))
    assert quiet_site.finished(first) == ["SUCCEEDED"]
    paragraphs = [*PARAGRAPHS]
    paragraphs[changed] = f"Rule {changed} was replaced in May, and nobody need ask at any desk since."

    second = quiet_site.start(quiet_site.put(tenant, PATH, "\n\n".join(paragraphs)))

    assert quiet_site.finished(second) == ["SUCCEEDED"]
    assert embedded(quiet_site, first) >= 100
    assert 1 <= embedded(quiet_site, second) <= 3
    (entry,) = quiet_site.entries(tenant)
    assert len(quiet_site.chunks(tenant)) == entry.chunks >= 100


def cited(site: IngestionSite, tenant: str) -> list[str]:
    """Return the ids of the documents that the answer to the question cites."""
    answer = Asker(site.stack).ask({"query": QUESTION, "tenant": tenant}).output
    return [citation["document_id"] for citation in answer["citations"]]


def cache_keys(site: IngestionSite, tenant: str) -> list[str]:
    """Return the keys under which the vectors of the tenant's chunks are cached."""
    endpoint, target = site.stack.output("EmbeddingBaseUrl"), site.target
    texts = [one.chunk.embedded_text for one in site.chunks(tenant)]
    assert texts
    return [embedding_key(tenant, endpoint, target.model, target.dimensions, text) for text in texts]


def embedded(site: IngestionSite, execution: str) -> int:
    """Return how many chunks an execution had embedded by the model."""
    output = Machine(site.stack, "IngestStateMachineArn").output_of(execution, "IngestBatches")
    return sum(batch["embedded"]["embedded"] for batch in output["batches"])


def expect_doctor_to_find_nothing(site: IngestionSite, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert site.stack.endpoint
    monkeypatch.setenv("RAG_ENDPOINT", site.stack.endpoint)
    result = CliRunner().invoke(app, ["doctor", "--tenant", tenant, "--patience", "0", "--json"])
    found = json.loads(result.stdout)
    assert (found["ok"], found["orphans"], found["unreaped"], result.exit_code) == (True, 0, 0, 0)
