"""A mail into text: who wrote to whom and when, what it says, and what is attached by name."""

from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Final

from rag.documents.decoding import decoded
from rag.documents.document import Extracted
from rag.errors import UnreadableDocument

MAX_ATTACHMENTS: Final = 100  # that are named

_HEADERS: Final = ("From", "To", "Cc", "Date")
_DAMAGED: Final = "It is a damaged mail: save it anew from the mail program."


def extract_mail(data: bytes) -> Extracted:
    """Return the subject as title, and the mail's own text: the plain one, or the HTML one where there is no plain one.

    Raises:
        UnreadableDocument: it is damaged, or nests too deeply.
    """
    try:
        message = BytesParser(EmailMessage, policy=policy.default).parsebytes(data)
        return Extracted(_header(message, "Subject"), "\n\n".join(filter(None, _parts(message))), "eml")
    except RecursionError as error:
        raise UnreadableDocument("Its parts nest too deeply.") from error
    except (MessageError, ValueError, LookupError, TypeError, AttributeError, IndexError) as error:
        raise UnreadableDocument(_DAMAGED) from error  # the parser's ways to fail on headers that it did not foresee


def _parts(message: EmailMessage) -> list[str]:
    lines = [f"{name}: {value}" for name in _HEADERS if (value := _header(message, name))]
    return ["\n".join(lines), _body(message), _attachments(message)]


def _header(message: EmailMessage, name: str) -> str:
    return " ".join(str(message.get(name, "")).split())


def _body(message: EmailMessage) -> str:
    plain = message.get_body(("plain",))
    text = _content(plain) if isinstance(plain, EmailMessage) else ""
    if text.strip():
        return text.strip("\r\n")
    page = message.get_body(("html",))
    if not isinstance(page, EmailMessage):
        return ""
    from rag.documents.html import extract_html

    return extract_html(_content(page)).text


def _content(part: EmailMessage) -> str:
    """Return a part's text; where it names an encoding that is unknown or wrong, the one that it is in."""
    raw = part.get_payload(decode=True)
    data = raw if isinstance(raw, bytes) else b""
    try:
        return data.decode(part.get_content_charset("utf-8"))
    except (LookupError, UnicodeDecodeError):
        return decoded(data)


def _attachments(message: EmailMessage) -> str:
    names = [" ".join((part.get_filename() or "").split()) for part in message.walk() if not part.is_multipart()]
    named = [name for name in names if name]
    more = f" and {len(named) - MAX_ATTACHMENTS} more" if len(named) > MAX_ATTACHMENTS else ""
    return f"Attachments: {', '.join(named[:MAX_ATTACHMENTS])}{more}" if named else ""
