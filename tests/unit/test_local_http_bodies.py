"""Request bodies: JSON and nothing that only looks like it, of the form that the schema says."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragctl.local.http.definition import operations
from ragctl.local.http.messages import Headers, Request
from ragctl.local.http.strict_json import MAX_DEPTH, MalformedJsonError, parse
from ragctl.local.http.validation import BadBodyError, BadParametersError, BodyValidator, check_parameters, content_type

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)

MALFORMED = {
    "nothing": b"",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "no UTF-8": b'"\xff"',
    "an overlong form": b'"\xc0\xaf"',
    "NaN": b"[NaN]",
    "Infinity": b"[-Infinity]",
    "a trailing comma": b"[1,]",
    "a comment": b"[1] // one",
    "single quotes": b"{'a': 1}",
    "two values": b"{} {}",
    "a leading zero": b"[01]",
    "a bare fraction": b"[.5]",
    "a tab in a string": b'"\t"',
    "an open string": b'"a',
    "an open array": b"[1",
    "a half escape": b'"\\u00"',
    "no key": b"{1: 2}",
    "a hundred thousand brackets": b"[" * 100_000,
    "too deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
}
VALID = {
    "a scalar": b"1",
    "blanks": b" \r\n\t{} ",
    "twice the same key": b'{"a": 1, "a": 2}',
    "escapes": b'"\\u0000\\ud83d\\ude00\\/"',
    "half a pair": b'"\\ud800"',
    "a large exponent": b"[1e400, -0, 1E+2]",
    "ten thousand digits": b"9" * 10_000,
    "deep": b"[" * 100 + b"]" * 100,
}


class TestStrictJson:
    @pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
    def test_what_is_malformed_is_refused(self, body: bytes) -> None:
        with pytest.raises(MalformedJsonError):
            parse(body)

    @pytest.mark.parametrize("body", VALID.values(), ids=VALID.keys())
    def test_what_is_valid_is_taken(self, body: bytes) -> None:
        parse(body)

    @given(JSON)
    def test_json_reads_back_as_itself(self, value: Any) -> None:
        assert parse(json.dumps(value).encode()) == value

    @given(st.binary(max_size=200))
    def test_any_bytes_are_json_or_malformed(self, body: bytes) -> None:
        try:
            parse(body)
        except MalformedJsonError:
            return


DOCUMENT: Any = {
    "x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": True, "validateRequestParameters": True}},
    "x-amazon-apigateway-request-validator": "all",
    "components": {
        "schemas": {
            "Question": {
                "type": "object",
                "required": ["query"],
                "additionalProperties": False,
                "properties": {"query": {"type": "string", "maxLength": 5}, "n": {"$ref": "#/components/schemas/N"}},
            },
            "N": {"type": "integer", "minimum": 1, "exclusiveMinimum": True},
        }
    },
    "paths": {
        "/ask/{id}": {
            "post": {
                "parameters": [
                    {"name": "id", "in": "path", "required": True},
                    {"name": "page", "in": "query", "required": True},
                    {"name": "X-Key", "in": "header", "required": True},
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Question"}}},
                },
                "x-amazon-apigateway-integration": {"type": "mock"},
            }
        }
    },
}


def posted(body: bytes = b"", *fields: tuple[str, str], target: str = "/ask/1") -> Request:
    return Request("POST", target, Headers(fields), body)


def check(request: Request) -> None:
    [operation] = list(operations(DOCUMENT))
    BodyValidator(DOCUMENT).check(operation, request)


class TestSchemas:
    @pytest.mark.parametrize("body", [b'{"query": "hello"}', '{"query": "ééééé"}'.encode(), b'{"query": "", "n": 2}'])
    def test_a_fitting_body_passes(self, body: bytes) -> None:
        check(posted(body))

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", "required"),
            (b"[]", "type"),
            (b"null", "type"),
            (b"{}", 'missing required properties (["query"])'),
            (b'{"query": "hello!"}', "maxLength"),
            (b'{"query": 1}', "/query"),
            (b'{"query": "a", "n": 1}', "minimum"),
            (b'{"query": "a", "n": true}', "type"),
            (b'{"query": "a", "tenant": "b"}', 'not allowed by the schema: ["tenant"]'),
            (b'{"query": "a"', "not valid JSON"),
        ],
    )
    def test_another_one_is_refused_with_its_reason(self, body: bytes, reason: str) -> None:
        with pytest.raises(BadBodyError) as refused:
            check(posted(body))

        assert reason in refused.value.reasons[0]

    def test_a_content_type_without_schema_is_the_integrations_business(self) -> None:
        check(posted(b"anything", ("Content-Type", "text/plain")))

    @pytest.mark.parametrize(
        ("told", "understood"),
        [(None, "application/json"), ("", "application/json"), ("Application/JSON; charset=utf-8", "application/json")],
    )
    def test_a_missing_content_type_is_json(self, told: str | None, understood: str) -> None:
        assert content_type(posted(b"", *([("content-type", told)] if told is not None else []))) == understood


class TestParameters:
    def test_missing_ones_are_named(self) -> None:
        [operation] = list(operations(DOCUMENT))

        with pytest.raises(BadParametersError, match=r"\[page, X-Key\]"):
            check_parameters(operation, posted(target="/ask/1?page="), {"id": "1"})

    def test_a_header_is_found_whatever_its_case(self) -> None:
        [operation] = list(operations(DOCUMENT))

        check_parameters(operation, posted(b"", ("x-KEY", "k"), target="/ask/1?page=2"), {"id": "1"})
