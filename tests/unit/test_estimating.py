"""A dry run: what would be made of files, and what would fail, with nothing but the files."""

from pathlib import Path

import pytest

from ragctl.estimating import Estimate, Estimator, Settings
from ragctl.sidecars import Description
from ragctl.sources import local_files


def estimate(directory: Path, settings: Settings = Settings()) -> Estimate:  # noqa: B008 - frozen
    return Estimator(settings, Description()).estimate(local_files(directory))


def test_documents_chunks_and_tokens_are_counted_by_format(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n\nOne sentence.")
    (tmp_path / "b.jsonl").write_text('{"_id": "1", "text": "One."}\n\n{"_id": "2", "text": "Two."}\n')

    formats = estimate(tmp_path).as_object()["formats"]

    assert {name: tally["documents"] for name, tally in formats.items()} == {"markdown": 1, "jsonl": 2}
    assert formats["jsonl"]["chunks"] == 2


def test_the_cost_is_that_of_the_tokens(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Words and words. " * 1_000)

    estimated = estimate(tmp_path)

    assert estimated.cost_usd == pytest.approx(estimated.total.tokens * 0.02 / 1_000_000)


def test_a_model_without_a_price_has_no_cost(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Words.")

    estimated = estimate(tmp_path, Settings(model="own"))

    assert estimated.cost_usd is None
    assert any("price that is not known" in line for line in estimated.lines())


def test_smaller_chunks_are_more(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Words and words. " * 1_000)

    assert estimate(tmp_path, Settings(50, 10)).total.chunks > estimate(tmp_path).total.chunks


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.txt", b"", "no text"),
        ("huge.txt", b"x" * 1_001, "larger than"),
        ("twice.jsonl", b'{"_id": "good.md", "text": "Two."}', "good.md"),
        ("broken.jsonl", b'{"_id": 1}', "_id"),
        ("good.md.metadata.json", b"{}", "metadata file"),
    ],
)
def test_what_would_fail_is_told_with_its_reason(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / "good.md").write_text("Good.")
    (tmp_path / name).write_bytes(content)

    [failure] = estimate(tmp_path, Settings(max_document_bytes=1_000)).failures

    assert reason in failure.reason


def test_an_id_that_a_file_uses_twice_fails_as_in_an_ingestion(tmp_path: Path) -> None:
    lines = '{"_id": "1", "text": "One."}\n' * 2 + '{"_id": "2", "text": "Two."}\n'
    (tmp_path / "b.jsonl").write_text(lines)

    estimated = estimate(tmp_path)

    assert estimated.total.documents == 2
    assert [(one.document_id, one.reason) for one in estimated.failures] == [
        ("b.jsonl: 1", "Its _id was used before in this file. Give each record its own.")
    ]


def test_the_cost_is_no_upper_bound(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Words.")

    assert "about $" in list(estimate(tmp_path).lines())[-1]
