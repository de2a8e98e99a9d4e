"""The local issuer: its key, its tokens, and what it publishes."""

import stat
from pathlib import Path
from typing import Any

import jwt
import pytest

from ragctl.failure import Failure
from ragctl.local.api_address import AUDIENCE, ISSUER_PATH
from ragctl.local.http.issuer import Claims, Issuer

URL = "http://127.0.0.1:3000"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer.of(tmp_path_factory.mktemp("data"), URL)


def verified(token: str, issuer: Issuer) -> dict[str, Any]:
    """Return a token's claims as whoever reads the published keys verifies them."""
    configuration = issuer.published(f"{ISSUER_PATH}/.well-known/openid-configuration")
    assert configuration is not None
    keys = issuer.published(configuration["jwks_uri"].removeprefix(URL))
    key = jwt.PyJWKSet.from_dict(dict(keys or {}))[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(token, key, ["RS256"], audience=AUDIENCE, issuer=configuration["issuer"])
    return claims


def test_a_token_says_who_may_what(issuer: Issuer) -> None:
    claims = verified(issuer.token(Claims("acme", ("a", "b"), writer=True, subject="me"), minutes=2), issuer)

    assert (claims["tenant"], claims["groups"], claims["writer"], claims["sub"]) == ("acme", ["a", "b"], True, "me")
    assert claims["exp"] - claims["iat"] == 120


def test_by_default_it_may_read_what_everybody_of_the_default_tenant_may(issuer: Issuer) -> None:
    claims = verified(issuer.token(Claims()), issuer)

    assert (claims["tenant"], claims["groups"], claims["writer"]) == ("default", [], False)


def test_the_key_is_its_owners_alone_and_stays(issuer: Issuer) -> None:
    again = Issuer.of(issuer.key_file.parent, URL)

    assert stat.S_IMODE(issuer.key_file.stat().st_mode) == 0o600
    assert verified(again.token(Claims()), issuer)


def test_no_private_part_is_published(issuer: Issuer) -> None:
    keys = issuer.published(f"{ISSUER_PATH}/.well-known/jwks.json")

    assert keys is not None
    assert keys["keys"][0].keys() <= {"kty", "n", "e", "kid", "use", "alg", "key_ops"}


@pytest.mark.parametrize("path", ["/", ISSUER_PATH, f"{ISSUER_PATH}/issuer.pem", "/.well-known/jwks.json"])
def test_nothing_else_is(issuer: Issuer, path: str) -> None:
    assert issuer.published(path) is None


def test_where_no_stack_answers_there_is_no_issuer() -> None:
    with pytest.raises(Failure, match=r"No local stack answers at http://127\.0\.0\.1:9,"):
        Issuer.at("http://127.0.0.1:9")


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "issuer.pem"
    file.write_text("no key")

    with pytest.raises(ValueError, match="PEM"):
        Issuer(file, URL).token(Claims())
