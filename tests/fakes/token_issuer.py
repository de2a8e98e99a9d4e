"""An issuer of tokens with keys of its own, and its documents as it would serve them."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ISSUER = "https://issuer.example"
AUDIENCE = "serverless-rag"


class TokenIssuer:
    """Signs tokens with a key of each kind, named by its algorithm."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {
            "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate(),
        }

    def jwk(self, algorithm: str, key_id: str | None = None) -> dict[str, Any]:
        public = self.keys[algorithm].public_key()
        described: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(public, as_dict=True)
        return {**described, "kid": key_id or algorithm, "use": "sig", "alg": algorithm}

    def documents(self) -> dict[str, Mapping[str, Any]]:
        """Return what is at which address."""
        return {
            f"{ISSUER}/.well-known/openid-configuration": {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"},
            f"{ISSUER}/keys": {"keys": [self.jwk(name) for name in self.keys]},
        }

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Return sound claims with these changed; a claim that is None is left out."""
        now = int(datetime.now(UTC).timestamp())
        sound = {"iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "iat": now, "exp": now + 600, "tenant": "acme"}
        return {name: value for name, value in (sound | changed).items() if value is not None}

    def token(self, algorithm: str = "RS256", *, headers: Mapping[str, Any] | None = None, **changed: Any) -> str:
        return jwt.encode(
            self.claims(**changed), self.keys[algorithm], algorithm, headers={"kid": algorithm, **(headers or {})}
        )

    def public_pem(self, algorithm: str) -> bytes:
        public: bytes = (
            self.keys[algorithm]
            .public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        return public


def assembled(header: Mapping[str, Any], claims: Mapping[str, Any], signature: bytes) -> str:
    """Return a token of these parts, sound or not."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
