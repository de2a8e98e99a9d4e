"""What `rag doctor` tells people and programs."""

from rag.ingestion.examination import Examination, Finding
from ragctl.diagnosis import diagnosis_lines, diagnosis_object

SOUND = Examination(
    tenants=1, documents=3, chunks=40, orphans=0, missing=0, unfilled=0, stuck=0, unreaped=0, findings=()
)
ILL = Examination(
    tenants=1,
    documents=3,
    chunks=40,
    orphans=30,
    missing=0,
    unfilled=0,
    stuck=1,
    unreaped=0,
    findings=(
        *(Finding("orphan", "acme", f"{number}\x1b.md", 1, "rag_small_8") for number in range(30)),
        Finding("stuck", "acme", "late.md", detail="indexing since noon"),
    ),
)


def test_a_sound_index_takes_two_lines() -> None:
    assert list(diagnosis_lines(SOUND, None, [], 0, 15)) == [
        "Tenants: 1. Documents: 3. Chunks in the index: 40.",
        "Registry and index agree.",
    ]


def test_what_is_on_its_way_is_told_and_no_finding() -> None:
    _, verdict, line = diagnosis_lines(SOUND, None, [], 400, 15)

    assert verdict == "Registry and index agree."
    assert line.startswith("400 documents are on their way; after 15 minutes without progress they count as stuck.")
    assert "--patience" in line


def test_findings_are_counted_and_the_first_are_named_without_what_steers_a_terminal() -> None:
    told = "\n".join(diagnosis_lines(ILL, None, [], 0, 15))

    assert "orphan         30  chunks in the index that no version of a document has" in told
    assert "0.md (acme, 1 chunk in rag_small_8)" in told
    assert "and more (--json lists 30)" in told
    assert "late.md (acme): indexing since noon" in told
    assert "\x1b" not in told
    assert told.endswith("rag doctor --fix mends this.")


def test_after_mending_it_tells_what_was_wrong_and_what_still_is() -> None:
    failure = {"tenant": "acme", "document_id": "late.md", "reason": "It is empty."}

    assert "Mended: registry and index agree." in list(diagnosis_lines(SOUND, ILL, [], 0, 15))
    told = "\n".join(diagnosis_lines(ILL, ILL, [failure], 0, 15))
    assert "Still wrong:" in told
    assert "failed: late.md (acme): It is empty." in told
    assert "rag documents show" in told.splitlines()[-1]


def test_programs_get_every_count_and_finding() -> None:
    told = diagnosis_object(ILL, SOUND, [], 2)

    assert (told["ok"], told["orphans"], told["stuck"], len(told["findings"])) == (False, 30, 1, 31)
    assert told["on_their_way"] == 2
    assert told["findings"][-1]["detail"] == "indexing since noon"
    assert told["before"]["orphans"] == 0
    assert "before" not in diagnosis_object(ILL, None, [], 2)
