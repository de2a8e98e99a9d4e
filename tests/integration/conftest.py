"""Local stacks for tests: started once however many test processes share them, and ended with the last."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from rag.ports import ChunkIndex
from ragctl import wiring
from ragctl.deployment import Deployment
from ragctl.local import presence
from ragctl.local.account import STACK_NAME
from ragctl.local.services import Service, free_port
from tests.integration.ingestion_site import IngestionSite

ROOT = Path(__file__).parents[2]
TOY_STACK = Path(__file__).parent / "toy_stack"


@pytest.fixture(scope="session")
def local_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The project's own template on a local stack, with local models and an empty vector store."""
    with _shared_stack(_common_directory(tmp_path_factory) / "local_stack", ROOT / "template.yaml") as deployment:
        yield deployment


@pytest.fixture(scope="session")
def quiet_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IngestionSite]:
    """Another local stack, whose bucket starts no ingestion by itself, and which shows every chunk as it is."""
    directory = _common_directory(tmp_path_factory) / "quiet_stack"
    shown = ("--parameter=RelevanceRule=always", "--parameter=MergedPassageTokens=0")
    with _shared_stack(directory, ROOT / "template.yaml", *shown) as deployment:
        site = IngestionSite(deployment)
        site.quieten()
        yield site


@pytest.fixture(scope="session")
def toy_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Small functions and machines on a local stack."""
    with _shared_stack(_common_directory(tmp_path_factory) / "toy_stack", TOY_STACK / "template.yaml") as deployment:
        yield deployment


def _common_directory(factory: pytest.TempPathFactory) -> Path:
    """Return the directory that all test processes of this run have in common."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def _shared_stack(directory: Path, template: Path, *options: str) -> Iterator[Deployment]:
    """Start a stack, or join the one that another test process has started and keeps until nobody uses it."""
    directory.mkdir(exist_ok=True)
    data = directory / "data"
    with (directory / "door").open("w") as door, (directory / "users").open("w") as users:
        fcntl.flock(door, fcntl.LOCK_EX)
        running = presence.find(data)
        service = None if running else _start(template, data, directory / "up.log", *options)
        running = running or presence.find(data)
        assert running is not None
        fcntl.flock(users, fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        try:
            yield Deployment(STACK_NAME, running.endpoint)
        finally:
            fcntl.flock(users, fcntl.LOCK_UN)
            if service:
                fcntl.flock(door, fcntl.LOCK_EX)  # nobody comes in any more
                fcntl.flock(users, fcntl.LOCK_EX)  # and everybody has left
                service.stop()


def live_index(deployment: Deployment) -> ChunkIndex:
    """Return a deployment's live collection."""
    return wiring.index_of(deployment)(wiring.pointer(deployment).read().live)


@contextmanager
def stack_of(template: Path, data: Path, parameters: Mapping[str, str]) -> Iterator[Deployment]:
    """Start a stack of one's own, with parameters of one's own."""
    service = _start(template, data, data / "up.log", *(f"--parameter={k}={v}" for k, v in parameters.items()))
    try:
        running = presence.find(data)
        assert running is not None
        yield Deployment(STACK_NAME, running.endpoint)
    finally:
        service.stop()


def _start(template: Path, data: Path, log: Path, *options: str) -> Service:
    port = free_port()
    arguments = [
        "up",
        "--template",
        str(template),
        "--data-dir",
        str(data),
        "--port",
        str(port),
        "--api-port",
        "0",
        *options,
    ]
    service = Service("The stack under test", "ragctl", arguments, port, log)
    try:
        service.await_readiness(lambda _port: (running := presence.find(data)) is not None and running.ready)
    except BaseException:
        service.stop()
        raise
    return service
