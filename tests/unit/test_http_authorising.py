"""The authorizer under attack: tokens that are forged, stale, meant for others, or claim half a principal."""

import hashlib
import hmac
import importlib.util
import inspect
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest

from rag.adapters.jwks import IssuerKeys
from rag.adapters.jwt_tokens import ALGORITHMS, LEEWAY_SECONDS, MAX_TOKEN_BYTES, JwtTokens
from rag.errors import InternalError, Unauthorized, UpstreamUnavailable
from rag.http.authorising import AuthorizeCaller
from rag.http.callers import Caller, IdentifyCaller
from rag.http.settings import TokenSettings
from rag.models import Principal
from tests.fakes.memory_callers import MemoryPrincipals
from tests.fakes.token_issuer import AUDIENCE, ISSUER, TokenIssuer, assembled

METHOD = "arn:aws:execute-api:us-east-1:123456789012:abc123/api/POST/v1/answers"
SETTINGS = TokenSettings(ISSUER, (AUDIENCE, "second"), "tenant", "groups", "writer", cognito=False)
COGNITO = TokenSettings(ISSUER, (AUDIENCE,), "custom:tenant", "cognito:groups", "custom:writer", cognito=True)
APP = Path(__file__).parents[2] / "functions" / "authorize" / "app.py"
NOW = int(datetime.now(UTC).timestamp())


@pytest.fixture(scope="module")
def issuer() -> TokenIssuer:
    return TokenIssuer()


@pytest.fixture
def authorize(issuer: TokenIssuer) -> AuthorizeCaller:
    return authorizer(issuer)


def authorizer(issuer: TokenIssuer, settings: TokenSettings = SETTINGS) -> AuthorizeCaller:
    return AuthorizeCaller(JwtTokens(ISSUER, IssuerKeys(ISSUER, fetch=issuer.documents().get)), settings)


def decided(authorize: AuthorizeCaller, token: str) -> dict[str, Any]:
    return authorize({"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": METHOD})


def effect(policy: dict[str, Any]) -> str:
    (statement,) = policy["policyDocument"]["Statement"]
    assert statement["Action"] == "execute-api:Invoke"
    assert statement["Resource"] == "arn:aws:execute-api:us-east-1:123456789012:abc123/api/*"
    return str(statement["Effect"])


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_sound_token_is_a_principal(authorize: AuthorizeCaller, issuer: TokenIssuer, algorithm: str) -> None:
    policy = decided(authorize, issuer.token(algorithm, groups=["hr", "board"], writer=True))
    assert effect(policy) == "Allow"
    assert policy["principalId"] == "ann"
    assert policy["context"] == {"tenant": "acme", "groups": "board,hr", "writer": "true"}


def test_the_context_is_what_the_functions_read(authorize: AuthorizeCaller, issuer: TokenIssuer) -> None:
    policy = decided(authorize, issuer.token(groups=["hr"], writer="true"))
    seen = {"authorizer": {"principalId": policy["principalId"], **policy["context"]}}
    identified = IdentifyCaller("JWT", MemoryPrincipals())(seen)
    assert identified == Caller("token/ann", Principal("acme", ("hr",)), writer=True)


def test_without_claims_of_groups_and_writing_there_are_none(authorize: AuthorizeCaller, issuer: TokenIssuer) -> None:
    assert decided(authorize, issuer.token())["context"] == {"tenant": "acme", "groups": "", "writer": "false"}


@pytest.mark.parametrize("writer", [False, "false", "True", "yes", 1, "1", ["true"], {"a": 1}])
def test_nothing_but_true_makes_a_writer(authorize: AuthorizeCaller, issuer: TokenIssuer, writer: Any) -> None:
    assert decided(authorize, issuer.token(writer=writer))["context"]["writer"] == "false"


def confused(issuer: TokenIssuer) -> str:
    """Return a token that is signed with the public key, as if that were a secret that both sides share."""
    unsigned = assembled({"alg": "HS256", "kid": "RS256"}, issuer.claims(), b"").removesuffix(".")
    signature = hmac.new(issuer.public_pem("RS256"), unsigned.encode(), hashlib.sha256).digest()
    return f"{unsigned}.{assembled({}, {}, signature).rpartition('.')[2]}"


def with_claims_of(issuer: TokenIssuer, other: str) -> str:
    head, _, signature = issuer.token().split(".")
    return f"{head}.{other.split('.')[1]}.{signature}"


