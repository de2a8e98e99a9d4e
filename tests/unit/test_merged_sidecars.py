"""The sidecar that is uploaded: the command line's groups and metadata, merged with the file's own."""

import json
from pathlib import Path
from typing import Any

import pytest

from ragctl.failure import Failure
from ragctl.sidecars import Description
from ragctl.sources import local_files


def merged(directory: Path, description: Description, own: object = None) -> Any:
    document = directory / "a.md"
    document.write_text("A")
    if own is not None:
        document.with_name("a.md.metadata.json").write_text(own if isinstance(own, str) else json.dumps(own))
    [source] = local_files(document)
    content = description.of(source)
    return None if content is None else json.loads(content)


def test_without_a_word_there_is_no_sidecar(tmp_path: Path) -> None:
    assert merged(tmp_path, Description()) is None


def test_a_files_own_sidecar_is_passed_on_as_it_is(tmp_path: Path) -> None:
    assert merged(tmp_path, Description(), {"anything": 1}) == {"anything": 1}


def test_groups_add_up_and_the_command_lines_metadata_wins(tmp_path: Path) -> None:
    own = {"metadataAttributes": {"groups": ["hr"], "year": 2025, "kind": "policy"}}

    told = merged(tmp_path, Description(("board",), {"year": 2026}), own)

    assert told == {"metadataAttributes": {"groups": ["board", "hr"], "year": 2026, "kind": "policy"}}


def test_metadata_alone_says_nothing_of_groups(tmp_path: Path) -> None:
    assert merged(tmp_path, Description((), {"year": 2026})) == {"metadataAttributes": {"year": 2026}}


@pytest.mark.parametrize("own", ["no json", "[]", '{"metadataAttributes": {"groups": "hr"}}', '{"other": {}}'])
def test_a_sidecar_that_cannot_be_merged_stops_everything(tmp_path: Path, own: str) -> None:
    with pytest.raises(Failure, match=r"a\.md"):
        merged(tmp_path, Description(("hr",)), own)
