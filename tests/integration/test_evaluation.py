"""`rag eval` on the local stack: a dataset is loaded, ranked in every mode, saved, and compared."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from ragctl.cli import app
from ragctl.deployment import Deployment
from ragctl.failure import Failure

TEXTS = {
    "rhine": "The Rhine is a river of 1,233 kilometres that flows from the Alps to the North Sea.",
    "bread": "Sourdough bread rises for twelve hours before it is baked.",
    "moon": "The Moon circles the Earth in twenty-seven days.",
    "violin": "A violin has four strings, tuned in fifths.",
    "glacier": "Glaciers of the Alps lose a metre of thickness every year.",
}
QUERIES = {"q1": "How long is the Rhine?", "q2": "How many strings has a violin?", "q3": "When does bread rise?"}
RELEVANT = {"q1": "rhine", "q2": "violin", "q3": "bread"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A dataset with a name of its own, and so a tenant of its own."""
    directory = tmp_path / f"tiny-{uuid4().hex[:8]}"
    (directory / "qrels").mkdir(parents=True)
    write(directory / "corpus.jsonl", ({"_id": one, "title": "", "text": text} for one, text in TEXTS.items()))
    write(directory / "queries.jsonl", ({"_id": one, "text": text} for one, text in QUERIES.items()))
    lines = "".join(f"{query}\t{document}\t1\n" for query, document in RELEVANT.items())
    (directory / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{lines}")
    return directory


@pytest.fixture
def run(local_stack: Deployment, monkeypatch: pytest.MonkeyPatch) -> Any:
    assert local_stack.endpoint
    monkeypatch.setenv("RAG_ENDPOINT", local_stack.endpoint)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def write(path: Path, records: Iterable[object]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def told(result: Result) -> Any:
    """Return the one JSON document on standard output."""
    assert result.exit_code == 0, result
    return json.loads(result.stdout)


def test_a_dataset_is_loaded_and_measured_in_every_mode(run: Any, directory: Path) -> None:
    rows = told(run("eval", directory, "--json"))
    assert [row["mode"] for row in rows][:4] == ["dense", "lexical", "hybrid", "pruned"]
    for row in rows:
        assert (row["dataset"], row["documents"], row["queries"]) == (directory.name, 5, 3)
        assert (row["recall@100"], row["mrr@10"]) == (1.0, 1.0)
        assert 0 < row["latency_ms"]["p50"] <= row["latency_ms"]["p95"]


def test_one_mode_is_one_object_and_a_second_run_embeds_nothing(run: Any, directory: Path) -> None:
    run("eval", directory, "--mode", "hybrid", "--json")
    again = run("eval", directory, "--mode", "hybrid", "--json")
    assert told(again)["mode"] == "hybrid"
    assert "0 embedded" in again.stderr


def test_a_drop_from_the_baseline_ends_with_exit_status_one(run: Any, directory: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    assert run("eval", directory, "--mode", "dense", "--save", baseline).exit_code == 0
    same = run("eval", directory, "--mode", "dense", "--no-load", "--compare", baseline)
    assert (same.exit_code, "Nothing dropped" in same.stdout) == (0, True)

    saved = json.loads(baseline.read_text())
    for value in saved["values"]["dense"].values():
        value.update(dict.fromkeys(value, 1.5))
    baseline.write_text(json.dumps(saved))
    worse = run("eval", directory, "--mode", "dense", "--no-load", "--compare", baseline, "--json")
    assert isinstance(worse.exception, Failure)
    assert "dense ndcg@10" in str(worse.exception)
    assert "DROPPED" in worse.stderr
    assert json.loads(worse.stdout)["mode"] == "dense"


def test_a_baseline_of_another_mode_or_of_other_queries_cannot_be_compared(
    run: Any, directory: Path, tmp_path: Path
) -> None:
    baseline = tmp_path / "baseline.json"
    assert run("eval", directory, "--mode", "dense", "--save", baseline).exit_code == 0
    other_mode = run("eval", directory, "--mode", "lexical", "--no-load", "--compare", baseline)
    fewer = run("eval", directory, "--mode", "dense", "--limit", "2", "--no-load", "--compare", baseline)
    assert "other modes" in str(other_mode.exception)
    assert "other queries" in str(fewer.exception)


def test_the_plot_is_drawn_and_the_best_weight_told(run: Any, directory: Path, tmp_path: Path) -> None:
    result = run("eval", directory, "--mode", "hybrid", "--plot", tmp_path / "curve.png")
    assert result.exit_code == 0, result
    assert "best lexical weight" in result.stderr
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_corpus_that_was_never_loaded_is_no_low_value(run: Any, directory: Path) -> None:
    assert "holds no documents" in str(run("eval", directory, "--no-load").exception)


def test_answers_are_asked_judged_and_compared(run: Any, directory: Path, tmp_path: Path) -> None:
    questions, baseline = tmp_path / "questions.jsonl", tmp_path / "baseline.json"
    asked: list[dict[str, Any]] = [
        {"id": query, "question": QUERIES[query], "document": document, "contains": []}
        for query, document in RELEVANT.items()
    ]
    write(questions, [*asked, {"id": "q4", "question": "Who was elected pope?", "document": None, "kind": "off_topic"}])
    run("eval", directory, "--mode", "hybrid")
    tenant = f"eval-{directory.name}"
    counts = told(run("eval", "--answers", questions, "--tenant", tenant, "--save", baseline, "--json"))
    assert (counts["questions"], counts["answerable"], counts["unanswerable"]) == (4, 3, 1)
    assert counts["right_refusals_by_kind"]["off_topic"]["of"] == 1
    assert [row["queries"] for row in counts["retrieval"]][:4] == [3, 3, 3, 3]
    assert run("eval", "--answers", questions, "--tenant", tenant, "--compare", baseline).exit_code == 0


def test_a_rule_is_calibrated_on_both_kinds_of_questions(run: Any, directory: Path, tmp_path: Path) -> None:
    run("eval", directory, "--mode", "dense")
    write(tmp_path / "answerable.jsonl", (
        {"id": one, "question": text, "document": one} for one, text in TEXTS.items()
    ))  # fmt: skip
    write(tmp_path / "others.jsonl", ({"_id": f"o{n}", "text": f"Which tax applies to invoice {n}?"} for n in range(9)))
    fitted = told(
        run(
            "eval", "--calibrate", "--answers", tmp_path / "answerable.jsonl", "--tenant", f"eval-{directory.name}",
            "--unanswerable", tmp_path / "others.jsonl", "--limit", 6, "--json",
        )
    )  # fmt: skip
    assert (fitted["answerable"], fitted["unanswerable"]) == (5, 6)
    strict = next(one for one in fitted["calibrations"] if (one["mode"], one["p"]) == ("hybrid", 0.5))
    assert strict["fitted"]["false_refusals"] == 0
    assert strict["fitted"]["recall"] == 1
    assert "hybrid: 1 dense" in fitted["RelevanceRule"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x", "--answers", "y"],
        ["x", "--mode", "sparse"],
        ["x", "--tenant", "acme"],
        ["x", "--calibrate"],
        ["x", "--unanswerable", "y"],
        ["x", "--limit", "0"],
    ],
)
def test_options_that_do_not_go_together_are_refused(run: Any, arguments: list[str]) -> None:
    assert run("eval", *arguments).exit_code == 2