STRANGER = TokenIssuer()
RS256 = {"alg": "RS256", "kid": "RS256"}
FORGERIES: dict[str, Callable[[TokenIssuer], str]] = {
    "alg none": lambda issuer: assembled({**RS256, "alg": "none"}, issuer.claims(), b"x"),
    "alg none, unsigned": lambda issuer: assembled({**RS256, "alg": "none"}, issuer.claims(), b""),
    "alg None": lambda issuer: assembled({**RS256, "alg": "None"}, issuer.claims(), b"x"),
    "HS256 with the public key": confused,
    "a changed claim": lambda issuer: with_claims_of(issuer, assembled({}, issuer.claims(tenant="other"), b"")),
    "another's claims": lambda issuer: with_claims_of(issuer, issuer.token("ES256", sub="bob")),
    "an unknown key id": lambda issuer: issuer.token(headers={"kid": "other"}),
    "the id of another key": lambda issuer: issuer.token("ES256", headers={"kid": "RS256"}),
    "a key id that is no text": lambda issuer: assembled({**RS256, "kid": 7}, issuer.claims(), b"x"),
    "no key id": lambda issuer: assembled({"alg": "RS256"}, issuer.claims(), b"x"),
    "a stranger's key": lambda _: STRANGER.token(),
    "a key that it brings": lambda _: STRANGER.token(headers={"jwk": STRANGER.jwk("RS256")}),
    "a key at an address that it names": lambda _: STRANGER.token(headers={"jku": "https://evil.example/keys"}),
    "RS512": lambda issuer: jwt.encode(issuer.claims(), issuer.keys["RS256"], "RS512", {"kid": "RS256"}),
    "PS256": lambda issuer: jwt.encode(issuer.claims(), issuer.keys["RS256"], "PS256", {"kid": "RS256"}),
    "a header that nobody knows and must": lambda issuer: issuer.token(headers={"crit": ["b64"], "b64": False}),
    "expired": lambda issuer: issuer.token(exp=NOW - LEEWAY_SECONDS - 60),
    "without an end": lambda issuer: issuer.token(exp=None),
    "an end that is no time": lambda issuer: issuer.token(exp="never"),
    "not yet valid": lambda issuer: issuer.token(nbf=NOW + 600),
    "issued in the future": lambda issuer: issuer.token(iat=NOW + 600),
    "another issuer": lambda issuer: issuer.token(iss="https://evil.example"),
    "an issuer that begins alike": lambda issuer: issuer.token(iss=f"{ISSUER}.evil.example"),
    "no issuer": lambda issuer: issuer.token(iss=None),
    "no subject": lambda issuer: issuer.token(sub=None),
    "another audience": lambda issuer: issuer.token(aud="other"),
    "an audience that begins alike": lambda issuer: issuer.token(aud=f"{AUDIENCE}2"),
    "other audiences": lambda issuer: issuer.token(aud=["other", "third"]),
    "no audience": lambda issuer: issuer.token(aud=None),
    "no audience, another client": lambda issuer: issuer.token(aud=None, client_id="other"),
    "another audience, our client": lambda issuer: issuer.token(aud="other", client_id=AUDIENCE),
    "an audience that is an object": lambda issuer: issuer.token(aud={AUDIENCE: True}),
    "huge": lambda issuer: issuer.token(padding="x" * MAX_TOKEN_BYTES),
    "five parts": lambda issuer: f"{issuer.token()}.x.y",
    "two parts": lambda issuer: issuer.token().rpartition(".")[0],
    "empty": lambda _: "",
    "two tokens": lambda issuer: f"{issuer.token()} {issuer.token()}",
    "a line break": lambda issuer: f"{issuer.token()}\n",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_is_not_to_be_trusted_is_unauthorized(
    authorize: AuthorizeCaller, issuer: TokenIssuer, forgery: str
) -> None:
    with pytest.raises(Unauthorized) as caught:
        decided(authorize, FORGERIES[forgery](issuer))
    assert str(caught.value) == "Unauthorized"


def test_no_algorithm_is_taken_that_a_public_key_could_sign_with_or_none_at_all() -> None:
    assert {kind: set(names) for kind, names in ALGORITHMS.items()} == {
        "RSA": {"RS256"},
        "EC": {"ES256"},
        "OKP": {"EdDSA"},
    }


@pytest.mark.parametrize("given", [None, "", "Basic eA==", "Bearer", "x.y.z", ["Bearer x.y.z"]])
def test_what_is_no_token_is_unauthorized(authorize: AuthorizeCaller, given: Any) -> None:
    with pytest.raises(Unauthorized):
        authorize({"authorizationToken": given, "methodArn": METHOD})


@pytest.mark.parametrize(
    "claims",
    [
        {"tenant": None}, {"tenant": ["acme"]}, {"tenant": "ACME"}, {"tenant": ""}, {"tenant": "acme/other"},
        {"tenant": 1}, {"tenant": "a" * 64}, {"tenant": "acme\n"}, {"groups": "hr"}, {"groups": "hr,board"},
        {"groups": ["HR"]}, {"groups": ["*"]},
        {"groups": ["-"]}, {"groups": [1]}, {"groups": ["g"] * 65}, {"groups": {"hr": True}}, {"groups": [["hr"]]},
        {"sub": 'a"b'}, {"sub": "a\\b"}, {"sub": "a b"}, {"sub": ""}, {"sub": "x" * 257}, {"sub": "é"},
    ],
)  # fmt: skip
def test_claims_that_make_no_whole_principal_are_denied(
    authorize: AuthorizeCaller, issuer: TokenIssuer, claims: dict[str, Any]
) -> None:
    policy = decided(authorize, issuer.token(**claims))
    assert effect(policy) == "Deny"
    assert "context" not in policy
    assert policy["principalId"] == "nobody"


def test_a_token_may_be_meant_for_several(authorize: AuthorizeCaller, issuer: TokenIssuer) -> None:
    assert effect(decided(authorize, issuer.token(aud=["other", "second"]))) == "Allow"


def test_a_clock_may_differ_a_little(authorize: AuthorizeCaller, issuer: TokenIssuer) -> None:
    now = int(datetime.now(UTC).timestamp())
    assert effect(decided(authorize, issuer.token(exp=now - 1, nbf=now + 5))) == "Allow"


@pytest.mark.parametrize(
    ("claims", "let_in"),
    [
        ({"token_use": "id"}, True),
        ({"token_use": "access", "aud": None, "client_id": AUDIENCE}, True),
        ({"token_use": "access", "aud": None, "client_id": "other"}, False),
        ({"token_use": "refresh"}, False),
        ({}, False),
    ],
)
def test_a_token_of_cognito_says_what_it_is_for(issuer: TokenIssuer, claims: dict[str, Any], let_in: bool) -> None:
    token = issuer.token(**{"custom:tenant": "acme", "cognito:groups": ["hr"], "custom:writer": "true", **claims})
    authorize = authorizer(issuer, COGNITO)
    if not let_in:
        with pytest.raises(Unauthorized):
            decided(authorize, token)
        return
    assert decided(authorize, token)["context"] == {"tenant": "acme", "groups": "hr", "writer": "true"}


def test_a_weak_key_verifies_nothing(issuer: TokenIssuer) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    weak = TokenIssuer()
    weak.keys["RS256"] = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    with pytest.warns(Warning, match="below the minimum"), pytest.raises(Unauthorized):
        decided(authorizer(weak), weak.token())


def test_a_method_that_is_none_is_a_defect(authorize: AuthorizeCaller, issuer: TokenIssuer) -> None:
    with pytest.raises(InternalError):
        authorize({"authorizationToken": f"Bearer {issuer.token()}", "methodArn": "arn:aws:execute-api:*"})


def test_when_the_issuer_cannot_be_asked_nobody_is_let_in(issuer: TokenIssuer) -> None:
    def away(_: str) -> None:
        raise UpstreamUnavailable("It is away.")

    authorize = AuthorizeCaller(JwtTokens(ISSUER, IssuerKeys(ISSUER, fetch=away)), SETTINGS)
    with pytest.raises(UpstreamUnavailable):
        decided(authorize, issuer.token())


@pytest.mark.parametrize(
    ("token", "counted"),
    [
        (lambda issuer: issuer.token(), {"tokens_accepted": 1, "tokens_refused": 0}),
        (lambda issuer: issuer.token(tenant=None), {"tokens_accepted": 0, "tokens_refused": 1}),
        (lambda issuer: issuer.token(aud="other"), {"tokens_refused": 1}),
    ],
    ids=["sound", "no whole principal", "for others"],
)
def test_the_function_counts_each_token(
    monkeypatch: pytest.MonkeyPatch,
    authorize: AuthorizeCaller,
    issuer: TokenIssuer,
    token: Callable[[TokenIssuer], str],
    counted: dict[str, int],
) -> None:
    app = imported(APP)
    found: dict[str, int] = {}
    monkeypatch.setattr(app, "count", found.update)
    monkeypatch.setattr(app, "authorize", lambda: authorize)
    handler = inspect.unwrap(app.lambda_handler)
    with suppress(Unauthorized):
        handler({"authorizationToken": f"Bearer {token(issuer)}", "methodArn": METHOD}, None)
    assert found == counted


def imported(path: Path) -> Any:
    specification = importlib.util.spec_from_file_location("authorize_app", path)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_policy_holds_no_token_and_no_other_claim(authorize: AuthorizeCaller, issuer: TokenIssuer) -> None:
    token = issuer.token(email="canary@acme.example")
    policy = json.dumps(decided(authorize, token))
    assert token not in policy
    assert "canary" not in policy
