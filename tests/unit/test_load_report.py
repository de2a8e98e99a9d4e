"""What an ingestion reports: counts, cost, and the failures with their reasons."""

from rag.ingestion.contracts import RunSummary
from rag.ingestion.results import Result, Spent
from ragctl.load_report import LoadReport, complaints


def report(*results: Result) -> LoadReport:
    made = LoadReport("default", len(results))
    for result in results:
        made.add(result)
    return made


def test_a_later_outcome_replaces_an_earlier_one() -> None:
    told = report(Result("a", "failed", "Throttled."), Result("a", "ready", chunks=3)).as_object()

    assert (told["documents"], told["ready"], told["failed"], told["chunks"]) == (1, 1, 0, 3)


def test_one_id_in_two_files_has_two_outcomes() -> None:
    made = report(Result("r1", "ready", source="a.jsonl"), Result("r1", "failed", "Taken.", source="b.jsonl"))

    assert (made.done, made.succeeded) == (2, False)
    assert list(complaints(made.failures)) == ["failed: r1 in b.jsonl: Taken."]


def test_nothing_ingested_is_no_success() -> None:
    assert not report().succeeded
    assert list(report().lines()) == ["No documents were found."]


def test_what_was_never_sent_counts_beside_what_a_run_tells() -> None:
    made = report(Result("a", "ready"))
    made.refuse("b", "Its name is not valid UTF-8.")
    made.forget()
    made.add(Result("a", "ready"))
    made.conclude(
        RunSummary(
            run="r",
            documents=1,
            ready=1,
            unchanged=0,
            failed=0,
            deleted=0,
            superseded=0,
            chunks=1,
            embedded=1,
            reused=0,
            tokens=5,
            cost_usd=None,
        )
    )

    assert (made.done, made.count("failed"), made.succeeded) == (2, 1, False)
    assert [failure.document_id for failure in made.failures] == ["b"]


def test_an_unknown_price_makes_the_whole_unknown() -> None:
    made = report(Result("a", "ready", chunks=2))
    made.spent += Spent(1, 0, 10, 0.5)
    made.spent += Spent(1, 0, 10, None)

    assert made.as_object()["cost_usd"] is None
    assert "price that is not known" in "".join(made.lines())


def test_only_the_first_failures_are_shown() -> None:
    lines = list(complaints(report(*(Result(f"{n:02}", "failed", "No.") for n in range(25))).failures))

    assert (len(lines), lines[-1]) == (21, "failed: 5 more (--json lists all)")


def test_what_a_document_is_called_cannot_steer_the_terminal() -> None:
    [line] = complaints([Result("\x1b[2Ja.md", "failed", "No.")])

    assert line == "failed: [2Ja.md: No."


def test_a_retry_with_nothing_to_do_tells_what_is_on_its_way() -> None:
    made = report()
    made.on_their_way = 2

    assert list(made.lines()) == [
        "Nothing has failed.",
        "2 documents are on their way; after 15 minutes without progress they count as stuck.",
    ]
    assert made.as_object()["on_their_way"] == 2
    assert "on_their_way" not in report().as_object()


def test_one_is_no_plural() -> None:
    first, second = report(Result("a", "ready", chunks=1)).lines()

    assert first.startswith("1 document: 1 ready")
    assert second.startswith("1 chunk: ")
