"""Environment variables, read by type: what is no number or out of bounds is an error that names the variable."""

import pytest

from rag.errors import InternalError
from rag.search_settings import PassageSettings
from rag.variables import Variables


@pytest.mark.parametrize("value", ["7", " 7 ", "7.0", "-7"])
def test_an_integer_is_one_however_it_is_written(value: str) -> None:
    assert Variables({"TOP_K": value}).integer("TOP_K") == float(value)


@pytest.mark.parametrize("value", ["", "nan", "inf", "-inf", "1e999", "2.7", "seven"])
def test_anything_else_is_none(value: str) -> None:
    with pytest.raises(InternalError, match="TOP_K"):
        Variables({"TOP_K": value}).integer("TOP_K")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
def test_a_number_is_finite(value: str) -> None:
    with pytest.raises(InternalError, match="SHARE is not a number"):
        Variables({"SHARE": value}).number("SHARE")


def test_bounds_are_within() -> None:
    assert [Variables({"SHARE": value}).number("SHARE", 0, 1) for value in ("0", "1")] == [0, 1]
    with pytest.raises(InternalError, match="SHARE must be from 0 to 1"):
        Variables({"SHARE": "1.01"}).number("SHARE", 0, 1)


@pytest.mark.parametrize("value", ["-0.1", "1.1", "nan"])
def test_diversity_is_a_share(value: str) -> None:
    with pytest.raises(InternalError, match="DIVERSITY"):
        PassageSettings.read(
            Variables({"DIVERSITY": value, "MERGED_PASSAGE_TOKENS": "600", "SUSPICIOUS_PASSAGES": "flag"})
        )
