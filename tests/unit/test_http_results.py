"""Where a batch's results are to be fetched: told to whoever asked, for its own key alone, or why nowhere."""

from collections.abc import Mapping
from typing import Any

import pytest

from rag.batches.staged import prefix_of, results_key
from rag.errors import NoResults, NotFound
from rag.http.callers import Caller
from rag.http.exchange import HttpRequest, HttpResponse, problem_response
from rag.http.results import Download, ShowResults
from rag.models import Principal
from tests.fakes.memory_executions import MemoryExecutions
from tests.fakes.memory_objects import MemoryObjects
from tests.fakes.proxy_events import a_caller, event

NAME = "batch-0a1b"
KEY = "batches/acme/batch-0a1b/results.json"
APART = {"results_location": f"s3://documents/{KEY}", "answered": 1, "failed": 0, "trace_id": NAME}


class Links:
    """The Downloads port: keeps what was signed."""

    def __init__(self) -> None:
        self.made = list[str]()

    def link(self, key: str, expiry_seconds: int) -> Download:
        self.made.append(key)
        return Download(f"https://bucket.example/{key}", 1_000 + expiry_seconds)


def called(name: str) -> HttpRequest:
    return HttpRequest.of(event() | {"path": f"/v1/batches/{name}/results", "pathParameters": {"id": name}})


class Desk:
    """One batch of Ann's, in the tenant acme, and others' executions."""

    def __init__(self) -> None:
        self.batches, self.objects, self.links = MemoryExecutions(), MemoryObjects(), Links()
        self._show = ShowResults(self.batches, self.objects, self.links)

    def put(self, owner: Any, output: Mapping[str, Any] | None = None, status: str = "SUCCEEDED") -> None:
        self.batches.start(NAME, {"queries": ["q"], "tenant": "acme", "groups": [], "caller": owner})
        if status != "RUNNING":
            self.batches.end(NAME, status, output)

    def show(self, caller: Caller, name: str = NAME) -> HttpResponse:
        return self._show(caller, called(name))


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.objects.write(KEY, b"[]")
    return desk


def owner(identifier: str = "token/ann", tenant: str = "acme") -> dict[str, Any]:
    return {"id": identifier, "principal": {"tenant": tenant, "groups": ["hr"]}}


def test_an_address_is_for_the_batch_s_own_results_and_a_quarter_of_an_hour(desk: Desk) -> None:
    desk.put(owner(), APART)
    response = desk.show(a_caller())
    assert desk.links.made == [KEY]
    assert (response.status, response.body) == (200, {"url": f"https://bucket.example/{KEY}", "expires_at": 1_900})


def test_the_key_is_where_a_batch_of_that_name_is_staged() -> None:
    assert results_key("acme", NAME) == KEY == f"{prefix_of('acme', NAME)}/results.json"


@pytest.mark.parametrize(
    "location", ["s3://documents/documents/acme/payroll.md", "s3://documents/batches/other/batch-1/results.json", ""]
)
def test_no_location_of_an_output_is_followed(desk: Desk, location: str) -> None:
    desk.put(owner(), APART | {"results_location": location})
    desk.show(a_caller())
    assert desk.links.made == [KEY]


@pytest.mark.parametrize(
    "somebody", [a_caller(name="bob"), a_caller(tenant="other"), a_caller(tenant="other", name="bob", writer=True)]
)
@pytest.mark.parametrize(("output", "status"), [(APART, "SUCCEEDED"), ({}, "SUCCEEDED"), (None, "RUNNING")])
def test_another_caller_s_batch_looks_like_one_that_does_not_exist(
    desk: Desk, somebody: Caller, output: Any, status: str
) -> None:
    desk.put(owner(), output, status)
    told = set()
    for name in (NAME, "batch-unknown"):
        with pytest.raises(NotFound) as caught:
            desk.show(somebody, name)
        told.add(str(caught.value))
    assert len(told) == 1
    assert not desk.links.made


@pytest.mark.parametrize("identifier", ["role/123456789012/App", "user/123456789012/ann", "key/abc"])
def test_a_caller_without_claims_keeps_its_batches_when_it_is_moved_to_another_tenant(
    desk: Desk, identifier: str
) -> None:
    """As GET /v1/executions/{id} has it, where no tenant is known of such a caller."""
    desk.put(owner(identifier), APART)
    desk.show(Caller(identifier, Principal("moved", ())))
    assert desk.links.made == [KEY]
    with pytest.raises(NotFound):
        desk.show(Caller(f"{identifier}2", Principal("acme", ())))


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        "token/ann",
        {"id": "token/ann"},
        {"id": "token/ann", "principal": {"tenant": "../other", "groups": []}},
    ],
)
def test_what_a_script_started_is_nobody_s(desk: Desk, given: Any) -> None:
    desk.put(given, APART)
    with pytest.raises(NotFound):
        desk.show(a_caller())


@pytest.mark.parametrize(
    "name", ["0a1b", "batch-", "batch-a/b", "batch-..", "batch-é", "batch-" + "x" * 75, "batch-a\n"]
)
def test_what_is_no_batch_s_id_is_not_looked_up(desk: Desk, name: str) -> None:
    desk.batches.start(name, {"caller": owner()})
    desk.batches.end(name, "SUCCEEDED", APART)
    with pytest.raises(NotFound):
        desk.show(a_caller(), name)


@pytest.mark.parametrize(
    ("status", "output", "sentence"),
    [
        ("RUNNING", None, "has not ended yet"),
        ("SUCCEEDED", {"results": [], "answered": 0}, "small enough"),
        ("FAILED", None, "has failed"),
        ("TIMED_OUT", None, "has failed"),
        ("ABORTED", None, "has failed"),
    ],
)
def test_a_batch_without_results_apart_tells_why(desk: Desk, status: str, output: Any, sentence: str) -> None:
    desk.put(owner(), output, status)
    with pytest.raises(NoResults, match=sentence) as caught:
        desk.show(a_caller())
    told = problem_response(caught.value, None)
    assert (told.status, told.body["type"], told.body["detail"]) == (
        404, "urn:serverless-rag:no-results", str(caught.value),
    )  # fmt: skip


def test_results_that_the_bucket_has_forgotten_have_no_address(desk: Desk) -> None:
    desk.put(owner(), APART)
    desk.objects.delete([KEY])
    with pytest.raises(NoResults, match="gone"):
        desk.show(a_caller())
    assert not desk.links.made
