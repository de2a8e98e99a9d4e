"""PyJWT adapter for the Tokens port: signature, issuer and times of a JSON Web Token."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import jwt

from rag.errors import Unauthorized

LEEWAY_SECONDS: Final = 30
MAX_TOKEN_BYTES: Final = 16 * 1024

# Which algorithms a key can have made; what the token says of itself decides nothing.
ALGORITHMS: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("RS256",),
    "EC": ("ES256",),
    "OKP": ("EdDSA",),
}
_MIN_RSA_BITS: Final = 2048


class KeySource(Protocol):
    """Knows an issuer's public keys."""

    def key(self, key_id: str) -> "jwt.PyJWK | None":
        """Return the key of this id, or None."""
        ...


class JwtTokens:
    """Tokens of one issuer."""

    def __init__(self, issuer: str, keys: KeySource) -> None:
        self._issuer = issuer
        self._keys = keys

    def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token.

        Raises:
            Unauthorized: it is none, or its signature, issuer or times are not right.
            UpstreamUnavailable: the issuer's keys are not known.
        """
        if len(token) > MAX_TOKEN_BYTES:
            raise Unauthorized
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            key = self._keys.key(key_id) if isinstance(key_id, str) else None
            if key is None or not _is_strong(key):
                raise Unauthorized
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=list(ALGORITHMS[str(key.key_type)]),
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "sub"], "verify_aud": False},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise Unauthorized from None
        return claims


def _is_strong(key: "jwt.PyJWK") -> bool:
    """Tell whether a key is long enough: RSA of fewer bits has been broken."""
    return str(key.key_type) != "RSA" or getattr(key.key, "key_size", 0) >= _MIN_RSA_BITS
