"""What a writer may change over HTTP: nothing that it could not read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import InvalidRequest, NotAllowed, NotFound
from rag.http.callers import Caller
from rag.http.changing import DeleteDocument, Grants, Upload, UploadDocument, uploaded_key
from rag.http.exchange import HttpResponse
from rag.ingestion.changes import ByHand, document_key, parse_change
from rag.objects import DocumentKey
from rag.registration import Registration
from tests.fakes.memory_executions import MemoryExecutions
from tests.fakes.memory_registry import MemoryRegistry
from tests.fakes.proxy_events import a_caller, request

WRITER, HR_WRITER = a_caller(writer=True), a_caller(groups=("hr",), writer=True)


class Forms:
    """The Uploads port: keeps what forms were asked for."""

    def __init__(self) -> None:
        self.made = list[tuple[str, int, str]]()

    def form(self, key: str, size: int, content_type: str, expiry_seconds: int) -> Upload:
        self.made.append((key, size, content_type))
        return Upload("https://bucket.example/", {"key": key}, 1_000 + expiry_seconds)


class Desk:
    """A registry, and what changes its documents."""

    def __init__(self) -> None:
        self.registry, self.files = MemoryRegistry(), MemoryRegistry()
        self.forms, self.ingestions = Forms(), MemoryExecutions()
        grants = Grants(self.registry, self.files)
        self._delete = DeleteDocument(grants, self.ingestions)
        self._upload = UploadDocument(grants, self.forms, max_bytes=1_000)

    def put(self, document_id: str, tenant: str = "acme", **fields: Any) -> None:
        entry = Registration(tenant, document_id, **{"status": "ready", "live_version": "1-a", **fields})
        assert self.registry.store([entry]) == {}

    def delete(self, caller: Caller, document_id: str) -> HttpResponse:
        return self._delete(caller, request(document_id=document_id))

    def upload(self, caller: Caller, document_id: str, **more: Any) -> HttpResponse:
        return self._upload(caller, request({"document_id": document_id, "size": 10, **more}))


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.put("handbook.md")
    desk.put("payroll.md", groups=("hr",))
    desk.put("draft.md", hidden=True)
    desk.put("gone.md", status="deleted", live_version="", groups=("hr",))
    desk.put("canary.md", tenant="other")
    desk.put("n-1", source="notes.jsonl")
    desk.put("n-2", source="notes.jsonl", groups=("hr",))
    desk.put("m-1", source="mine.jsonl")
    for name in ("notes.jsonl", "mine.jsonl"):
        desk.files.store([Registration("acme", name, status="ready", source=name)])
    return desk


@pytest.mark.parametrize("document_id", ["handbook.md", "new.md", "payroll.md", "draft.md", "payroll.md.metadata.json"])
def test_who_may_only_read_changes_nothing(desk: Desk, document_id: str) -> None:
    for change in (desk.upload, desk.delete):
        with pytest.raises(NotAllowed):
            change(a_caller(groups=("hr",)), document_id)
    assert (desk.forms.made, desk.ingestions.started) == ([], {})


def test_a_reader_is_refused_before_its_body_is_looked_at(desk: Desk) -> None:
    with pytest.raises(NotAllowed):
        desk._upload(a_caller(), request("no json"))


def test_a_form_is_for_one_object_below_the_writer_s_tenant(desk: Desk) -> None:
    response = desk.upload(WRITER, "hr/new.md", content_type="text/markdown; charset=utf-8")
    assert desk.forms.made == [("documents/acme/hr/new.md", 10, "text/markdown; charset=utf-8")]
    fields = {"key": "documents/acme/hr/new.md"}
    assert response.status == 201
    assert response.body == {"url": "https://bucket.example/", "fields": fields, "expires_at": 1_900}


@pytest.mark.parametrize("document_id", ["payroll.md", "draft.md", "gone.md", "notes.jsonl", "n-2"])
def test_a_writer_neither_overwrites_nor_regroups_what_it_may_not_read(desk: Desk, document_id: str) -> None:
    for name in (document_id, f"{document_id}.metadata.json"):
        with pytest.raises(NotAllowed):
            desk.upload(WRITER, name)
    assert not desk.forms.made


@pytest.mark.parametrize("document_id", ["payroll.md", "draft.md", "gone.md", "notes.jsonl", "n-2"])
def test_what_a_writer_may_not_read_looks_to_a_deletion_as_if_it_did_not_exist(desk: Desk, document_id: str) -> None:
    told = set()
    for name in (document_id, "nothing.md"):
        with pytest.raises(NotFound) as caught:
            desk.delete(WRITER, name)
        told.add(str(caught.value))
    assert len(told) == 1
    assert not desk.ingestions.started


@pytest.mark.parametrize("document_id", ["handbook.md", "payroll.md", "gone.md", "notes.jsonl", "mine.jsonl", "n-2"])
def test_a_writer_changes_what_it_may_read(desk: Desk, document_id: str) -> None:
    for name in (document_id, f"{document_id}.metadata.json"):
        assert desk.upload(HR_WRITER, name).status == 201
    assert desk.delete(HR_WRITER, document_id).status == 202


def test_a_file_is_a_writer_s_own_when_all_its_records_are(desk: Desk) -> None:
    assert desk.upload(WRITER, "mine.jsonl").status == 201
    desk.put("m-2", source="mine.jsonl", hidden=True)
    with pytest.raises(NotAllowed):
        desk.upload(WRITER, "mine.jsonl")


def test_a_deleted_record_guards_its_file_no_more(desk: Desk) -> None:
    desk.put("m-2", source="mine.jsonl", groups=("hr",), status="deleted", live_version="")
    assert desk.upload(WRITER, "mine.jsonl").status == 201


def test_a_document_that_is_called_like_a_sidecar_is_guarded_too(desk: Desk) -> None:
    desk.put("a.metadata.json", groups=("hr",))
    with pytest.raises(NotAllowed):
        desk.upload(WRITER, "a.metadata.json")


def test_the_sidecar_of_a_document_to_come_may_go_first(desk: Desk) -> None:
    assert desk.upload(WRITER, "new.md.metadata.json").status == 201


def test_another_tenant_s_documents_are_no_obstacle_and_no_target(desk: Desk) -> None:
    desk.upload(WRITER, "canary.md")
    assert desk.forms.made[0][0] == "documents/acme/canary.md"
    with pytest.raises(NotFound):
        desk.delete(WRITER, "canary.md")
    assert not desk.ingestions.started


def test_a_deletion_is_a_change_by_hand(desk: Desk) -> None:
    response = desk.delete(WRITER, "handbook.md")
    (given,) = desk.ingestions.started.values()
    assert parse_change(given) == ByHand(tenant="acme", document_id="handbook.md", action="delete")
    assert (response.status, response.body["document_id"]) == (202, "handbook.md")


@pytest.mark.parametrize("document_id", ["nothing.md", "x" * 1025, "handbook.md.metadata.json", "../acme/handbook.md"])
def test_what_is_not_there_cannot_be_deleted(desk: Desk, document_id: str) -> None:
    with pytest.raises(NotFound):
        desk.delete(WRITER, document_id)
    assert not desk.ingestions.started


@pytest.mark.parametrize(
    "document_id",
    [
        "", " ", "/", "/a", "a/", "a//b", ".", "..", "../b", "a/../../other/b", "a/./b", "a\nb", "a\x00b", "a\u202eb",
        "a\ufffd\ud800", "${filename}", "a/${filename}", "$\u200b{filename}", "x" * 1010, "é" * 510,
        "a.metadata.json.metadata.json",
    ],
)  # fmt: skip
def test_an_id_that_is_no_sound_path_has_no_form(desk: Desk, document_id: str) -> None:
    with pytest.raises(InvalidRequest):
        desk._upload(WRITER, request(f'{{"document_id": {_json(document_id)}, "size": 1}}'))
    assert not desk.forms.made


def _json(text: str) -> str:
    return '"' + "".join(f"\\u{ord(character):04x}" for character in text) + '"'


@pytest.mark.parametrize(
    "broken",
    [
        {"size": 0}, {"size": -1}, {"size": 1_001}, {"size": "1"}, {"size": True}, {"size": 1.5}, {"size": None},
        {"content_type": "text"}, {"content_type": "text/plain\r\nX: y"}, {"content_type": "a/" + "b" * 200},
        {"tenant": "other"}, {"key": "documents/other/a"}, {"groups": []},
    ],
)  # fmt: skip
def test_a_malformed_body_has_no_form(desk: Desk, broken: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        desk.upload(WRITER, "new.md", **broken)
    assert not desk.forms.made


@given(st.text(max_size=40), st.sampled_from(["acme", "other"]))
def test_a_key_stays_below_its_tenant_and_is_read_back_as_it_was_written(document_id: str, tenant: str) -> None:
    try:
        key = uploaded_key(tenant, document_id)
    except InvalidRequest:
        return
    assert key.key == f"documents/{tenant}/{document_id}"
    assert document_key(key.key) == key == DocumentKey.parse(key.key)
    assert not {"", ".", ".."} & set(key.key.split("/"))
