"""Bodies of every size and form: an answer, a 400 or a 413, and never an error of the platform."""

import json
from typing import Any

import pytest

from ragctl.deployment import Deployment
from tests.integration.http_api import Api
from tests.unit.test_local_http_bodies import MALFORMED, VALID

KIBIBYTE = 1024
LIMIT = 200 * KIBIBYTE
SIZES = [size * KIBIBYTE for size in (199, 200, 201, 255, 256, 257, 6 * KIBIBYTE)]
CHARACTERS = {"ASCII": "a", "two bytes": "é", "three bytes": "語", "four bytes": "😀"}


@pytest.fixture(scope="module")
def api(local_stack: Deployment) -> Api:
    return Api.of(local_stack)


def encoded(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def of_size(size: int, body: dict[str, Any], text: list[Any] | dict[str, Any], place: Any, character: str) -> bytes:
    """Return the body with a text in it, filled up with a character until it has so many bytes."""
    left, width = size - len(encoded(body)), len(character.encode())
    text[place] = character * (left // width) + "a" * (left % width)
    assert len(encoded(body)) == size
    return encoded(body)


def by_filter(size: int, character: str) -> bytes:
    condition = {"$eq": ""}
    return of_size(size, {"query": "a", "filter": {"$or": [{"title": condition}]}}, condition, "$eq", character)


def by_a_list(size: int, character: str) -> bytes:
    values: list[Any] = [character * 20] * 1_000 + [""]
    return of_size(size, {"query": "a", "filter": {"title": {"$in": values}}}, values, -1, character)


def by_history(size: int, character: str) -> bytes:
    turn = {"role": "user", "content": ""}
    return of_size(size, {"query": "a", "history": [turn]}, turn, "content", character)


def by_turns(size: int, character: str) -> bytes:
    """Fill many turns that are each within their limit, as far as they go, and blanks after that."""
    turn = {"role": "user", "content": character * 7_000}
    fitting = min((size - KIBIBYTE) // (len(encoded(turn)) + 2), 20)
    return encoded({"query": "a", "history": [turn] * fitting}).ljust(size)


def by_blanks(size: int, character: str) -> bytes:
    return encoded({"query": character}).ljust(size)


FILLED = {"filter": by_filter, "list": by_a_list, "history": by_history, "turns": by_turns, "blanks": by_blanks}


class TestSizes:
    @pytest.mark.parametrize("character", CHARACTERS.values(), ids=CHARACTERS.keys())
    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("path", ["/v1/answers", "/v1/executions"])
    def test_a_body_is_answered_or_refused_for_its_size(self, api: Api, path: str, size: int, character: str) -> None:
        answers = {name: api.call("POST", path, fill(size, character)) for name, fill in FILLED.items()}

        statuses = {name: answer.status for name, answer in answers.items()}
        assert set(statuses.values()) <= ({200, 202, 400} if size <= LIMIT else {400, 413}), statuses
        assert statuses["blanks"] == ({"/v1/answers": 200, "/v1/executions": 202}[path] if size <= LIMIT else 413)
        for answer in answers.values():
            if answer.status >= 400:
                assert answer.problem[1] in {"invalid-request", "too-large"}

    def test_a_body_beyond_the_platforms_limit_is_too_large(self, api: Api) -> None:
        assert api.call("POST", "/v1/answers", by_blanks(11 * KIBIBYTE**2, "a")).problem == (413, "too-large")


class TestForms:
    @pytest.mark.parametrize("path", ["/v1/answers", "/v1/executions", "/v1/batches", "/v1/documents"])
    @pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
    def test_what_is_no_json_is_refused(self, api: Api, path: str, body: bytes) -> None:
        assert api.call("POST", path, body).problem == (400, "invalid-request")

    @pytest.mark.parametrize("body", VALID.values(), ids=VALID.keys())
    def test_json_of_another_shape_is_refused_for_its_shape(self, api: Api, body: bytes) -> None:
        assert api.call("POST", "/v1/answers", body).problem == (400, "invalid-request")

    @pytest.mark.parametrize("body", VALID.values(), ids=VALID.keys())
    def test_any_json_as_an_operand_is_answered_or_refused(self, api: Api, body: bytes) -> None:
        answer = api.call("POST", "/v1/answers", b'{"query": "a", "filter": {"title": {"$eq": %b}}}' % body)

        assert answer.status == 200 or answer.problem == (400, "invalid-request")

    @pytest.mark.parametrize(
        "text",
        [
            "\u0000",
            "\u202e",
            "\x1b[31m",
            '\r\n{"level":"ERROR"}',
            "${jndi:ldap://x}",
            "$util.urlEncode('a') #set($a = 1)",
            "'\"\\/",
        ],
    )
    def test_hostile_text_comes_back_as_data_or_is_refused(self, api: Api, text: str) -> None:
        answer = api.call("POST", "/v1/answers", {"query": f"a {text} b", "filter": {"title": {"$ne": text}}})

        assert answer.status == 200 or answer.problem == (400, "invalid-request")
