"""PDF into text: pages stay what they are, and lines become paragraphs again."""

from bisect import bisect_right

import pytest

from rag.documents.document import Extracted
from rag.documents.extraction import extract
from rag.documents.pdf_outline import OutlineEntry, with_headings
from rag.documents.pdf_text import Hyphens, reflowed
from rag.errors import UnreadableDocument
from tests.fakes.pdf import pdf


def page_of(extracted: Extracted, words: str) -> int:
    """Return the number of the page that holds the words, as a citation gives it."""
    return bisect_right(extracted.pages, extracted.text.index(words))


def reflow(page: str) -> str:
    return reflowed(page, Hyphens([page]))


def test_each_place_of_the_text_knows_its_page() -> None:
    extracted = extract("a.pdf", pdf(["First words", "", "Third words", "Fourth words", ""]))

    assert [page_of(extracted, f"{name} words") for name in ("First", "Third", "Fourth")] == [1, 3, 4]
    assert len(extracted.pages) == 5
    assert extracted.pages[0] == 0


def test_pages_are_paragraphs_apart() -> None:
    assert extract("a.pdf", pdf(["First words", "Second words"])).text.strip() == "First words\n\nSecond words"


def test_pages_still_begin_where_they_are_said_to_when_characters_were_stripped() -> None:
    extracted = extract("a.pdf", pdf(["so\xadft hy\xadphens", "Second words"]))

    assert extracted.text[extracted.pages[1] :].startswith("Second words")


@pytest.mark.parametrize(
    ("metadata", "title"),
    [
        ("The leave policy", "The leave policy"),
        ("Microsoft Word - The leave policy", "The leave policy"),
        ("Microsoft Word - leave policy.doc", "Leave"),
        ("0000320193-23-000077", "Leave"),
        ("", "Leave"),
    ],
)
def test_title_is_the_metadatas_where_a_person_wrote_it(metadata: str, title: str) -> None:
    assert extract("a.pdf", pdf(["Leave\nText."], title=metadata, outline=[("Leave", 0)])).title == title


def test_without_any_title_the_file_names_it() -> None:
    assert extract("hr/leave 2026.pdf", pdf(["Text.", "More"], outline=[("More", 1)])).title == "leave 2026"


def test_lines_that_the_outline_names_are_headings() -> None:
    assert extract("a.pdf", pdf(["Intro\n1. Leave\nText."], outline=[("1 Leave", 0)])).text.strip() == (
        "Intro\n\n# 1. Leave\n\nText."
    )


def test_a_heading_of_two_lines_is_one_and_an_entry_counts_once() -> None:
    entries = [OutlineEntry(1, "Leave and absence"), OutlineEntry(0, "Elsewhere")]

    assert with_headings("Leave and\nabsence\nText\nLeave and absence", entries) == (
        "## Leave and absence\n\nText\nLeave and absence"
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pdf(["", ""]), "no text layer"),
        (pdf(["secret"], password="sesame"), "password needed"),
        (b"%PDF-1.7 and nothing else", "damaged"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason):
        extract("a.pdf", data)


FULL = "Everyone who works here has twenty-five days of leave each"


class TestReflow:
    def test_a_line_that_fills_the_page_goes_on_in_the_next(self) -> None:
        assert reflow(f"{FULL}\r\nyear, and asks early.\r\nNew paragraph.") == (
            f"{FULL} year, and asks early.\n\nNew paragraph."
        )

    @pytest.mark.parametrize("following", ["• an item", "2. an item", "(b) an item", "Name: of a form"])
    def test_items_and_labels_begin_their_own_line(self, following: str) -> None:
        assert reflow(f"{FULL}\r\n{following}") == f"{FULL}\n{following}"

    def test_rows_of_figures_stay_rows(self) -> None:
        row = "Leave days of the years 25 26 27 28 29 30 31 32 33 34 35 36"

        assert reflow(f"{row}\r\n{row}") == f"{row}\n{row}"

    def test_lines_of_a_table_of_contents_stay_lines(self) -> None:
        line = "Leave ................................................. 12"

        assert reflow(f"{line}\r\n{line}") == f"{line}\n{line}"

    @pytest.mark.parametrize(
        ("broken", "mended"),
        [
            ("im\ufffeportant", "important"),
            ("Anglo\ufffeAmerican", "Anglo-American"),
            ("2020\ufffe2024", "2020-2024"),
            ("well\ufffeknown and well-known", "well-known and well-known"),
            ("ﬁnal oﬃce", "final office"),
        ],
    )
    def test_words_are_whole_again(self, broken: str, mended: str) -> None:
        assert reflow(broken) == mended
