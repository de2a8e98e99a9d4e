"""Which documents an API caller is shown: those that it may read, and nothing about any other."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import InvalidRequest, NotFound, UpstreamTimedOut
from rag.http.callers import Caller
from rag.http.documents import SECONDS, ListDocuments, ShowDocument, may_see
from rag.http.exchange import HttpResponse
from rag.registration import Registration
from tests.fakes.memory_catalogue import MemoryCatalogue
from tests.fakes.memory_registry import MemoryRegistry
from tests.fakes.proxy_events import a_caller, request

ANN, HR = a_caller(), a_caller(groups=("hr",))


class Shelf:
    """A registry with some documents, and what shows them."""

    def __init__(self) -> None:
        self.registry, self.files = MemoryRegistry(), MemoryRegistry()
        self.list = ListDocuments(MemoryCatalogue(self.registry))
        self.show = ShowDocument(self.registry, self.files)

    def put(self, document_id: str, tenant: str = "acme", **fields: Any) -> None:
        entry = Registration(tenant, document_id, **{"status": "ready", "live_version": "1-a", **fields})
        assert self.registry.store([entry]) == {}

    def listed(self, caller: Caller, **query: str) -> HttpResponse:
        return self.list(caller, request(query=query))

    def ids(self, caller: Caller, **query: str) -> list[str]:
        return [one["document_id"] for one in self.listed(caller, **query).body["documents"]]

    def shown(self, caller: Caller, document_id: str) -> Any:
        return self.show(caller, request(document_id=document_id)).body


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf.put("handbook.md", title="Handbook", metadata={"year": 2026.0})
    shelf.put("payroll.md", groups=("board", "hr"))
    shelf.put("draft.md", hidden=True)
    shelf.put("old.md", status="deleted", live_version="")
    shelf.put("canary.md", tenant="other")
    return shelf


def test_a_caller_is_listed_what_it_may_read(shelf: Shelf) -> None:
    assert shelf.ids(ANN) == ["handbook.md"]
    assert shelf.ids(HR) == ["handbook.md", "payroll.md"]
    assert shelf.ids(a_caller(tenant="other", groups=("hr",))) == ["canary.md"]


@pytest.mark.parametrize("document_id", ["payroll.md", "draft.md", "canary.md", "nothing.md"])
def test_what_a_caller_may_not_read_is_not_found(shelf: Shelf, document_id: str) -> None:
    told = []
    for wanted in (document_id, "no-such-document.md"):
        with pytest.raises(NotFound) as caught:
            shelf.shown(ANN, wanted)
        told.append(str(caught.value))
    assert told[0] == told[1]


def test_a_hidden_document_is_shown_to_nobody_not_even_a_writer_of_its_groups(shelf: Shelf) -> None:
    shelf.put("closed.md", hidden=True, groups=("hr",))
    with pytest.raises(NotFound):
        shelf.shown(a_caller(groups=("hr",), writer=True), "closed.md")


def test_a_document_is_shown_with_its_metadata(shelf: Shelf) -> None:
    shown = shelf.shown(ANN, "handbook.md")
    assert (shown["title"], shown["metadata"], shown["error"]) == ("Handbook", {"year": 2026.0}, None)
    assert "metadata" not in shelf.listed(ANN).body["documents"][0]


def test_a_reader_learns_of_its_own_groups_and_a_writer_of_all(shelf: Shelf) -> None:
    assert shelf.shown(HR, "payroll.md")["groups"] == ["hr"]
    assert shelf.shown(a_caller(groups=("hr",), writer=True), "payroll.md")["groups"] == ["board", "hr"]


def test_a_file_of_records_is_shown_by_its_own_groups(shelf: Shelf) -> None:
    shelf.files.store([Registration("acme", "notes.jsonl", status="ready", groups=("hr",))])
    assert shelf.shown(HR, "notes.jsonl")["document_id"] == "notes.jsonl"
    with pytest.raises(NotFound):
        shelf.shown(ANN, "notes.jsonl")


def test_deleted_documents_are_listed_by_their_status_alone(shelf: Shelf) -> None:
    assert shelf.ids(ANN, status="deleted") == ["old.md"]
    assert shelf.ids(ANN, prefix="hand") == ["handbook.md"]
    assert shelf.ids(ANN, status="failed") == []


def test_a_page_that_takes_too_long_is_given_up(shelf: Shelf) -> None:
    times = iter([0.0, 1.0, SECONDS + 1])
    shelf.list = ListDocuments(MemoryCatalogue(shelf.registry), lambda: next(times))
    with pytest.raises(UpstreamTimedOut):
        shelf.ids(ANN)


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 7))
def test_pages_show_each_visible_document_once_and_tell_nothing_of_the_others(visible: list[bool], limit: int) -> None:
    shelf = Shelf()
    for number, open_to_all in enumerate(visible):
        shelf.put(f"d/{number:03}", groups=() if open_to_all else ("board",))
    wanted = [f"d/{number:03}" for number, open_to_all in enumerate(visible) if open_to_all]
    seen, query, tokens = list[str](), {"prefix": "d/", "limit": str(limit)}, list[str]()
    while True:
        body = shelf.listed(ANN, **query).body
        seen += [one["document_id"] for one in body["documents"]]
        if body["next"] is None:
            break
        tokens.append(body["next"])
        query["next"] = body["next"]
    assert seen == wanted
    assert len(tokens) == max(0, -(-len(wanted) // limit) - 1)
    decoded = [json.loads(base64.urlsafe_b64decode(token + "==")) for token in tokens]
    assert {one["after"] for one in decoded} <= set(wanted)


def test_a_page_of_another_tenant_cannot_be_continued(shelf: Shelf) -> None:
    shelf.put("second.md")
    following = shelf.listed(ANN, limit="1").body["next"]
    with pytest.raises(InvalidRequest, match="next"):
        shelf.ids(a_caller(tenant="other"), next=following)


def test_a_page_cannot_be_continued_with_another_prefix(shelf: Shelf) -> None:
    shelf.put("second.md")
    following = shelf.listed(ANN, limit="1").body["next"]
    with pytest.raises(InvalidRequest, match="next"):
        shelf.ids(ANN, next=following, prefix="s")


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"limit": ""}, {"limit": "1.5"}, {"limit": "٣"},
        {"limit": "-1"},
        {"limit": "9" * 5000}, {"status": "gone"}, {"status": ""}, {"prefix": "x" * 1025}, {"prefix": "\ud800"},
        {"next": ""}, {"next": "%%%"}, {"next": "bm8"}, {"next": "e30"}, {"next": "W10"}, {"next": "é"},
        {"tenant": "other"}, {"groups": "hr"},
    ],
)  # fmt: skip
def test_a_malformed_query_string_is_refused(shelf: Shelf, query: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        shelf.listed(ANN, **query)


@pytest.mark.parametrize("document_id", ["x" * 1025, "é" * 600, "../handbook.md", "handbook.md/"])
def test_an_id_that_no_document_can_have_is_not_found(shelf: Shelf, document_id: str) -> None:
    with pytest.raises(NotFound):
        shelf.shown(ANN, document_id)


def test_an_entry_of_another_tenant_is_seen_by_nobody_even_where_the_registry_returns_it() -> None:
    entry = Registration("other", "canary.md", status="ready", live_version="1-a", revision=1)
    assert may_see(a_caller(tenant="other").principal, entry)
    assert not may_see(ANN.principal, entry)
