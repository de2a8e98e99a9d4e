"""Where to fetch a batch's results that are too large for one response: told to whoever asked, and to nobody else."""

import re
from dataclasses import dataclass
from typing import Final, Protocol

from rag.batches.staged import results_key
from rag.errors import NoResults, NotFound
from rag.http.asking import BATCH_PREFIX
from rag.http.callers import Caller
from rag.http.exchange import HttpRequest, HttpResponse
from rag.http.executions import Standing, owner_of, owns
from rag.ports import ObjectStore

EXPIRY_SECONDS: Final = 900

_ID: Final = re.compile(rf"{BATCH_PREFIX}[A-Za-z0-9_-]{{1,74}}\Z")  # a name of Step Functions' has at most 80
_NO_BATCH: Final = "There is no batch with this id."
_RUNS: Final = "The batch has not ended yet: GET /v1/executions/{id} tells when it has."
_FAILED: Final = "The batch has failed and has no results: GET /v1/executions/{id} tells why."
_INLINE: Final = "The results are in the answer to GET /v1/executions/{id}, since they are small enough for it."
_GONE: Final = "The results are gone: they are kept for a week. Ask again."


class Standings(Protocol):
    """Executions of one state machine, to be looked at."""

    def standing(self, name: str) -> Standing | None:
        """Return how the execution of this name stands, or None where there is none.

        Raises:
            TransientError: worth another attempt.
            PermanentError: not.
        """
        ...


@dataclass(frozen=True, slots=True)
class Download:
    """An address that one object can be got from by whoever knows it."""

    url: str
    expires_at: int  # seconds since 1970


class Downloads(Protocol):
    """Lets somebody else read one object."""

    def link(self, key: str, expiry_seconds: int) -> Download:
        """Return an address of the object of exactly this key.

        Raises:
            PermanentError: there can be none.
        """
        ...


@dataclass(frozen=True, slots=True)
class ShowResults:
    """Hands out addresses to fetch the results of batches from."""

    batches: Standings
    objects: ObjectStore
    downloads: Downloads

    def __call__(self, caller: Caller, request: HttpRequest) -> HttpResponse:
        """Return an address for the results of one batch, whose key is made of its owner's tenant and its id alone.

        Raises:
            NotFound: there is no such batch, or it is another caller's.
            NoResults: it has no results apart from its execution.
            TransientError, PermanentError: as the state machine's service and the bucket do.
        """
        name = request.path_parameter("id")
        standing = self.batches.standing(name) if _ID.match(name) else None
        owner = None if standing is None else owner_of(standing.given)
        if standing is None or owner is None or not owns(caller, owner):
            raise NotFound(_NO_BATCH)
        if (lacking := _lacking(standing)) is not None:
            raise NoResults(lacking)
        key = results_key(owner.principal.tenant, name)
        if self.objects.info(key) is None:
            raise NoResults(_GONE)
        link = self.downloads.link(key, EXPIRY_SECONDS)
        return HttpResponse(200, {"url": link.url, "expires_at": link.expires_at})


def _lacking(standing: Standing) -> str | None:
    """Return why an execution has no results apart, or None where it has."""
    if standing.status == "RUNNING":
        return _RUNS
    if standing.output is None:
        return _FAILED
    return None if "results_location" in standing.output else _INLINE
