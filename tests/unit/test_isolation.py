"""Extraction in a process of its own: the same answers, and limits that hold."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.documents.extraction import extract
from rag.documents.isolation import IsolatedExtractor
from rag.errors import InternalError, UnreadableDocument
from tests.fakes.docx import docx, paragraph
from tests.fakes.pdf import pdf

LEAVE = b"# Leave\n\n25 days."
ENDLESS = b"<div>" * 1_000_000  # nesting that takes minutes to walk


@pytest.fixture(scope="module")
def isolated() -> Iterator[IsolatedExtractor]:
    with IsolatedExtractor() as extractor:
        yield extractor


def children() -> set[int]:
    """Return the processes that this one started and that still run."""
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        pytest.skip("the platform does not list processes as Linux does")
    return {int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("leave.md", LEAVE),
        ("l\u00e9ave \udcff.txt", "Käse\u200b".encode()),
        ("a.pdf", pdf(["One", "", "Three"])),
        ("a.docx", docx(paragraph("words"))),
        ("large.txt", b"word " * 1_000_000),
    ],
)
def test_it_answers_as_extraction_does(isolated: IsolatedExtractor, name: str, data: bytes) -> None:
    assert isolated(name, data) == extract(name, data)


def test_it_refuses_as_extraction_does(isolated: IsolatedExtractor) -> None:
    with pytest.raises(UnreadableDocument, match="It holds no text"):
        isolated("empty.txt", b"")


def test_one_child_serves_many_documents() -> None:
    before = children()
    with IsolatedExtractor() as extractor:
        extractor("a.md", LEAVE)
        (first,) = children() - before
        extractor("b.md", LEAVE)

        assert children() - before == {first}


def test_a_document_that_takes_too_long_is_given_up_and_the_next_is_read() -> None:
    with IsolatedExtractor(seconds=1.0) as extractor:
        with pytest.raises(UnreadableDocument, match="more than 1 s"):
            extractor("endless.html", ENDLESS)

        assert extractor("leave.md", LEAVE).title == "Leave"


def test_documents_that_never_end_leave_time_for_those_that_are_read_with_them() -> None:
    with IsolatedExtractor() as extractor:
        extractor("leave.md", LEAVE)
        extractor.allot(4.0)
        for _ in range(4):
            with pytest.raises(UnreadableDocument, match=r"more than [\d.]+ s"):
                extractor("endless.html", ENDLESS)

        assert extractor("leave.md", LEAVE).title == "Leave"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's address space")
def test_a_document_that_takes_too_much_memory_is_given_up_and_the_next_is_read() -> None:
    with IsolatedExtractor(memory_mb=200) as extractor:
        with pytest.raises(UnreadableDocument, match="more than 200 MB"):
            extractor("large.md", "ä\n".encode() * 30_000_000)

        assert extractor("leave.md", LEAVE).title == "Leave"


def test_a_child_that_is_killed_is_replaced() -> None:
    with IsolatedExtractor() as extractor:
        before = children()
        extractor("leave.md", LEAVE)
        (child,) = children() - before
        os.kill(child, signal.SIGKILL)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)

        assert extractor("leave.md", LEAVE).title == "Leave"


def test_a_child_that_held_much_memory_is_replaced() -> None:
    with IsolatedExtractor(memory_mb=300) as extractor:
        before = children()
        extractor("large.txt", b"word " * 10_000_000)

        assert children() == before


def test_a_child_is_not_replaced_for_the_memory_that_its_parent_held() -> None:
    before = children()
    held = len(b"x" * 200_000_000)
    with IsolatedExtractor(memory_mb=300) as extractor:
        extractor("a.md", LEAVE)
        (first,) = children() - before
        extractor("b.md", LEAVE)

        assert held
        assert children() - before == {first}


def test_a_start_that_is_interrupted_leaves_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    before = children()
    monkeypatch.setattr("rag.documents.isolated.read", interrupt)
    with IsolatedExtractor() as extractor, pytest.raises(KeyboardInterrupt):
        extractor("leave.md", LEAVE)

    assert children() == before


def test_more_text_than_can_be_staged_is_refused(isolated: IsolatedExtractor) -> None:
    with pytest.raises(UnreadableDocument, match="more than 64 MB of text"):
        isolated("large.txt", b"word " * 13_000_000)


def test_the_child_is_not_given_the_functions_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    before = children()
    with IsolatedExtractor() as extractor:
        extractor("leave.md", LEAVE)
        (child,) = children() - before

        assert b"a secret" not in Path(f"/proc/{child}/environ").read_bytes()


def test_closing_ends_the_child_and_a_further_call_starts_another() -> None:
    extractor = IsolatedExtractor()
    before = children()
    extractor("leave.md", LEAVE)
    extractor.close()

    assert children() == before
    assert extractor("leave.md", LEAVE).title == "Leave"
    extractor.close()


def test_a_call_that_is_interrupted_leaves_no_answer_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with IsolatedExtractor() as extractor:
        extractor("leave.md", LEAVE)
        with monkeypatch.context() as patched:
            patched.setattr("rag.documents.isolated.read", interrupt)
            with pytest.raises(KeyboardInterrupt):
                extractor("a.md", b"# Another")

        assert extractor("leave.md", LEAVE).title == "Leave"


def test_a_child_that_cannot_start_is_our_fault_and_not_the_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with IsolatedExtractor() as extractor, pytest.raises(InternalError):
        extractor("leave.md", LEAVE)


def interrupt(descriptor: int, size: int) -> bytes:
    raise KeyboardInterrupt
