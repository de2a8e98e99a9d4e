"""Mails into text."""

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.extraction import extract
from rag.documents.mail import extract_mail
from rag.errors import UnreadableDocument


def mail(text: str = "", html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Grüße aus München"
    message["From"] = "Jo Doe <jo@example.com>"
    message["To"] = "Al <al@example.com>"
    message["Date"] = "Sun, 22 Nov 2026 11:00:00 +0000"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


HEAD = "From: Jo Doe <jo@example.com>\nTo: Al <al@example.com>\nDate: Sun, 22 Nov 2026 11:00:00 +0000\n\n"


def test_subject_is_the_title_and_the_rest_says_who_wrote_when_and_what() -> None:
    extracted = extract("a.eml", mail("Schöne Grüße!\n").as_bytes())

    assert extracted.title == "Grüße aus München"
    assert extracted.text.strip() == HEAD + "Schöne Grüße!"


def test_html_is_read_where_there_is_no_plain_text() -> None:
    page = "<p>Shown<p hidden>not</p><script>nor this</script>"

    assert extract("a.eml", mail("  ", page).as_bytes()).text.strip() == HEAD + "Shown"
    assert extract("a.eml", mail("Plain", page).as_bytes()).text.strip() == HEAD + "Plain"


def test_attachments_are_named() -> None:
    message = mail("See there.\n")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="leave.pdf")
    message.add_attachment("notes", filename="notes.txt")

    assert extract("a.eml", message.as_bytes()).text.endswith("See there.\n\nAttachments: leave.pdf, notes.txt")


@pytest.mark.parametrize("charset", ["latin-1", "no-such-charset", "utf-8"])
def test_an_encoding_that_is_wrong_or_unknown_is_found_out(charset: str) -> None:
    data = b"Subject: s\nContent-Type: text/plain; charset=" + charset.encode() + b"\n\nGr\xfc\xdfe"

    assert "Grüße" in extract("a.eml", data).text


def test_parts_in_parts_without_end_are_refused() -> None:
    depth = 1_000
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(depth)
    )

    with pytest.raises(UnreadableDocument, match="too deeply"):
        extract_mail(b"Subject: s\n" + opening + b"\nText")


@given(st.text(alphabet='abF:;=?"<>()@, \n-/'), st.sampled_from(["From", "To", "Date", "Subject", "Content-Type"]))
def test_any_header_is_read_or_refused(value: str, name: str) -> None:
    try:
        extracted = extract_mail(f"{name}: {value}\n\nbody".encode())
    except UnreadableDocument:
        return
    assert isinstance(extracted.text, str)
