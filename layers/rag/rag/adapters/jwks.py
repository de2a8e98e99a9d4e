"""The keys that an issuer signs its tokens with, fetched from it and remembered."""

import http.client
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit

import jwt

from rag.deadlines import within
from rag.errors import InternalError, UpstreamUnavailable

FETCH_SECONDS: Final = 3.0  # of all requests together
MAX_BYTES: Final = 256 * 1024  # of one document
MAX_KEYS: Final = 100
FRESH_SECONDS: Final = 3600.0  # keys that were withdrawn are trusted no longer than this
PAUSE_SECONDS: Final = 60.0  # between fetches: a token with a made-up key id must not cause one each
RETRY_SECONDS: Final = 5.0  # after one that failed

_ISSUER: Final = "The issuer of tokens"
_WELL_KNOWN: Final = "/.well-known/"
_MISSING: Final = 404

Fetch = Callable[[str], Mapping[str, Any] | None]
Keys = Mapping[str, "jwt.PyJWK"]


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: Keys
    at: float


class IssuerKeys:
    """The public keys of one issuer, by key id. `fetch` returns a JSON object, or None where there is none.

    The address of the keys is what the issuer's OpenID configuration says, or else the usual one.
    """

    def __init__(
        self, issuer: str, *, fetch: "Fetch | None" = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        check_address(issuer)
        self._issuer = issuer
        self._fetch = fetch or fetched
        self._clock = clock
        self._known: _Fetched | None = None
        self._next_at = -math.inf
        self._lock = Lock()

    def key(self, key_id: str) -> "jwt.PyJWK | None":
        """Return the key of this id, or None where the issuer has none of it.

        Raises:
            UpstreamUnavailable: the issuer cannot be asked, and no keys of it are known that are still to be trusted.
            InternalError: its address, or that of its keys, is not one to ask.
        """
        with self._lock:
            now = self._clock()
            known = self._known if self._known is not None and now - self._known.at < FRESH_SECONDS else None
            if known is not None and (key := known.keys.get(key_id)) is not None:
                return key
            if now >= self._next_at:
                known = self._renewed(now) or known
            if known is None:
                raise UpstreamUnavailable(f"{_ISSUER} could not be asked for its keys.")
            return known.keys.get(key_id)

    def _renewed(self, now: float) -> _Fetched | None:
        try:
            keys = within(FETCH_SECONDS, self._keys, service=_ISSUER)
        except UpstreamUnavailable:
            self._next_at = now + RETRY_SECONDS
            return None
        self._next_at = now + PAUSE_SECONDS
        self._known = _Fetched(keys, now)
        return self._known

    def _keys(self) -> Keys:
        base = self._issuer.rstrip("/")
        configuration = self._fetch(f"{base}{_WELL_KNOWN}openid-configuration") or {}
        address = configuration.get("jwks_uri")
        if not isinstance(address, str) or configuration.get("issuer") != self._issuer:
            address = f"{base}{_WELL_KNOWN}jwks.json"
        check_address(address)
        return _parsed(self._fetch(address) or {})


def check_address(url: str) -> None:
    """Refuse an address at which nobody could be sure to be answered by the issuer.

    Raises:
        InternalError: it is neither https nor http on this very machine.
    """
    try:
        parts = urlsplit(url)
        loopback = parts.hostname in ("127.0.0.1", "::1", "localhost")
        sound = bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and loopback))
        sound = sound and (parts.port or 1) > 0 and parts.username is None and not parts.query and not parts.fragment
    except ValueError:
        sound = False
    if not sound:
        raise InternalError("The issuer of tokens, and its keys, must be at an https address (JwtIssuer).")


def fetched(url: str) -> Mapping[str, Any] | None:
    """Return the JSON object at an address, or None where there is none. Redirects are not followed.

    Raises:
        UpstreamUnavailable: it cannot be fetched.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=FETCH_SECONDS)
    try:
        connection.request("GET", parts.path or "/", headers={"Accept": "application/json"})
        response = connection.getresponse()
        data = response.read(MAX_BYTES + 1)
        status = response.status
        value = json.loads(data) if status == http.client.OK and len(data) <= MAX_BYTES else None
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        raise UpstreamUnavailable(f"{_ISSUER} could not be asked for its keys.") from None
    finally:
        connection.close()
    if status == _MISSING:
        return None
    if not isinstance(value, dict):
        raise UpstreamUnavailable(f"{_ISSUER} answered something that is no key set.")
    return value


def _parsed(document: Mapping[str, Any]) -> Keys:
    """Return the keys that can verify a signature; others in the set are nobody's business."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise UpstreamUnavailable(f"{_ISSUER} answered something that is no key set.")
    keys = dict[str, jwt.PyJWK]()
    for described in listed[:MAX_KEYS]:
        if not isinstance(described, dict) or described.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        if described.get("use", "sig") != "sig" or not isinstance(described.get("kid"), str):
            continue
        try:
            keys[described["kid"]] = jwt.PyJWK({name: one for name, one in described.items() if name != "d"})
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue
    return keys
