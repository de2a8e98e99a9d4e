"""Hostile files and names on the local stack: each is ready, or failed with a reason, and the next one succeeds."""

import json
import unicodedata
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from rag.objects import BULK, WATCHED
from rag.registration import Registration
from ragctl import wiring
from ragctl.deployment import Deployment
from ragctl.machines import Machine
from tests.contract.polling import eventually
from tests.fakes.docx import DECLARATION, NAMESPACE, docx
from tests.fakes.pdf import pdf

MEGABYTE = 1_000_000
SECONDS = 120.0  # only a failing test waits this long
NOTE = "# Note\n\nThe ferry number {} leaves at nine.\n"
SAID = '{"metadataAttributes": {"year": 2026}}'
DOCTYPE = "<!DOCTYPE {} [<!ENTITY e0 'ha'>{}]>"
LAUGHS = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 10))
NAMES = (
    "with space.md",
    " before and after .md ",
    "plus+sign.md",
    "per%cent.md",
    "per%2Fslash.md",
    "%00.md",
    "../up.md",
    "../../etc/passwd",
    "a/./b/../c.md",
    "/leading.md",
    "//two.md",
    "con.txt",
    "back\\slash.md",
    "a&b=c?d#e;f,g|h*.md",
    "quotes\"'`$(x).md",
    "--help",
    "$.input",
    "{}",
    "<b>.md",
    unicodedata.normalize("NFC", "Übergröße.md"),
    unicodedata.normalize("NFD", "Übergröße.md"),
    "議事録\u3000六月.md",
    "👩\u200d🔬.md",
    ".metadata.json",
    "folder/.metadata.json",
)
UNSHOWABLE = {"tab\t.md": "tab\ufffd.md", "del\x7f.md": "del\ufffd.md", "a\u202eb.md": "a\ufffdb.md"}
NO_DOCUMENTS = ("folder/", "con.txt.metadata.json", "con.txt.metadata.json.metadata.json")

Ingest = Callable[[str, Mapping[str, bytes | str]], dict[str, Registration]]


@pytest.fixture
def tenant() -> str:
    return f"h-{uuid4().hex[:12]}"


@pytest.fixture(params=["by events", "in bulk"])
def ingest(local_stack: Deployment, request: pytest.FixtureRequest) -> Ingest:
    """Ingest files, one way or the other, and return the entries that there are of them when all has ended."""

    def by_events(tenant: str, files: Mapping[str, bytes | str]) -> dict[str, Registration]:
        put(local_stack, f"{WATCHED}{tenant}/", files)
        ended = executions(local_stack, tenant, len(files))
        assert [one["input"] for one in ended if one["status"] != "SUCCEEDED"] == []
        return entries(local_stack, tenant)

    def in_bulk(tenant: str, files: Mapping[str, bytes | str]) -> dict[str, Registration]:
        put(local_stack, f"{BULK}{tenant}/", files)
        machine = Machine(local_stack, "IngestBulkStateMachineArn")
        run = machine.start({"run": tenant, "tenant": tenant, "prefix": f"{BULK}{tenant}/"}, tenant)
        described = machine.finished(run)
        assert described["status"] == "SUCCEEDED", described
        summary = json.loads(described["output"])
        found = entries(local_stack, tenant)
        assert summary["documents"] == summary["ready"] + summary["failed"]
        return found

    return by_events if request.param == "by events" else in_bulk


def put(stack: Deployment, prefix: str, files: Mapping[str, bytes | str]) -> None:
    s3, bucket = stack.client("s3"), stack.output("DocumentsBucketName")
    for name, content in files.items():
        s3.put_object(Bucket=bucket, Key=prefix + name, Body=content)


def executions(stack: Deployment, tenant: str, expected: int) -> list[Mapping[str, Any]]:
    """Wait until so many executions of a tenant have ended, and return their descriptions."""
    machine = Machine(stack, "IngestStateMachineArn")
    ended: list[Mapping[str, Any]] = []

    def have_ended() -> bool:
        every = machine.since(datetime.now(UTC) - timedelta(minutes=5))
        ended[:] = [one for one in every if f"{WATCHED}{tenant}/" in one["input"] and one["status"] != "RUNNING"]
        return len(ended) >= expected

    eventually(have_ended, SECONDS)
    return ended


def entries(stack: Deployment, tenant: str) -> dict[str, Registration]:
    families = (wiring.registry(stack, "document"), wiring.registry(stack, "file"))
    return {entry.document_id: entry for family in families for entry in family.documents(tenant)}


