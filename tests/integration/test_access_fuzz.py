"""An attacker with a token of its own tries every field, header, path and token to reach what is closed to it.

A few hundred attempts go by themselves; ACCESS_ATTEMPTS=5000 makes it a campaign, ACCESS_SEED another one. What the
same questions find once a guard is taken away is in tests/contract/test_access_attempts.py.
"""

import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWK

from rag.models import IndexedChunk
from rag.registration import Registration
from ragctl import wiring
from ragctl.api import BearerToken, Client
from ragctl.api.model import Batch, Question
from ragctl.deployment import Deployment
from ragctl.local.http.issuer import Claims, Issuer
from tests.attacks.canaries import ATTACKER, CANARY, COLLEAGUE, VICTIM, leaks, planted
from tests.attacks.requests import Attacker, Known
from tests.attacks.tokens import Forge
from tests.attacks.wire import Attempt, Shown, send
from tests.fakes.log_records import records
from tests.integration.conftest import ROOT, live_index, stack_of

ATTEMPTS = int(os.environ.get("ACCESS_ATTEMPTS", "300"))
SEED = int(os.environ.get("ACCESS_SEED", "5"))
KEYS = ("victims-key", "1")
SIDE_BY_SIDE = 6


@dataclass
class Campaign:
    """All that was tried, and all that came of it."""

    deployment: Deployment
    logs: Path
    shown: list[Shown] = field(default_factory=list)
    ended: list[Shown] = field(default_factory=list)  # the executions that the attacker started
    victims_executions: Sequence[str] = ()
    searches_before: int = 0

    @property
    def api(self) -> str:
        return self.deployment.output("ApiUrl")

    @property
    def table(self) -> list[Registration]:
        """What the registry holds of the documents."""
        registry = wiring.registry(self.deployment)
        return [registry.load(one.tenant, [one.document_id])[one.document_id] for one in planted()]

    def token(self, tenant: str, groups: Sequence[str], *, writer: bool = False) -> str:
        subject = f"{tenant}-{'-'.join(groups)}"
        return Issuer.at(self.api).token(Claims(tenant, tuple(groups), writer, subject), minutes=600)

    def searched(self) -> list[dict[str, Any]]:
        """Return what the search functions logged of each search."""
        files = [self.logs / f"{name}Function.log" for name in ("Search", "SearchBatch")]
        logged = [record for file in files for record in records(file.read_text(encoding="utf-8"))]
        return [record for record in logged if record.get("message") == "searched"]

    def told(self, method: str, path: str) -> list[Shown]:
        """Return what came back from one method below one path."""
        return [one for one in self.shown if (one.attempt.method, one.attempt.path.startswith(path)) == (method, True)]


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    data = tmp_path_factory.mktemp("access")
    parameters = {"LogLevel": "DEBUG", "QuestionsPerDay": "1000000", "RelevanceRule": "always"}
    with stack_of(ROOT / "template.yaml", data, parameters) as deployment:
        run = Campaign(deployment, data / "logs")
        plant(deployment)
        run.victims_executions = victims_life(run)
        run.searches_before = len(run.searched())
        attack(run)
        yield run


def plant(deployment: Deployment) -> None:
    """Put the documents into registry and index; they never were in an event, a prompt or a log."""
    embedder, index = wiring.embedder(deployment), live_index(deployment)
    for tenant in {one.tenant for one in planted()}:
        wiring.registry(deployment).store([one.registration for one in planted() if one.tenant == tenant])
        chunks = [one.chunk for one in planted() if one.tenant == tenant]
        vectors = embedder.embed([chunk.embedded_text for chunk in chunks]).vectors
        index.upsert(tenant, [IndexedChunk(*pair) for pair in zip(chunks, vectors, strict=True)])
        index.settle(tenant, [chunk.chunk_id for chunk in chunks])


def victims_life(run: Campaign) -> list[str]:
    """Ask as those do who may, and return the ids of their executions, which the attacker is to know."""
    question = Question(query="Which phrase opens the vault?")
    started = []
    for principal in (VICTIM, COLLEAGUE):
        with Client(run.api, BearerToken(run.token(principal.tenant, principal.groups))) as victim:
            assert CANARY.search(repr(victim.answer(question)))  # what is closed is there to be found
            executions = [victim.start(question, key).id for key in KEYS]
            batch = victim.start_batch(Batch(queries=[question.query])).id
            assert all(CANARY.search(repr(victim.wait(one).result)) for one in executions)
            assert CANARY.search(repr(victim.wait_for_batch(batch).result))
            started += [*executions, batch]
    return started


