"""An issuer's keys: where they are looked for, how long they are trusted, and what is asked of the issuer how often."""

import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rag.adapters import jwks
from rag.adapters.jwks import FRESH_SECONDS, MAX_BYTES, PAUSE_SECONDS, RETRY_SECONDS, IssuerKeys, fetched
from rag.errors import InternalError, UpstreamUnavailable
from tests.fakes.token_issuer import ISSUER, TokenIssuer

CONFIGURATION = f"{ISSUER}/.well-known/openid-configuration"
GUARD_SECONDS = 20.0


class Web:
    """The issuer's documents, the time, and what was fetched; an issuer that is `away` answers nothing."""

    def __init__(self, documents: Mapping[str, Any]) -> None:
        self.documents = dict(documents)
        self.fetched = list[str]()
        self.away = False
        self.now = 1_000.0
        self.keys = IssuerKeys(ISSUER, fetch=self._fetch, clock=lambda: self.now)

    def _fetch(self, url: str) -> Any:
        self.fetched.append(url)
        if self.away:
            raise UpstreamUnavailable("It is away.")
        return self.documents.get(url)


@pytest.fixture(scope="module")
def issuer() -> TokenIssuer:
    return TokenIssuer()


@pytest.fixture
def web(issuer: TokenIssuer) -> Web:
    return Web(issuer.documents())


def test_keys_are_where_the_issuer_s_configuration_says(web: Web) -> None:
    assert web.keys.key("RS256") is not None
    assert web.fetched == [CONFIGURATION, f"{ISSUER}/keys"]


@pytest.mark.parametrize(
    "configuration", [None, {}, {"issuer": "https://evil.example", "jwks_uri": "https://evil.example/k"}]
)
def test_without_a_configuration_of_its_own_they_are_at_the_usual_place(
    issuer: TokenIssuer, configuration: Any
) -> None:
    usual = f"{ISSUER}/.well-known/jwks.json"
    web = Web({CONFIGURATION: configuration, usual: {"keys": [issuer.jwk("ES256")]}})
    assert web.keys.key("ES256") is not None
    assert web.fetched == [CONFIGURATION, usual]


@pytest.mark.parametrize("address", ["http://evil.example/keys", "file:///etc/passwd", "https://u@evil.example/k"])
def test_keys_at_an_address_that_anybody_could_answer_at_are_not_asked_for(issuer: TokenIssuer, address: str) -> None:
    web = Web({CONFIGURATION: {"issuer": ISSUER, "jwks_uri": address}, address: {"keys": [issuer.jwk("RS256")]}})
    with pytest.raises(InternalError):
        web.keys.key("RS256")
    assert web.fetched == [CONFIGURATION]


