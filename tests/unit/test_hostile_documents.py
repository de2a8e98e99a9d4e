"""Documents that want to harm: each is read or refused within its limits, and the next one is read."""

import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.document import Extracted
from rag.documents.extraction import extract
from rag.documents.isolation import IsolatedExtractor
from rag.errors import UnreadableDocument
from tests.fakes.docx import DECLARATION, NAMESPACE, docx, paragraph
from tests.fakes.pdf import pdf

LAUGHS = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10))
DOCTYPE = f"<!DOCTYPE {{}} [<!ENTITY e0 'lol'>{LAUGHS}]>"
BOUNDED = pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's address space")
MAIL = b"Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nText\n--b\n\nMore\n--b--\n"
TABLE = b"plan,price\nBasic,4\n"
SOUND = {
    "a.pdf": pdf(["Some words", "More words"], title="A title", outline=[("Some words", 0)]),
    "a.docx": docx(paragraph("Some words", style="berschrift1") + paragraph("More", list_id=2)),
    "a.html": b"<!doctype html><title>T</title><table><tr><td>a<td>b</table><p>words",
    "a.eml": MAIL,
    "a.csv": TABLE,
    "a.json": b'{"a": ["b", {"c": 1}]}',
    "a.md": b"# Title\n\nWords",
}


@pytest.fixture(scope="module")
def isolated() -> Iterator[IsolatedExtractor]:
    with IsolatedExtractor(memory_mb=512, seconds=60) as extractor:
        yield extractor


def outcome(extractor: IsolatedExtractor, name: str, data: bytes) -> Extracted | str:
    """Return what became of the document, or the reason why nothing did, once the next document was read."""
    try:
        result: Extracted | str = extractor(name, data)
    except UnreadableDocument as error:
        result = str(error)
    assert extractor("next.md", b"# Next\n\ntext").title == "Next"
    return result


def deflated(block: bytes, times: int) -> bytes:
    """Return the deflated form of a block repeated, without ever holding it."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(block) for _ in range(times)) + packer.flush()


def zip_bomb(megabytes: int) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as part:
        for _ in range(megabytes):
            part.write(b" " * 1_000_000)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("bomb.docx", zip_bomb(300), "unpacks to more"),
        pytest.param(
            "bomb.pdf", pdf([""], streams=[deflated(bytes(1_000_000), 1_000)]), "more than 512 MB", marks=BOUNDED
        ),
        pytest.param(
            "text bomb.pdf",
            pdf([""], streams=[deflated(b"BT /F 9 Tf (word) Tj ET " * 40_000, 500)]),
            "more than 512 MB",
            marks=BOUNDED,
        ),
        ("laughs.docx", docx("", document=f"{DECLARATION}{DOCTYPE.format('w')}<w {NAMESPACE}>&e9;</w>"), "entities"),
        ("laughs.svg", f"<?xml version='1.0'?>{DOCTYPE.format('svg')}<svg>&e9;</svg>".encode(), "SVG"),
        ("deep.json", b"[" * 1_000_000, "deeper"),
        ("wide.csv", b",".join([b"column"] * 1_000_000), "columns"),
        ("row.csv", b"a,b\n" + b"x" * 20_000_000, "longer than"),
        ("nul.txt", b"\0" * 1_000_000, "binary"),
        ("empty.pdf", b"", "no text"),
        ("white space.docx", b" \r\n\t ", "no text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bomb_is_refused_with_its_reason(isolated: IsolatedExtractor, name: str, data: bytes, reason: str) -> None:
    refused = outcome(isolated, name, data)

    assert isinstance(refused, str)
    assert reason in refused


def test_ten_thousand_pages_are_read_and_known_apart(isolated: IsolatedExtractor) -> None:
    extracted = outcome(isolated, "long.pdf", pdf([f"Page {number}\nSome words." for number in range(1, 10_001)]))

    assert isinstance(extracted, Extracted)
    assert len(extracted.pages) == 10_000
    assert extracted.text[extracted.pages[7_499] :].startswith("Page 7500")


def test_laughs_in_a_page_stay_a_single_one(isolated: IsolatedExtractor) -> None:
    extracted = outcome(isolated, "laughs.html", f"{DOCTYPE.format('html')}<html><p>&e9;</p>".encode())

    assert isinstance(extracted, Extracted)
    assert len(extracted.text) < 2_000


def test_a_thousand_mails_in_mails_are_refused(isolated: IsolatedExtractor) -> None:
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(1_000)
    )

    assert outcome(isolated, "nested.eml", b"Subject: s\n" + opening) == "Its parts nest too deeply."


@pytest.mark.parametrize("name", SOUND)
def test_a_file_that_was_cut_off_anywhere_is_read_or_refused(isolated: IsolatedExtractor, name: str) -> None:
    data = SOUND[name]
    for length in range(0, len(data), max(len(data) // 50, 1)):
        with suppress(UnreadableDocument):
            assert isolated(name, data[:length]).text.strip()


@given(name=st.sampled_from(sorted(SOUND)), place=st.floats(0, 1), garbage=st.binary(min_size=1, max_size=20))
def test_a_file_that_was_damaged_anywhere_is_read_or_refused(
    isolated: IsolatedExtractor, name: str, place: float, garbage: bytes
) -> None:
    data = SOUND[name]
    at = int(place * len(data))
    with suppress(UnreadableDocument):
        assert isolated(name, data[:at] + garbage + data[at + len(garbage) :]).text.strip()


@pytest.mark.parametrize("name", SOUND)
def test_the_sound_ones_are_read(name: str) -> None:
    assert extract(name, SOUND[name]).text.strip()
