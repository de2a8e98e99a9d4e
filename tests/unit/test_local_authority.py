"""What a role may do on the local stack, and what is noted of it."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from moto.iam.models import iam_backends

from ragctl.iam.policy import Call
from ragctl.local.account import ACCOUNT_ID
from ragctl.local.authority import Authority, RefusedError
from ragctl.local.http.acting import acting
from ragctl.local.http.integrations import IntegrationFailedError
from ragctl.local.translation import TemplateError
from ragctl.local.worker import InvocationResult

ROLE = "rag-UnitRole"
ARN = f"arn:aws:iam::{ACCOUNT_ID}:role/{ROLE}"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f:live"
READ = Call("s3:GetObject", "arn:aws:s3:::b/documents/acme/salaries.md")
WRITE = Call("s3:PutObject", "arn:aws:s3:::b/documents/acme/salaries.md")


@pytest.fixture
def role() -> Iterator[Any]:
    """A role of the account that may read documents and invoke a function."""
    backend: Any = iam_backends[ACCOUNT_ID]["aws"]
    made = backend.create_role(ROLE, "{}", "/", None, "", [], "3600")
    allowed = [("s3:GetObject", "arn:aws:s3:::b/documents/*"), ("lambda:InvokeFunction", FUNCTION)]
    statements = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in allowed]
    made.put_policy("p", json.dumps({"Statement": statements}))
    yield made
    made.delete_policy("p")
    backend.delete_role(ROLE)


@pytest.fixture
def authority(role: Any, tmp_path: Path) -> Authority:
    learned = Authority(tmp_path / "calls.jsonl")
    learned.learn()
    return learned


def noted(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]


def test_what_is_allowed_is_noted_once_and_by_the_policy_s_own_words(authority: Authority, tmp_path: Path) -> None:
    for name in (ROLE, ARN):
        authority.require(name, [READ])

    (note,) = noted(tmp_path)
    assert (note["role"], note["action"], note["resource"]) == (ROLE, "s3:GetObject", "arn:aws:s3:::b/documents/*")
    assert "salaries" not in json.dumps(note)


def test_what_is_not_allowed_is_refused_and_noted_without_the_key(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=rf"{ROLE}.* s3:PutObject on resource: arn:aws:s3:::b/documents"):
        authority.require(ROLE, [READ, WRITE])

    assert noted(tmp_path)[1] == {"role": ROLE, "refused": "s3:PutObject", "resource": "arn:aws:s3:::b"}


@pytest.mark.parametrize(
    ("context", "allowed"),
    [
        ({"dynamodb:leadingkeys": ["count/2026-11-22/user/1/ada"]}, True),
        ({"dynamodb:leadingkeys": ["user/1/ada"]}, False),
        ({"dynamodb:leadingkeys": ["count/2026-11-22/user/1/ada", "user/1/ada"]}, False),
        ({}, False),
    ],
)
def test_who_may_count_may_write_no_principal(role: Any, context: dict[str, list[str]], allowed: bool) -> None:
    counting = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["count/*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    statement = {"Effect": "Allow", "Action": "dynamodb:UpdateItem", "Resource": "t", "Condition": counting}
    role.put_policy("p", json.dumps({"Statement": [statement]}))
    authority = Authority()
    authority.learn()
    with nullcontext() if allowed else pytest.raises(RefusedError):
        authority.require(ROLE, [Call("dynamodb:UpdateItem", "t", context)])


def test_a_role_of_somebody_else_is_not_judged(authority: Authority) -> None:
    authority.require("local", [WRITE])
    assert (authority.knows(ROLE), authority.knows("local")) == (True, False)


def test_a_policy_that_is_not_understood_is_told_in_one_line(role: Any) -> None:
    role.put_policy("p", json.dumps({"Statement": [{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]}))
    with pytest.raises(TemplateError, match=f"{ROLE}: The policy p uses NotAction"):
        Authority().learn()


def test_the_gateway_invokes_a_function_in_the_role_that_its_definition_names(authority: Authority) -> None:
    other = FUNCTION.replace(":f:", ":g:")
    document = {"paths": [_integration(FUNCTION), _integration(other)]}
    invoke = acting(lambda _function, event: InvocationResult(event), document, authority)

    assert invoke(FUNCTION, b"{}").payload == b"{}"
    with pytest.raises(IntegrationFailedError, match="lambda:InvokeFunction"):
        invoke(other, b"{}")


def _integration(function: str) -> dict[str, str]:
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    return {"type": "aws_proxy", "uri": uri, "credentials": ARN}
