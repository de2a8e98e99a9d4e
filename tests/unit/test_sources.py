"""Files on disk as sources: names, order, sidecars, and what is passed over."""

from collections import Counter
from pathlib import Path

import pytest

from ragctl.failure import Failure
from ragctl.sources import Stored, checked, count_documents, local_files, passed_over_line


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    files = {
        "b.md": "# B",
        "b.md.metadata.json": "{}",
        "a.txt": "A",
        "sub/c.html": "<html><p>C",
        "sub/corpus.jsonl": '{"_id": "r1", "text": "R"}\n{"_id": "r2", "text": "R"}\n',
        ".hidden/d.md": "D",
        "sub/.e.md": "E",
        "lonely.md.metadata.json": "{}",
    }
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_a_directorys_files_are_named_by_their_paths_below_it(directory: Path) -> None:
    assert [found.path for found in local_files(directory)] == ["a.txt", "b.md", "sub/c.html", "sub/corpus.jsonl"]


def test_a_single_file_is_named_by_its_own_name(directory: Path) -> None:
    assert [found.path for found in local_files(directory / "sub" / "c.html")] == ["c.html"]


@pytest.mark.parametrize("below", ["", "b.md"])
def test_a_sidecar_goes_with_its_document(directory: Path, below: str) -> None:
    sidecars = {found.path: found.sidecar() for found in local_files(directory / below)}

    assert sidecars["b.md"] == b"{}"
    assert "b.md.metadata.json" not in sidecars
    assert sidecars.get("a.txt") is None


def test_a_sidecar_is_not_taken_for_a_document(directory: Path) -> None:
    with pytest.raises(Failure, match=r"give the document, b\.md"):
        local_files(directory / "b.md.metadata.json")


def test_two_files_with_one_id_are_refused(directory: Path) -> None:
    other = directory / "sub" / "b.md"
    other.write_text("another")

    with pytest.raises(Failure, match=r"b\.md"):
        checked([*local_files(directory / "b.md"), *local_files(other)])


def test_documents_are_counted_before_they_are_read(directory: Path) -> None:
    assert count_documents(local_files(directory)) == 5


def test_an_objects_etag_tells_whether_it_holds_the_same(directory: Path) -> None:
    [file] = local_files(directory / "a.txt")

    assert file.equals("7fc56270e7a70fa81a5935b72eacbe29")
    assert not file.equals("another")


@pytest.mark.parametrize(("version_id", "version"), [("v1", "v1"), (None, "abc"), ("null", "abc")])
def test_an_object_without_versions_is_known_by_its_etag(version_id: str | None, version: str) -> None:
    assert Stored.told('"abc"', version_id) == Stored("abc", version)


def test_links_out_of_the_directory_are_not_followed(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.md").write_text("secret")
    (directory / "link.md").symlink_to(outside / "secret.md")
    (directory / "folder").symlink_to(outside)
    (directory / "broken.md").symlink_to(outside / "nothing")
    (directory / "inside.md").symlink_to(directory / "b.md")

    passed_over = Counter[str]()
    found = [file.path for file in local_files(directory, passed_over)]

    assert found == ["a.txt", "b.md", "inside.md", "sub/c.html", "sub/corpus.jsonl"]
    assert sorted(passed_over.values()) == [2, 3]
    told = passed_over_line("docs", passed_over)
    assert "2 hidden" in told
    assert "3 linked" in told


def test_a_document_does_not_go_without_what_a_linked_sidecar_says(
    directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "all.json"
    outside.write_text('{"metadataAttributes": {"groups": ["hr"]}}')
    (directory / "a.txt.metadata.json").symlink_to(outside)

    assert "a.txt" not in [file.path for file in local_files(directory)]
