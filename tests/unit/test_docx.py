"""DOCX into text: headings by style, lists, tables and notes; nothing that its reader does not see."""

import zipfile
from io import BytesIO

import pytest

from rag.documents import docx as reader
from rag.documents.extraction import extract
from rag.errors import UnreadableDocument
from tests.fakes.docx import DECLARATION, NAMESPACE, docx, paragraph


def text_of(body: str, footnotes: str = "") -> str:
    return extract("a.docx", docx(body, footnotes=footnotes)).text


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"


def run(text: str, properties: str = "") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"


def test_headings_are_told_by_style_whatever_its_language_and_whatever_is_based_on_it() -> None:
    body = paragraph("Leave", style="berschrift1") + paragraph("Kinds", style="Own") + paragraph("Paid.")

    assert text_of(body) == "# Leave\n\n## Kinds\n\nPaid."


def test_the_title_is_the_one_that_is_styled_so() -> None:
    body = paragraph("Part", style="berschrift1") + paragraph("The manual", style="Title")

    assert extract("a.docx", docx(body)).title == "The manual"


def test_lists_are_numbered_as_they_are_shown() -> None:
    items = [("a", 1, 0), ("b", 1, 1), ("one", 2, 0), ("sub", 2, 1), ("sub", 2, 1), ("two", 2, 0), ("sub", 2, 1)]
    body = "".join(paragraph(text, list_id=list_id, level=level) for text, list_id, level in items)

    assert text_of(body + paragraph("by style", style="Item") + paragraph("end")) == (
        "- a\n  - b\n1. one\n  1.a) sub\n  1.b) sub\n2. two\n  2.a) sub\n- by style\n\nend"
    )


def test_tables_are_markdowns_and_each_row_reads_alone() -> None:
    rows = [
        cell("Plan") + cell("Help | hours"),
        cell("Plus", '<w:vMerge w:val="restart"/>') + cell("mail"),
        cell("", "<w:vMerge/>") + cell("phone"),
    ]
    body = f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"

    assert text_of(body) == "| Plan | Help \\| hours |\n|---|---|\n| Plus | mail |\n| Plus | phone |"


def test_a_table_in_a_table_stays_in_its_cell() -> None:
    inner = f"<w:tbl><w:tr>{cell('a')}{cell('b')}</w:tr></w:tbl>"
    body = f"<w:tbl><w:tr><w:tc>{inner}<w:p/></w:tc>{cell('c')}</w:tr></w:tbl>"

    assert text_of(body) == "| a, b | c |\n|---|---|"


def test_a_note_stands_behind_the_paragraph_that_refers_to_it() -> None:
    body = f'<w:p>{run("Leave")}<w:r><w:footnoteReference w:id="2"/></w:r></w:p>{paragraph("Next")}'
    notes = f'<w:footnote w:type="separator" w:id="0"/><w:footnote w:id="2">{paragraph("Paid.")}</w:footnote>'

    assert text_of(body, notes) == "Leave\n\n(Note: Paid.)\n\nNext"


@pytest.mark.parametrize(
    "unseen",
    [
        run("secret", "<w:vanish/>"),
        run("secret", '<w:rStyle w:val="Secret"/>'),
        "<w:del><w:r><w:delText>secret</w:delText></w:r></w:del>",
        "<w:moveFrom><w:r><w:t>secret</w:t></w:r></w:moveFrom>",
        "<w:r><w:instrText>secret</w:instrText></w:r>",
    ],
)
def test_what_a_reader_does_not_see_is_dropped(unseen: str) -> None:
    assert text_of(f"<w:p>{run('before ')}{unseen}{run('after')}</w:p>") == "before after"


@pytest.mark.parametrize(
    "seen",
    [
        run("seen ", '<w:vanish w:val="0"/>'),
        f"<w:ins>{run('seen ')}</w:ins>",
        f"<w:hyperlink>{run('seen ')}</w:hyperlink>",
        f"<w:sdt><w:sdtContent>{run('seen ')}</w:sdtContent></w:sdt>",
    ],
)
def test_what_is_inserted_linked_or_filled_in_is_seen(seen: str) -> None:
    assert text_of(f"<w:p><w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr>{seen}{run('after')}</w:p>") == "seen after"


def test_a_text_box_is_read_once() -> None:
    box = f"<w:txbxContent>{paragraph('in the box')}</w:txbxContent>"
    both = f"<w:r><w:Choice>{box}</w:Choice><w:Fallback>{box}</w:Fallback></w:r>"

    assert text_of(f"<w:p>{both}{run('beside')}</w:p>") == "in the box\n\nbeside"


def test_a_tab_stop_is_no_tab() -> None:
    stops = '<w:pPr><w:tabs><w:tab w:val="left" w:pos="720"/></w:tabs></w:pPr>'

    assert text_of(f"<w:p>{stops}<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p>") == "a b\nc"


def test_a_style_that_is_based_on_itself_ends_nothing() -> None:
    assert text_of(paragraph("text", style="Circle")) == "text"


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_PART_BYTES", 10_000)

    with pytest.raises(UnreadableDocument, match="unpacks"):
        text_of(paragraph("a" * 10_000))


def test_an_archive_that_lies_about_its_sizes_is_damaged() -> None:
    honest = docx(paragraph("a" * 100_000))
    size = zipfile.ZipFile(BytesIO(honest)).getinfo("word/document.xml").file_size.to_bytes(4, "little")

    with pytest.raises(UnreadableDocument, match="damaged"):
        extract("a.docx", honest.replace(size, (1_000).to_bytes(4, "little")))


def test_entities_are_refused_where_they_are_declared() -> None:
    laughs = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10))
    document = f"{DECLARATION}<!DOCTYPE w [<!ENTITY e0 'lol'>{laughs}]><w:document {NAMESPACE}>&e9;</w:document>"

    with pytest.raises(UnreadableDocument, match="entities"):
        extract("a.docx", docx("", document=document))


@pytest.mark.parametrize("document", ["<w:document", "", "not XML", "<other/>"])
def test_a_document_that_is_no_document_is_refused(document: str) -> None:
    with pytest.raises(UnreadableDocument):
        extract("a.docx", docx("", document=document or " "))
