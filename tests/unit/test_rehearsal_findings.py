"""Which findings of the linters count, and which suppressions are worth keeping."""

from pathlib import Path

import pytest

from ragctl.rehearsal.findings import Finding, Suppression, read_suppressions, unsuppressed

SUPPRESSIONS = Path(__file__).parents[2] / "ragctl" / "rehearsal" / "suppressions.toml"
FOUND = Finding("checkov", "template", "CKV_1", "EmbedFunction", "it is so")


def test_a_finding_that_nobody_accepts_is_told() -> None:
    assert list(unsuppressed([FOUND], [])) == ["checkov CKV_1, template, EmbedFunction: it is so"]


def test_a_suppression_accepts_its_rule_on_its_resources() -> None:
    assert list(unsuppressed([FOUND], [Suppression("CKV_1", "a reason", ("*Function",))])) == []


@pytest.mark.parametrize(
    "suppression",
    [
        Suppression("CKV_2", "another rule"),
        Suppression("CKV_1", "another resource", ("*Table",)),
        Suppression("CKV_1", "another side", sides=("translated",)),
    ],
)
def test_a_suppression_of_something_else_accepts_nothing_and_is_stale(suppression: Suppression) -> None:
    told = list(unsuppressed([FOUND], [suppression]))
    assert told[0] == str(FOUND)
    assert "is stale" in told[1]


def test_each_pattern_of_a_suppression_has_to_be_of_use() -> None:
    (told,) = unsuppressed([FOUND], [Suppression("CKV_1", "a reason", ("Embed*", "Gone"))])
    assert "for Gone is stale" in told


@pytest.mark.parametrize(
    "entry", ['rule = "CKV_1"', 'rule = "CKV_1"\nreason = " "', 'reason = "why"', 'resource = "X"']
)
def test_a_suppression_needs_a_rule_and_a_reason(tmp_path: Path, entry: str) -> None:
    file = tmp_path / "suppressions.toml"
    file.write_text(f"[[suppression]]\n{entry}\n")
    with pytest.raises(ValueError, match=r"suppressions\.toml"):
        read_suppressions(file)


def test_the_committed_suppressions_can_be_read() -> None:
    assert all(one.reason for one in read_suppressions(SUPPRESSIONS))
