"""Files on disk as documents: names, order, and what is passed over."""

from pathlib import Path

import pytest

from rag.documents.attributes import Attributes
from rag.documents.document import Document
from ragctl.sources import count_documents, documents_of


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    files = {
        "b.md": "# B",
        "a.txt": "A",
        "sub/c.html": "<html><p>C",
        "sub/corpus.jsonl": '{"_id": "r1", "text": "R"}\nbroken\n',
        ".hidden/d.md": "D",
        "sub/.e.md": "E",
        "photo.md": "%PDF-1.4",
    }
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return tmp_path


def ids(*paths: Path) -> tuple[list[str], list[str]]:
    found = list(documents_of(paths, Attributes()))
    loaded = [one.document_id for one in found if isinstance(one, Document)]
    return loaded, [one.document_id for one in found if not isinstance(one, Document)]


def test_a_directorys_documents_are_named_by_their_paths_below_it(directory: Path) -> None:
    assert ids(directory) == (["a.txt", "b.md", "sub/c.html", "r1"], ["photo.md", "sub/corpus.jsonl:2"])


def test_a_single_file_is_named_by_its_own_name(directory: Path) -> None:
    assert ids(directory / "sub" / "c.html", directory / "b.md") == (["c.html", "b.md"], [])


def test_a_file_that_cannot_be_read_is_rejected(directory: Path) -> None:
    (directory / "b.md").unlink()

    assert ids(directory / "b.md", directory / "a.txt") == (["a.txt"], ["b.md"])


def test_a_file_that_is_too_large_is_rejected_unread(directory: Path) -> None:
    with (directory / "huge.txt").open("wb") as file:
        file.truncate(100_000_001)

    assert ids(directory / "huge.txt") == ([], ["huge.txt"])


def test_documents_are_counted_before_they_are_read(directory: Path) -> None:
    assert count_documents([directory]) == 6
    assert count_documents([directory / "a.txt", directory / "missing.jsonl"]) == 2
