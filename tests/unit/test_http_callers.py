"""Who calls: told from what API Gateway has verified, and from nothing that a request says of itself."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import NotAllowed
from rag.http.callers import Authorization, Caller, IdentifyCaller, caller_id_of, token_caller_id
from rag.models import Principal
from tests.fakes.memory_callers import MemoryPrincipals

ACCOUNT = "123456789012"
CLAIMS = {"principalId": "ann", "tenant": "acme", "groups": "hr,board", "writer": "true"}


def identified(authorization: Authorization, context: dict[str, Any], *known: Caller) -> Caller:
    return IdentifyCaller(authorization, MemoryPrincipals(*known))(context)


@pytest.mark.parametrize(
    ("arn", "caller_id"),
    [
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/App/i-1", f"role/{ACCOUNT}/App"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/App/ann@acme.example", f"role/{ACCOUNT}/App"),
        (f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/App/s", f"role/{ACCOUNT}/App"),
        (f"arn:aws-us-gov:iam::{ACCOUNT}:user/ann", f"user/{ACCOUNT}/ann"),
        (f"arn:aws:iam::{ACCOUNT}:user/people/hr/ann", f"user/{ACCOUNT}/people/hr/ann"),
        (f"arn:aws:iam::{ACCOUNT}:root", f"root/{ACCOUNT}"),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/ann", None),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/App", None),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/App/a/b", None),
        (f"arn:aws:iam::{ACCOUNT}:role/App", None),
        (f"arn:aws:iam::{ACCOUNT}:user/", None),
        (f"arn:aws:iam::{ACCOUNT}:user/ann\n", None),
        (f"arn:evil:iam::{ACCOUNT}:root", None),
        ("arn:aws:iam::12:root", None),
        ("", None),
        (None, None),
        (["arn"], None),
    ],
)
def test_an_iam_identity_has_one_id_whatever_its_session_is_called(arn: object, caller_id: str | None) -> None:
    assert caller_id_of("IAM", {"userArn": arn, "apiKeyId": "k1"}) == caller_id


@pytest.mark.parametrize(("key", "caller_id"), [("ab12", "key/ab12"), ("", None), (None, None), ("a/b", None)])
def test_an_api_key_has_the_id_that_api_gateway_gave_it(key: object, caller_id: str | None) -> None:
    assert caller_id_of("API_KEY", {"apiKeyId": key, "userArn": f"arn:aws:iam::{ACCOUNT}:root"}) == caller_id


def test_the_secret_of_an_api_key_is_no_part_of_its_id() -> None:
    assert caller_id_of("API_KEY", {"apiKey": "secret"}) is None


@given(st.text(), st.text(), st.text())
def test_no_two_kinds_of_callers_share_an_id(session: str, key: str, subject: str) -> None:
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/App/{session}"
    ids = [caller_id_of("IAM", {"userArn": arn}), caller_id_of("API_KEY", {"apiKeyId": key}), token_caller_id(subject)]
    kinds = [one.split("/")[0] for one in ids if one]
    assert len(set(kinds)) == len(kinds)
    assert not [one for one in ids if one and one.startswith("count/")]
    assert all(one.isprintable() and one.isascii() for one in ids if one)


def test_a_caller_is_looked_up_by_its_id() -> None:
    ann = Caller(f"user/{ACCOUNT}/ann", Principal("acme", ("hr",)), writer=True)
    assert identified("IAM", {"identity": {"userArn": f"arn:aws:iam::{ACCOUNT}:user/ann"}}, ann) == ann


@pytest.mark.parametrize("authorization", ["IAM", "API_KEY"])
def test_claims_count_for_nothing_where_callers_are_looked_up(authorization: Authorization) -> None:
    with pytest.raises(NotAllowed):
        identified(authorization, {"authorizer": CLAIMS, "identity": {}})


@pytest.mark.parametrize("authorization", ["COGNITO", "JWT"])
def test_an_identity_counts_for_nothing_where_claims_do(authorization: Authorization) -> None:
    root = Caller(f"root/{ACCOUNT}", Principal("acme"), writer=True)
    with pytest.raises(NotAllowed):
        identified(authorization, {"identity": {"userArn": f"arn:aws:iam::{ACCOUNT}:root"}}, root)


def test_the_authorizer_s_context_is_the_principal() -> None:
    assert identified("JWT", {"authorizer": CLAIMS}) == Caller("token/ann", Principal("acme", ("board", "hr")), True)


@pytest.mark.parametrize("claims", [CLAIMS | {"groups": ""}, {k: v for k, v in CLAIMS.items() if k != "groups"}])
def test_a_context_without_groups_is_of_none(claims: dict[str, str]) -> None:
    assert identified("JWT", {"authorizer": claims}).principal == Principal("acme")


@pytest.mark.parametrize("writer", ["false", "", "1", "True", None, 1])
def test_nothing_but_the_word_true_makes_a_writer(writer: object) -> None:
    assert not identified("JWT", {"authorizer": CLAIMS | {"writer": writer}}).writer


@pytest.mark.parametrize(
    "broken",
    [
        {"tenant": None},
        {"tenant": "ACME"},
        {"tenant": ["acme"]},
        {"tenant": "acme/../other"},
        {"groups": "HR"},
        {"groups": None},
        {"groups": ["hr"]},
        {"groups": "hr,"},
        {"groups": "hr, board"},
        {"groups": '["hr"]'},
        {"groups": ",".join(["g"] * 65)},
        {"principalId": None},
        {"principalId": 'a"b'},
    ],
)
def test_half_a_principal_is_nobody(broken: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed):
        identified("JWT", {"authorizer": CLAIMS | broken})


def test_whoever_is_no_writer_is_refused_to_write() -> None:
    with pytest.raises(NotAllowed):
        Caller("token/ann", Principal("acme")).check_writer()