def inflating(pattern: bytes, megabytes: int) -> bytes:
    """Return a PDF with one page whose content unpacks to so much."""
    packing = zlib.compressobj()
    packed = b"".join(packing.compress(pattern * (MEGABYTE // len(pattern))) for _ in range(megabytes))
    return pdf([], streams=[packed + packing.flush()])


def word_xml(text: str, before: str = "") -> bytes:
    body = f"<w:document {NAMESPACE}><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>"
    return docx("", document=f"{DECLARATION}{before}{body}")


@pytest.fixture(scope="module")
def refused() -> Mapping[str, tuple[bytes | str, str]]:
    """Files that fail, each with what its reason must say."""
    return {
        "bomb.docx": (word_xml("a" * 201 * MEGABYTE), "unpacks to more than 200 MB"),
        "laughs.docx": (word_xml("&e9;", DOCTYPE.format("w", LAUGHS)), "declares entities"),
        "laughs.svg": (f"{DOCTYPE.format('svg', LAUGHS)}<svg><text>&e9;</text></svg>", "SVG image"),
        "operators.pdf": (inflating(b"q Q ", 50), "no text layer"),
        "deep.json": ("[" * MEGABYTE, "nests deeper"),
        "empty.md": ("", "no text"),
        "empty.pdf": ("", "no text"),
        "empty.json": ("", "no text"),
        "blank.txt": (" \n\t\u00a0" * 100, "no text"),
        "invisible.txt": ("\u200b\u200e" * 100, "no text"),
        "large.txt": (bytes(101 * MEGABYTE), "larger than the 100 MB"),
        "noise.pdf": (b"%PDF-1.7\n" + bytes(range(256)) * 100, "damaged PDF"),
        "noise.bin": (bytes(range(256)) * 100, "binary"),
        "broken.jsonl": ('{"_id": "a"\n[]\n', "first: broken.jsonl:1: The line is not a record"),
    }


def test_a_hostile_file_fails_with_its_reason_and_the_rest_is_ready(
    ingest: Ingest, tenant: str, refused: Mapping[str, tuple[bytes | str, str]]
) -> None:
    pages = [f"Page {number} tells of valve {number}." if number % 500 == 0 else "" for number in range(1, 10_001)]
    ready: dict[str, bytes | str] = {
        "laughs.html": f"{DOCTYPE.format('html', LAUGHS)}<html><p>&e9;</p></html>",
        "laughs.xml": f"{DOCTYPE.format('laughs', LAUGHS)}<laughs>&e9;</laughs>",
        "ten-thousand.pdf": pdf(pages),
        "empty.jsonl": "",
        "z-afterwards.md": NOTE.format(1),
    }

    found = ingest(tenant, {**ready, **{name: content for name, (content, _) in refused.items()}})

    assert {name for name, entry in found.items() if entry.status == "ready"} == set(ready)
    assert {name: entry.error for name, entry in found.items() if entry.status == "failed"}.keys() == set(refused)
    assert {name: found[name].error for name, (_, reason) in refused.items() if reason not in found[name].error} == {}
    assert found["ten-thousand.pdf"].chunks == 20


def test_a_file_may_have_any_name_that_can_be_shown(ingest: Ingest, tenant: str) -> None:
    longest = "é" * ((1_024 - len(f"{WATCHED}{tenant}/")) // 2)
    names = [*NAMES, longest]
    files = {name: NOTE.format(number) for number, name in enumerate([*names, *UNSHOWABLE])}
    said = dict.fromkeys([*NO_DOCUMENTS, *(name for name in names if name.endswith(".metadata.json"))], SAID)

    found = ingest(tenant, files | said)

    assert {name for name, entry in found.items() if entry.status == "ready"} == set(names)
    assert {name for name, entry in found.items() if entry.status == "failed"} == set(UNSHOWABLE.values())
    assert all("Rename" in found[name].error for name in UNSHOWABLE.values())
    assert found["con.txt"].metadata == {"year": 2026}
    assert all(entry.indexed_attributes == entry.attributes for entry in found.values() if entry.status == "ready")


def test_a_key_without_a_proper_tenant_fails_as_an_execution(local_stack: Deployment, tenant: str) -> None:
    wrong = f"Not-{tenant}"
    put(local_stack, f"{WATCHED}{wrong}/", {"a.md": NOTE.format(1)})

    (ended,) = executions(local_stack, wrong, 1)

    assert (ended["status"], ended["error"]) == ("FAILED", "InvalidRequest")
    assert "names the tenant" in ended["cause"]