@pytest.mark.parametrize(
    "url",
    ["http://issuer.example", "https://", "ftp://x", "issuer.example", "https://x:port", "https://x?q", "https://[x"],
)
def test_an_issuer_at_such_an_address_is_none(url: str) -> None:
    with pytest.raises(InternalError):
        IssuerKeys(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:3000", "http://localhost:1", "https://issuer.example/tenant/v2.0"])
def test_an_issuer_at_a_sound_address_is_one(url: str) -> None:
    assert IssuerKeys(url)


def test_known_keys_are_not_fetched_again_until_they_are_stale(web: Web) -> None:
    for _ in range(3):
        assert web.keys.key("RS256") is not None
    assert len(web.fetched) == 2
    web.now += FRESH_SECONDS
    assert web.keys.key("RS256") is not None
    assert len(web.fetched) == 4


def test_made_up_key_ids_do_not_make_a_fetch_each(web: Web) -> None:
    for number in range(20):
        assert web.keys.key(f"made-up-{number}") is None
    assert len(web.fetched) == 2


def test_a_new_key_is_found_after_a_pause(web: Web, issuer: TokenIssuer) -> None:
    web.keys.key("RS256")
    web.documents[f"{ISSUER}/keys"] = {"keys": [issuer.jwk("RS256", "new")]}
    assert web.keys.key("new") is None
    web.now += PAUSE_SECONDS
    assert web.keys.key("new") is not None
    assert web.keys.key("RS256") is None


def test_a_key_that_was_withdrawn_is_trusted_no_longer_than_keys_are_fresh(web: Web) -> None:
    web.keys.key("RS256")
    web.away = True
    web.now += FRESH_SECONDS - 1
    assert web.keys.key("RS256") is not None
    web.now += 1
    with pytest.raises(UpstreamUnavailable):
        web.keys.key("RS256")


def test_an_issuer_that_is_away_is_asked_again_soon_and_not_at_once(web: Web) -> None:
    web.away = True
    for _ in range(5):
        with pytest.raises(UpstreamUnavailable):
            web.keys.key("RS256")
    assert len(web.fetched) == 1
    web.away = False
    web.now += RETRY_SECONDS
    assert web.keys.key("RS256") is not None


@pytest.mark.parametrize(
    "listed",
    [
        [{"kty": "oct", "kid": "RS256", "k": "c2VjcmV0"}],
        [{"kty": "RSA", "kid": "RS256", "n": "!", "e": "AQAB"}],
        [{"kty": "RSA", "kid": "RS256"}],
        [{"kty": "EC", "kid": "RS256", "crv": "P-256", "x": "AA", "y": "AA"}],
        [None, 7, "key", []],
    ],
)
def test_what_is_no_public_key_is_passed_over(issuer: TokenIssuer, listed: list[Any]) -> None:
    documents = issuer.documents() | {f"{ISSUER}/keys": {"keys": [*listed, issuer.jwk("ES256")]}}
    web = Web(documents)
    assert web.keys.key("RS256") is None
    assert web.keys.key("ES256") is not None


def test_a_key_for_encrypting_verifies_nothing(issuer: TokenIssuer) -> None:
    web = Web(issuer.documents() | {f"{ISSUER}/keys": {"keys": [issuer.jwk("RS256") | {"use": "enc"}]}})
    assert web.keys.key("RS256") is None


@pytest.mark.parametrize("document", [None, {}, {"keys": {}}, {"keys": None}])
def test_what_is_no_key_set_is_an_issuer_that_cannot_be_asked(issuer: TokenIssuer, document: Any) -> None:
    web = Web(issuer.documents() | {f"{ISSUER}/keys": document})
    with pytest.raises(UpstreamUnavailable):
        web.keys.key("RS256")


class _Answers(BaseHTTPRequestHandler):
    """Answers by path, on a socket."""

    def do_GET(self) -> None:
        bodies = {"/ok": b'{"a": 1}', "/list": b"[]", "/html": b"<html>", "/huge": b'"' + b"x" * MAX_BYTES + b'"'}
        status = {"/moved": 302, "/missing": 404, "/broken": 500}.get(self.path, 200)
        body = bodies.get(self.path, b"{}")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "/ok")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def test_a_document_is_fetched_over_http(server: str) -> None:
    assert fetched(f"{server}/ok") == {"a": 1}
    assert fetched(f"{server}/missing") is None


@pytest.mark.parametrize("path", ["/moved", "/broken", "/list", "/html", "/huge"])
def test_a_redirect_and_whatever_is_no_json_object_of_bounded_size_is_refused(server: str, path: str) -> None:
    with pytest.raises(UpstreamUnavailable):
        fetched(f"{server}{path}")


def test_an_issuer_that_keeps_one_waiting_is_given_up(issuer: TokenIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "FETCH_SECONDS", 0.05)
    given_up = threading.Event()

    def slow(url: str) -> Any:
        given_up.wait(GUARD_SECONDS)  # whoever waits for it would have its keys
        return issuer.documents().get(url)

    with pytest.raises(UpstreamUnavailable):
        IssuerKeys(ISSUER, fetch=slow).key("RS256")
    given_up.set()
