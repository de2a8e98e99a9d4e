"""Datasets in BEIR's layout, and what is said of those that are not."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from ragctl.evaluation.datasets import dataset_name, read_dataset
from ragctl.failure import Failure


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A dataset of three documents and three queries, of which one is not judged."""
    directory = tmp_path / "Tiny Set"
    (directory / "qrels").mkdir(parents=True)
    write(directory / "corpus.jsonl", [{"_id": one, "title": "", "text": f"Text {one}"} for one in "abc"])
    write(directory / "queries.jsonl", [{"_id": one, "text": f"Query {one}"} for one in ("q2", "q1", "q3")])
    judge(directory, "q1\ta\t1", "q2\tb\t2", "q2\tc\t0")
    return directory


def write(path: Path, records: Iterable[object]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def judge(directory: Path, *lines: str, split: str = "test") -> None:
    (directory / "qrels" / f"{split}.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *lines, ""]))


def test_the_judged_queries_come_in_their_files_order(directory: Path) -> None:
    dataset = read_dataset(directory, "test")
    assert list(dataset.queries.items()) == [("q2", "Query q2"), ("q1", "Query q1")]
    assert dataset.judgements == {"q1": {"a": 1}, "q2": {"b": 2, "c": 0}}
    assert (dataset.documents, dataset.name, dataset.tenant) == (3, "tiny-set", "eval-tiny-set")


def test_queries_without_a_judgement_are_counted(directory: Path) -> None:
    assert read_dataset(directory, "test").notes == ("1 of the queries left out: qrels/test.tsv does not judge them.",)


def test_queries_to_which_nothing_is_relevant_are_counted(directory: Path) -> None:
    judge(directory, "q1\ta\t1", "q2\tb\t0", "q3\tb\t-1")
    dataset = read_dataset(directory, "test")
    assert list(dataset.queries) == ["q1"]
    assert dataset.notes == ("2 of the queries left out: nothing is relevant to them.",)


def test_a_limit_takes_the_first(directory: Path) -> None:
    dataset = read_dataset(directory, "test", limit=1)
    assert (list(dataset.queries), list(dataset.judgements)) == (["q2"], ["q2"])
    assert "1 of the queries left out by --limit." in dataset.notes


def test_unknown_ids_among_the_judgements_are_told(directory: Path) -> None:
    judge(directory, "q1\ta\t1", "q1\tnowhere\t1", "q9\ta\t1")
    notes = " ".join(read_dataset(directory, "test").notes)
    assert "judges 1 document ids that corpus.jsonl does not have" in notes
    assert "judges 1 query ids that queries.jsonl does not have" in notes


def test_another_split_is_another_file(directory: Path) -> None:
    judge(directory, "q3\ta\t1", split="train")
    assert list(read_dataset(directory, "train").queries) == ["q3"]


def test_judgements_may_come_without_a_header_and_with_the_line_ends_of_windows(directory: Path) -> None:
    (directory / "qrels" / "test.tsv").write_bytes(b"q1\ta\t1\r\nq2\tb\t2\r\n")
    assert read_dataset(directory, "test").judgements == {"q1": {"a": 1}, "q2": {"b": 2}}


def test_queries_are_taken_as_the_query_path_takes_them(directory: Path) -> None:
    write(directory / "queries.jsonl", [{"_id": "q1", "text": "  Cafe\u0301 \u2028 "}])
    assert read_dataset(directory, "test").queries == {"q1": "Café"}


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl"])
def test_a_missing_file_is_named_with_the_layout(directory: Path, name: str) -> None:
    (directory / name).unlink()
    with pytest.raises(Failure, match=rf"{name} is missing\. A dataset is a directory with"):
        read_dataset(directory, "test")


def test_a_missing_split_is_named_with_those_that_are_there(directory: Path) -> None:
    with pytest.raises(Failure, match=r"dev\.tsv is missing\. Splits that are there: test\."):
        read_dataset(directory, "dev")


def test_a_path_that_is_no_directory_fails(directory: Path) -> None:
    with pytest.raises(Failure, match="is no directory"):
        read_dataset(directory / "corpus.jsonl", "test")


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl"])
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "it is no JSON object"),
        ("[]", "it is no JSON object"),
        ('{"text": "t"}', "it must have an _id"),
        ('{"_id": 7, "text": "t"}', "it must have an _id"),
        ('{"_id": "", "text": "t"}', "it must have an _id"),
    ],
)
def test_a_malformed_line_is_told_with_its_number(directory: Path, name: str, line: str, reason: str) -> None:
    path = directory / name
    path.write_text(f"{path.read_text()}\n{line}\n")
    with pytest.raises(Failure, match=rf"{name}, line 5: {reason}"):
        read_dataset(directory, "test")


@pytest.mark.parametrize("text", [None, "", "   ", 7, "x" * 8_001, "\ud800"])
def test_a_query_without_a_text_is_told_with_its_line(directory: Path, text: object) -> None:
    write(directory / "queries.jsonl", [{"_id": "q1", "text": "fine"}, {"_id": "q2", "text": text}])
    with pytest.raises(Failure, match=r"queries\.jsonl, line 2"):
        read_dataset(directory, "test")


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl"])
def test_an_id_that_is_there_twice_fails(directory: Path, name: str) -> None:
    path = directory / name
    path.write_text(path.read_text() + path.read_text().splitlines()[0])
    with pytest.raises(Failure, match=rf"{name}, line 4: the id .* is there twice"):
        read_dataset(directory, "test")


@pytest.mark.parametrize("line", ["q1 a 1", "q1\ta", "q1\t0\ta\t1", "q1\ta\tone", "q1\ta\t0.5"])
def test_a_malformed_judgement_is_told_with_its_line(directory: Path, line: str) -> None:
    judge(directory, "q1\ta\t1", line)
    with pytest.raises(Failure, match=r"test\.tsv, line 3"):
        read_dataset(directory, "test")


def test_two_grades_of_one_document_fail(directory: Path) -> None:
    judge(directory, "q1\ta\t1", "q1\ta\t2")
    with pytest.raises(Failure, match="another grade further up"):
        read_dataset(directory, "test")


@pytest.mark.parametrize(("name", "noun"), [("corpus.jsonl", "documents"), ("queries.jsonl", "queries")])
def test_an_empty_file_fails(directory: Path, name: str, noun: str) -> None:
    (directory / name).write_text("\n")
    with pytest.raises(Failure, match=f"holds no {noun}"):
        read_dataset(directory, "test")


def test_judgements_of_nothing_fail(directory: Path) -> None:
    judge(directory)
    with pytest.raises(Failure, match=r"No query of .* has a relevant document"):
        read_dataset(directory, "test")


def test_bytes_that_are_no_text_fail(directory: Path) -> None:
    (directory / "queries.jsonl").write_bytes(b'{"_id": "\xff"}')
    with pytest.raises(Failure, match="is not UTF-8"):
        read_dataset(directory, "test")


@pytest.mark.parametrize(
    ("directory_name", "name"),
    [("scifact", "scifact"), ("XQuAD_en", "xquad-en"), ("-a-", "a"), ("ä" + "b" * 99, "b" * 58)],
)
def test_a_dataset_is_named_as_a_tenant_may_be(tmp_path: Path, directory_name: str, name: str) -> None:
    assert dataset_name(tmp_path / directory_name) == name


def test_a_name_without_letters_fails(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="needs a name"):
        dataset_name(tmp_path / "---")
