"""CSV into text: each row reads on its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.csv_table import MAX_COLUMNS, extract_csv
from rag.errors import UnreadableDocument


def rows_of(text: str) -> list[str]:
    return extract_csv(text).text.split("\n\n")


def test_each_row_names_its_columns() -> None:
    assert rows_of("plan,price,note\nBasic,4,\nPlus,9,new\n") == [
        "plan: Basic; price: 4",
        "plan: Plus; price: 9; note: new",
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_by_the_rows(delimiter: str) -> None:
    text = "\n".join(delimiter.join(row) for row in [("plan", "price"), ("Basic", "4"), ("Plus", "9")])

    assert rows_of(text) == ["plan: Basic; price: 4", "plan: Plus; price: 9"]


def test_decimal_commas_are_no_delimiters() -> None:
    assert rows_of("plan;price\nBasic;4,50\nPlus;9,00\n")[0] == "plan: Basic; price: 4,50"


def test_excels_own_line_on_the_delimiter_is_believed() -> None:
    assert rows_of("sep=;\r\na;b\r\n1,5;2,5\r\n") == ["a: 1,5; b: 2,5"]


def test_quoted_cells_keep_their_delimiters_and_lose_their_lines() -> None:
    assert rows_of('name,address\n"Doe, Jane","1 Main St\nTown"\n') == ["name: Doe, Jane; address: 1 Main St Town"]


def test_a_table_without_names_stays_a_table() -> None:
    assert rows_of("1,2\n3,4\n") == ["1 | 2", "3 | 4"]


def test_cells_beyond_the_names_are_counted() -> None:
    assert rows_of("a,b\n1,2,3\n") == ["a: 1; b: 2; column 3: 3"]


def test_names_alone_are_text_too() -> None:
    assert rows_of("plan,price\n") == ["plan | price"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [(",".join(["c"] * (MAX_COLUMNS + 1)), "columns"), ('a,b\n"' + "x" * 200_000, "quotation mark")],
)
def test_what_is_no_table_that_people_read_is_refused(text: str, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason):
        extract_csv(text)


@given(st.lists(st.lists(st.text(alphabet="ab,;\t|\"'\n1"), min_size=1), min_size=1))
def test_any_rows_become_text_or_are_refused(rows: list[list[str]]) -> None:
    assert isinstance(extract_csv("\n".join(",".join(row) for row in rows)).text, str)
