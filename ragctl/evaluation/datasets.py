"""A dataset in BEIR's layout: `corpus.jsonl`, `queries.jsonl` and `qrels/<split>.tsv`.

https://github.com/beir-cellar/beir/wiki/Load-your-custom-dataset
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from rag.contracts import composed
from rag.errors import InvalidRequest
from ragctl.evaluation.metrics import relevant
from ragctl.failure import Failure
from ragctl.rendering import printable

CORPUS: Final = "corpus.jsonl"

_LAYOUT: Final = "A dataset is a directory with corpus.jsonl, queries.jsonl and qrels/<split>.tsv (BEIR's layout)."
_LONGEST_NAME: Final = 58  # of a tenant's 63 characters


@dataclass(frozen=True)
class Dataset:
    """Queries, each with the documents that are judged for it (grade above 0: relevant)."""

    name: str
    documents: int
    queries: Mapping[str, str]
    judgements: Mapping[str, Mapping[str, int]]
    notes: tuple[str, ...] = ()  # what falls short of the layout, or was left out

    @property
    def tenant(self) -> str:
        """The tenant that its documents are loaded into."""
        return f"eval-{self.name}"


def read_dataset(directory: Path, split: str, limit: int | None = None) -> Dataset:
    """Return the queries that a split judges, in their file's order, and at most `limit` of them.

    Raises:
        Failure: a file is missing or malformed, an id is there twice, or no query has a relevant document.
    """
    documents = corpus_ids(directory)
    queries = read_queries(directory / "queries.jsonl")
    judgements = _judgements(directory, split)
    wanted = {one for one, judged in judgements.items() if relevant(judged)}
    chosen = dict(islice(((one, text) for one, text in queries.items() if one in wanted), limit))
    if not chosen:
        raise Failure(f"No query of {directory / 'queries.jsonl'} has a relevant document in qrels/{split}.tsv.")
    return Dataset(
        name=dataset_name(directory),
        documents=len(documents),
        queries=chosen,
        judgements={one: judgements[one] for one in chosen},
        notes=tuple(_notes(split, documents, queries, judgements, len(wanted & queries.keys()) - len(chosen))),
    )


def dataset_name(path: Path) -> str:
    """Return the name of a directory or file as one that a tenant may have."""
    name = re.sub(r"[^a-z0-9]+", "-", path.resolve().stem.lower()).strip("-")[:_LONGEST_NAME].rstrip("-")
    if not name:
        raise Failure(f"{path} needs a name with letters or digits: the tenant of its documents is named after it.")
    return name


def corpus_ids(directory: Path) -> set[str]:
    """Return the ids of the corpus.

    Raises:
        Failure: it is missing, malformed or empty, or two documents have one id.
    """
    if not directory.is_dir():
        raise Failure(f"{directory} is no directory. {_LAYOUT}")
    ids: set[str] = set()
    path = directory / CORPUS
    for number, record in _records(path):
        if record["_id"] in ids:
            raise Failure(f"{path}, line {number}: the id {printable(record['_id'])} is there twice.")
        ids.add(record["_id"])
    if not ids:
        raise Failure(f"{path} holds no documents.")
    return ids


def read_queries(path: Path) -> dict[str, str]:
    """Return the texts of a file of queries by their ids, in its order, each as the query path would take it.

    Raises:
        Failure: it is missing, malformed or empty, or two queries have one id.
    """
    queries: dict[str, str] = {}
    for number, record in _records(path):
        one = record["_id"]
        if one in queries:
            raise Failure(f"{path}, line {number}: the id {printable(one)} is there twice.")
        try:
            queries[one] = composed(record["text"])
        except (KeyError, TypeError, InvalidRequest) as error:
            raise Failure(f"{path}, line {number}: text must be a string of 1 to 8,000 characters.") from error
    if not queries:
        raise Failure(f"{path} holds no queries.")
    return queries


def _records(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield the objects of a JSONL file, each with an `_id` that is a string, and the numbers of their lines."""
    decoder = msgspec.json.Decoder(dict[str, Any])
    for number, line in _lines(path):
        try:
            record = decoder.decode(line)
        except (msgspec.DecodeError, ValueError) as error:
            raise Failure(f"{path}, line {number}: it is no JSON object: {error}") from error
        if not isinstance(record.get("_id"), str) or not record["_id"]:
            raise Failure(f"{path}, line {number}: it must have an _id, a string that is not empty.")
        yield number, record


def _judgements(directory: Path, split: str) -> dict[str, dict[str, int]]:
    """Return the grades of a split: query id to document id to grade."""
    path = directory / "qrels" / f"{split}.tsv"
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in path.parent.glob("*.tsv"))) or "none"
        raise Failure(f"{path} is missing. Splits that are there: {there}. {_LAYOUT}")
    judgements: dict[str, dict[str, int]] = {}
    for number, line in _lines(path):
        fields = line.strip("\r\n").split("\t")
        if number == 1 and not fields[-1].lstrip("-").isdecimal():
            continue  # the names of the columns
        try:
            query, document, grade = fields
            value = int(grade)
        except ValueError as error:
            raise Failure(
                f"{path}, line {number}: it must be a query's id, a document's id and a whole number between tabs."
            ) from error
        if judgements.setdefault(query, {}).setdefault(document, value) != value:
            raise Failure(f"{path}, line {number}: the same query and document have another grade further up.")
    return judgements


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that are not blank, with their numbers."""
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield number, line
    except FileNotFoundError:
        raise Failure(f"{path} is missing. {_LAYOUT}") from None
    except UnicodeDecodeError as error:
        raise Failure(f"{path} is not UTF-8: {error}") from error
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}.") from error


def _notes(
    split: str,
    documents: set[str],
    queries: Mapping[str, str],
    judgements: Mapping[str, Mapping[str, int]],
    beyond_limit: int,
) -> Iterator[str]:
    if unjudged := sum(1 for one in queries if one not in judgements):
        yield f"{unjudged:,} of the queries left out: qrels/{split}.tsv does not judge them."
    irrelevant = sum(1 for one in queries if one in judgements and not relevant(judgements[one]))
    if irrelevant:
        yield f"{irrelevant:,} of the queries left out: nothing is relevant to them."
    if beyond_limit:
        yield f"{beyond_limit:,} of the queries left out by --limit."
    if strangers := len(judgements.keys() - queries.keys()):
        yield f"qrels/{split}.tsv judges {strangers:,} query ids that queries.jsonl does not have: they are left out."
    unknown = {document for judged in judgements.values() for document in judged} - documents
    if unknown:
        yield (
            f"qrels/{split}.tsv judges {len(unknown):,} document ids that corpus.jsonl does not have; "
            "what is relevant among them counts as not found."
        )
