"""What may start an execution."""

import pytest

from ragctl.local.execution_input import MAX_DEPTH, MAX_INPUT_BYTES, MalformedInputError, check_input


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "null",
        '"text"',
        '{"lone": "\\ud800"}',
        '{"large": 1e308, "integer": 12345678901234567890}',
        "[" * MAX_DEPTH + "]" * MAX_DEPTH,
        '"' + "s" * (MAX_INPUT_BYTES - 2) + '"',
    ],
    ids=["object", "null", "text", "lone surrogate", "large numbers", "deep", "long"],
)
def test_json_within_the_limits_is_accepted(text: str) -> None:
    check_input(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "NaN",
        '{"a": Infinity}',
        "[-Infinity]",
        "1e999",
        "-1e999",
        "9" * 5000,
        "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
        "[" * 50_000 + "]" * 50_000,
        '{"a":' * 50_000 + "1" + "}" * 50_000,
        '"' + "s" * (MAX_INPUT_BYTES - 1) + '"',
        '"' + "ä" * (MAX_INPUT_BYTES // 2) + '"',
    ],
    ids=lambda text: text[:8] + str(len(text)),
)
def test_anything_else_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(MalformedInputError) as refused:
        check_input(text)

    assert str(refused.value).startswith(("not valid JSON", "nested deeper than", "longer than"))