def attack(run: Campaign) -> None:
    """Make the attempts, some side by side, and fetch what they started."""
    own = run.token(ATTACKER.tenant, ATTACKER.groups)
    writer = run.token(ATTACKER.tenant, ATTACKER.groups, writer=True)
    attacker = Attacker(
        Known(own, writer, Forge(own, public_key(run.api)), run.victims_executions, KEYS), random.Random(SEED)
    )
    attempts = [attacker.attempt() for _ in range(ATTEMPTS)]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as workers:
        run.shown = list(workers.map(lambda attempt: send(run.api, attempt), attempts))
        started = sorted({one.json()["id"] for one in run.shown if one.status == 202 and b'"status_url"' in one.body})
        run.ended = list(workers.map(lambda name: outcome(run.api, name, own), started))


def outcome(api: str, execution: str, token: str) -> Shown:
    """Return how an execution ended."""
    deadline = time.monotonic() + 120
    pause = 0.05
    while True:
        shown = send(api, Attempt("GET", f"/v1/executions/{execution}", [("Authorization", f"Bearer {token}")]))
        if shown.status != 200 or shown.json()["status"] != "RUNNING" or time.monotonic() > deadline:
            return shown
        time.sleep(pause)


def public_key(api: str) -> str:
    """Return the issuer's public key as everybody can have it."""
    with urlopen(f"{Issuer.at(api).url}/.well-known/jwks.json") as answer:
        (key,) = json.load(answer)["keys"]
    public: Any = PyJWK(key).key
    return str(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def test_nothing_that_came_back_holds_a_canary(campaign: Campaign) -> None:
    leaked = [one for one in [*campaign.shown, *campaign.ended] if leaks(one.everything)]

    assert leaked == []


def test_no_log_line_and_no_metric_holds_a_canary(campaign: Campaign) -> None:
    files = [file for file in campaign.logs.rglob("*") if file.is_file()]

    assert {file.name: found for file in files if (found := leaks(file.read_bytes()))} == {}


def test_half_of_the_attempts_get_through_to_the_index(campaign: Campaign) -> None:
    assert len(campaign.searched()) - campaign.searches_before >= ATTEMPTS / 2


def test_the_index_itself_keeps_them_apart_and_leaves_the_registry_nothing_to_drop(campaign: Campaign) -> None:
    assert sum(line["dropped"] for line in campaign.searched()) == 0


def test_no_attempt_breaks_anything(campaign: Campaign) -> None:
    assert [one for one in campaign.shown if one.status >= 500] == []
    assert {one.status for one in campaign.ended} == {200}


def test_an_execution_is_its_starters_alone(campaign: Campaign) -> None:
    looks = campaign.told("GET", "/v1/executions/")
    own = {one.json()["id"] for one in campaign.ended}

    assert looks
    assert {one.status for one in looks} <= {400, 403, 404}
    assert own.isdisjoint(campaign.victims_executions)


def test_results_of_a_batch_are_its_starters_alone(campaign: Campaign) -> None:
    token = campaign.token(ATTACKER.tenant, ATTACKER.groups)
    authorized = [("Authorization", f"Bearer {token}")]
    names = [*campaign.victims_executions, "batch-unknown"]
    told = [send(campaign.api, Attempt("GET", f"/v1/batches/{name}/results", authorized)) for name in names]

    assert {one.status for one in told} == {404}
    assert len({(one.json()["type"], one.json()["detail"]) for one in told}) == 1


def test_lists_hold_open_documents_alone(campaign: Campaign) -> None:
    open_ids = {one.document_id for one in planted() if not leaks(one.text)}
    pages = [one.json()["documents"] for one in campaign.told("GET", "/v1/documents?") if one.status == 200]

    assert {document["document_id"] for page in pages for document in page} == open_ids


def test_no_closed_document_is_shown_or_deleted_by_any_name(campaign: Campaign) -> None:
    told = [*campaign.told("GET", "/v1/documents/"), *campaign.told("DELETE", "/v1/documents/")]

    assert told
    assert {one.status for one in told} <= {400, 403, 404}


def test_leave_to_upload_is_given_for_nothing_that_is_closed(campaign: Campaign) -> None:
    closed = {f"documents/{one.tenant}/{one.document_id}" for one in planted() if leaks(one.text)}
    grants = [one.json()["fields"]["key"] for one in campaign.told("POST", "/v1/documents") if one.status == 201]

    assert all(key.startswith("documents/mallory/") for key in grants)
    assert closed.isdisjoint(key.removesuffix(".metadata.json") for key in grants)


def test_what_is_closed_is_as_it_was(campaign: Campaign) -> None:
    entries = campaign.table
    index = live_index(campaign.deployment)
    held = {one.chunk.chunk_id for one in planted() if list(index.entries(one.tenant, [one.document_id]))}

    assert [(one.status, one.groups, one.hidden, one.turn) for one in entries] == [
        (one.registration.status, one.registration.groups, one.registration.hidden, 1) for one in planted()
    ]
    assert held == {one.chunk.chunk_id for one in planted()}
