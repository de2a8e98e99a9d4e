"""What can be metadata of a document, and what cannot."""

from typing import Any

import pytest

from rag.documents.attributes import MAX_METADATA_BYTES, parse_metadata
from rag.errors import InvalidRequest


@pytest.mark.parametrize(
    "metadata",
    [{"kind": "policy", "year": 2024, "share": 0.5, "draft": False}, {"big": 2**53}, {}],
)
def test_scalars_are_metadata(metadata: dict[str, Any]) -> None:
    assert parse_metadata(metadata) == metadata


@pytest.mark.parametrize(
    "metadata",
    [
        [],
        {"groups": "hr"},
        {"1st": 1},
        {"a b": 1},
        {"a": []},
        {"a": {}},
        {"a": 2**53 + 1},
        {"a": float("nan")},
        {"a": "line\nend"},
        {"a": "\ud800"},
        {"a": "x" * MAX_METADATA_BYTES},
    ],
    ids=repr,
)
def test_what_no_store_can_hold_is_no_metadata(metadata: object) -> None:
    with pytest.raises(InvalidRequest):
        parse_metadata(metadata)


def test_groups_are_sent_where_they_belong() -> None:
    with pytest.raises(
        InvalidRequest, match=r"Put it into the sidecar of the file \(FILE\.metadata\.json\), or use --group"
    ):
        parse_metadata({"groups": ["hr"]})
