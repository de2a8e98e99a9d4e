"""Files into title and text: what each is read as, Markdown as it is, HTML as its reader sees it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.extraction import extract
from rag.errors import UnreadableDocument
from tests.fakes.docx import docx, paragraph
from tests.fakes.pdf import pdf


def text_of(html: str) -> str:
    return extract("page.html", f"<!doctype html><body>{html}".encode()).text


def test_markdown_stays_as_it_is() -> None:
    source = "# Leave\n\n* 25 days\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"

    assert extract("leave.md", source.encode()).text == source


@pytest.mark.parametrize(
    ("name", "source", "title"),
    [
        ("a.md", "# Leave policy #\n\ntext", "Leave policy"),
        ("a.md", "---\ntags: x\n---\n\nIntro.\n\n## Later heading\n", "Later heading"),
        ("a.md", "```\n# a comment\n```\n\n# Real\n", "Real"),
        ("a.txt", "RELEASE NOTES\n=============\n\ntext", "RELEASE NOTES"),
        ("a.txt", "A line that stands alone\n\ntext", "A line that stands alone"),
        ("state of the union.txt", "Good evening. We begin.\n\ntext", "state of the union"),
        ("dir/notes.txt", "text goes on\nand on", "notes"),
        ("a.html", "<title>Tab &amp; title</title><h1>Heading</h1>", "Tab & title"),
        ("a.html", "<html><title> </title><h1>Heading</h1>", "Heading"),
        ("a.md", "## About\n\n# The manual\n", "The manual"),
        ("faq.html", "<p>text</p>", "faq"),
    ],
)
def test_title_is_the_documents_own_or_its_name(name: str, source: str, title: str) -> None:
    assert extract(name, source.encode()).title == title


def test_a_very_long_title_is_cut() -> None:
    assert len(extract("a.md", f"# {'long ' * 200}\n\ntext".encode()).title) < 201


@pytest.mark.parametrize("suffix", ["md", "txt", "html", "pdf", "docx", "csv", "json", "eml", "bin"])
def test_an_empty_file_is_refused_as_such_whatever_its_name(suffix: str) -> None:
    with pytest.raises(UnreadableDocument, match="no text"):
        extract(f"a.{suffix}", b"")


@pytest.mark.parametrize("data", [b"", b" \n\t\r\n ", b"<!doctype html><script>x</script>", b"\xef\xbb\xbf"])
def test_a_file_without_text_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableDocument, match="no text"):
        extract("a.html", data)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("page.txt", "<!-- saved --> <!DOCTYPE html><p>a &lt; b</p>"),
        ("page", "\n<html lang=en><p>a &lt; b</p>"),
        ("page.htm", "<p>a &lt; b</p>"),
        ("page.xhtml", '<?xml version="1.0"?><html><p>a &lt; b</p></html>'),
    ],
)
def test_html_is_recognised_by_its_content(name: str, source: str) -> None:
    assert extract(name, source.encode()).text == "a < b"


@pytest.mark.parametrize("name", ["notes.md", "notes.txt", "notes.html"])
def test_text_that_is_not_html_stays_text(name: str) -> None:
    assert extract(name, b"if a < b and c > d then").text == "if a < b and c > d then"


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("report.pdf", b"<!doctype html><p>saved by a browser</p>", "html"),
        ("table.csv", b"<html><table><tr><td>exported</table>", "html"),
        ("notes.txt", pdf(["in truth a PDF"]), "pdf"),
        ("notes.pdf", b"plain words", "text"),
        ("no-ending", docx(paragraph("words")), "docx"),
        ("table.txt", b"a,b\n1,2", "text"),
        ("table.csv", b"a,b\n1,2", "csv"),
        ("data.json", b'{"a": 1}', "json"),
        ("mail.eml", b"Subject: s\n\nbody", "eml"),
        ("mail.eml", b"no header, but words", "text"),
        ("README.md", b"words", "markdown"),
    ],
)
def test_content_tells_the_format_and_the_name_what_content_cannot(name: str, data: bytes, kind: str) -> None:
    assert extract(name, data).format == kind


def test_svg_is_an_image() -> None:
    with pytest.raises(UnreadableDocument, match="SVG"):
        extract("a.svg", b'<?xml version="1.0"?><!-- drawn --><svg><text>words</text></svg>')


def test_invisible_characters_are_stripped_and_counted_in_title_and_text() -> None:
    extracted = extract("a.html", "<html><title>Pol\u00adicy</title><p>Le\u200bave\u202e</p>".encode())

    assert (extracted.title, extracted.text, extracted.stripped) == ("Policy", "Leave", 3)


def test_headings_paragraphs_and_lists_keep_their_structure() -> None:
    html = """
      <h1>Leave</h1><p>Everyone
        has <b>25</b> days.<br>Ask early.</p>
      <h2>Kinds</h2><ul><li>Paid</li><li>Unpaid<ol><li>short</li><li>long</li></ol></li></ul><div>End</div>"""

    assert text_of(html) == (
        "# Leave\n\nEveryone has 25 days.\nAsk early.\n\n## Kinds\n\n"
        "- Paid\n- Unpaid\n  1. short\n  2. long\n\nEnd"
    )  # fmt: skip


def test_preformatted_text_is_fenced_so_that_its_comments_are_no_headings() -> None:
    assert text_of("<pre># list\n  ls  -l\n</pre>") == "```\n# list\n  ls  -l\n```"
    assert text_of("<pre>```\nx</pre>") == "````\n```\nx\n````"


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>secret</script>",
        "<style>.secret{}</style>",
        "<!-- secret -->",
        "<template>secret</template>",
        "<noscript>secret</noscript>",
        "<p hidden>secret</p>",
        "<div style='color:red; DISPLAY : none'><p>secret</div>",
        "<span style='visibility:hidden'>secret</span>",
        "<span style='font-size:0px'>secret</span>",
        "<span style='opacity:0.0'>secret</span>",
        "<span style='position:absolute; left: -9999px'>secret</span>",
        "<div style='text-indent:-5000px'>secret</div>",
        "<svg><text>secret</text></svg>",
        "<textarea>secret</textarea>",
        "<table><tr hidden><td>secret</td></tr></table>",
    ],
)
def test_what_a_reader_does_not_see_is_dropped(hidden: str) -> None:
    assert text_of(f"<p>before</p>{hidden}<p>after</p>") == "before\n\nafter"


@pytest.mark.parametrize("style", ["opacity:0.5", "font-size:0.8em", "display:block", "text-indent:-2em", "left:-10px"])
def test_faint_or_small_text_stays(style: str) -> None:
    assert text_of(f"<p style='{style}'>shown</p>") == "shown"


class TestTables:
    def test_one_row_a_line(self) -> None:
        html = "<table><thead><tr><th>Plan<th>Price</thead><tr><td>Basic<td>EUR <b>4</b><tr><td>Plus<td>EUR 9</table>"

        assert text_of(html) == "| Plan | Price |\n|---|---|\n| Basic | EUR 4 |\n| Plus | EUR 9 |"

    def test_an_empty_cell_keeps_its_place_unless_its_column_is_empty(self) -> None:
        html = "<table><tr><td>a<td><td>b<td>c<tr><td>d<td><td><td>e</table>"

        assert text_of(html) == "| a | b | c |\n|---|---|---|\n| d |  | e |"

    def test_a_cell_that_spans_rows_is_repeated_in_each(self) -> None:
        html = "<table><tr><td rowspan=2>Plus<td>mail<tr><td>phone<tr><td>Basic<td>none</table>"

        assert text_of(html) == "| Plus | mail |\n|---|---|\n| Plus | phone |\n| Basic | none |"

    def test_cells_of_several_paragraphs_stay_on_their_row(self) -> None:
        assert text_of("<table><tr><td><p>a</p><p>b</p><td>c<br>d</table>") == "| a b | c d |\n|---|---|"

    def test_a_table_that_lays_out_the_page_is_read_as_text(self) -> None:
        outer = "<table><tr><td><h1>Title</h1><p>Text</p><td>{}</table>"

        assert text_of(outer.format("Side")) == "# Title\n\nText\n\nSide"
        assert text_of("<table><tr><td><p>One</p><p>Two</p></table>") == "One\nTwo"
        inner = "<table><tr><td>a<td>b</table>"
        assert text_of(f"<table><tr><td>x<td>{inner}</table>") == "x\n\n| a | b |\n|---|---|"

    def test_a_caption_comes_before_its_table(self) -> None:
        assert text_of("<table><caption>Prices</caption><tr><td>a<td>b</table>") == "Prices\n\n| a | b |\n|---|---|"

    def test_absurd_spans_cost_little(self) -> None:
        cell = "<td colspan=99999 rowspan=99999>x"

        assert len(text_of("<table>" + f"<tr>{cell * 50}" * 50 + "</table>")) < 1_000_000


def test_deep_nesting_is_no_recursion() -> None:
    assert text_of("<div>" * 20_000 + "deep") == "deep"


@given(st.text(alphabet="<>/=' abh1tdr!-&;p\n"))
def test_any_markup_becomes_text_or_is_refused(source: str) -> None:
    with suppress(UnreadableDocument):
        assert extract("page.html", f"<html>{source}".encode()).text.strip()
