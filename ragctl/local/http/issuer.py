"""The local issuer of tokens: a key in the data directory, what it signs, and what it publishes of itself."""

import base64
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any
from urllib.request import urlopen

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from ragctl.failure import Failure
from ragctl.local.api_address import AUDIENCE, ISSUER_PATH

PATH = ISSUER_PATH
KEY_FILE = "issuer.pem"
_ALGORITHM = "RS256"  # what every issuer offers, and every verifier knows
_KEY_BITS = 2048
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Claims:
    """Whom a token is for, and what it may do."""

    tenant: str = "default"
    groups: Sequence[str] = ()
    writer: bool = False
    subject: str = "developer"


@dataclass(frozen=True)
class Issuer:
    """Signs with the key of a file; `api_url` is where the API publishes the key's other half."""

    key_file: Path
    api_url: str

    @classmethod
    def of(cls, data: Path, api_url: str) -> "Issuer":
        """Return the issuer of a data directory, whose key is made when there is none yet."""
        file = data.resolve() / KEY_FILE
        with suppress(FileExistsError):
            _make_key(file)
        return cls(file, api_url)

    @classmethod
    def at(cls, api_url: str) -> "Issuer":
        """Return the issuer of the local stack whose API is at this address.

        Raises:
            Failure: no local stack answers there.
        """
        try:
            with urlopen(f"{api_url}{PATH}/.well-known/openid-configuration", timeout=_ANSWER_SECONDS) as answer:
                return cls(Path(json.load(answer)["local_key_file"]), api_url)
        except (OSError, ValueError, KeyError) as error:
            raise Failure(f"No local stack answers at {api_url}, and others sign their tokens themselves.") from error

    @property
    def url(self) -> str:
        """What tokens name as their issuer."""
        return f"{self.api_url}{PATH}"

    def token(self, claims: Claims, minutes: float = 60.0) -> str:
        """Return a signed token that is good for so many minutes.

        Raises:
            OSError, ValueError: the key cannot be read.
        """
        now = int(time())
        payload = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": claims.subject,
            "iat": now,
            "exp": now + int(minutes * 60),
            "tenant": claims.tenant,
            "groups": list(claims.groups),
            "writer": claims.writer,
        }
        return jwt.encode(payload, self._key, algorithm=_ALGORITHM, headers={"kid": self._key_id})

    def published(self, path: str) -> Mapping[str, Any] | None:
        """Return the document at a path of the API, if it is one of the issuer's."""
        match path.partition(f"{PATH}/"):
            case "", _, ".well-known/openid-configuration":
                return {
                    "issuer": self.url,
                    "jwks_uri": f"{self.url}/.well-known/jwks.json",
                    "id_token_signing_alg_values_supported": [_ALGORITHM],
                    "response_types_supported": ["token"],
                    "subject_types_supported": ["public"],
                    "local_key_file": str(self.key_file),  # for `rag token`; only its owner can read it
                }
            case "", str(prefix), ".well-known/jwks.json" if prefix:
                return {"keys": [self._public_key]}
        return None

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        key = serialization.load_pem_private_key(self.key_file.read_bytes(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"{self.key_file} holds no RSA key.")  # noqa: TRY004 - of what is read, not of a caller
        return key

    @cached_property
    def _public_key(self) -> dict[str, Any]:
        key = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {**key, "kid": self._key_id, "use": "sig", "alg": _ALGORITHM}

    @cached_property
    def _key_id(self) -> str:
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.urlsafe_b64encode(sha256(public).digest()[:12]).decode()


def _make_key(file: Path) -> None:
    """Make a key for nobody else to read.

    Raises:
        FileExistsError: there is one.
    """
    if file.exists():
        raise FileExistsError(file)
    pem = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    unfinished = file.with_suffix(".new")
    with suppress(FileNotFoundError):
        unfinished.unlink()  # a killed one left it
    with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as opened:
        opened.write(pem)
    unfinished.replace(file)
