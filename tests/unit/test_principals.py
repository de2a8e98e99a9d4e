"""`rag principals`: who a caller is, and what is stored of it."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from rag.errors import InvalidRequest, RagError
from rag.http.callers import Caller
from rag.models import Principal
from ragctl import wiring
from ragctl.cli import app
from ragctl.deployment import Deployment
from ragctl.failure import Failure
from ragctl.principals import ApiKeys, caller_id, principal_of

TABLE = "principals"
ACCOUNT = "123456789012"


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """A stack whose API is authorised by keys, in an account that moto serves in this process."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "caller", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "caller", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        plan = boto3.client("apigateway").create_usage_plan(name="trials")["id"]
        deployment = Deployment("rag")
        vars(deployment)["outputs"] = {
            "PrincipalsTableName": TABLE, "ApiUsagePlanId": plan, "ApiAuthorization": "API_KEY",
        }  # fmt: skip
        monkeypatch.setattr(Deployment, "find", lambda _stack=None: deployment)
        yield deployment


def keys() -> list[Any]:
    return list(boto3.client("apigateway").get_api_keys()["items"])


@pytest.mark.parametrize(
    ("text", "caller"),
    [
        (f"arn:aws:iam::{ACCOUNT}:role/App", f"role/{ACCOUNT}/App"),
        (f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/Analyst_1", f"role/{ACCOUNT}/Analyst_1"),
        (f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/App/some-session", f"role/{ACCOUNT}/App"),
        (f"arn:aws:iam::{ACCOUNT}:user/team/ada", f"user/{ACCOUNT}/team/ada"),
        (f"arn:aws:iam::{ACCOUNT}:root", f"root/{ACCOUNT}"),
        (f"role/{ACCOUNT}/App", f"role/{ACCOUNT}/App"),
        (f"user/{ACCOUNT}/team/ada", f"user/{ACCOUNT}/team/ada"),
        ("a1b2c3d4e5", "key/a1b2c3d4e5"),
        ("key/a1b2c3d4e5", "key/a1b2c3d4e5"),
    ],
)
def test_a_caller_is_named_by_an_arn_a_key_or_its_id(text: str, caller: str) -> None:
    assert caller_id(text) == caller


@pytest.mark.parametrize(
    "text",
    [
        "", "count/2026-11-22/key/a", "token/ada", "../x", "arn:aws:s3:::bucket", f"arn:aws:iam::{ACCOUNT}:role/",
        f"arn:aws:iam::{ACCOUNT}:group/g", f"role/{ACCOUNT}/App\n", "key/", "a b c d",
    ],
)  # fmt: skip
def test_what_is_no_caller_is_refused(text: str) -> None:
    with pytest.raises(Failure):
        caller_id(text)


@pytest.mark.parametrize(("tenant", "groups"), [("Acme", ()), ("", ()), ("acme", ("*",)), ("acme", ("g",) * 65)])
def test_a_tenant_and_groups_have_names(tenant: str, groups: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest, match=r"^(tenant|groups) must be"):
        principal_of(tenant, groups)


ACME = Principal("acme", ("hr",))


def test_a_key_is_in_the_plan_and_its_caller_is_known(deployment: Deployment) -> None:
    made = ApiKeys(deployment).add("trial", ACME, writer=False)

    (in_plan,) = boto3.client("apigateway").get_usage_plan_keys(usagePlanId=deployment.output("ApiUsagePlanId"))[
        "items"
    ]
    assert made.caller == Caller(f"key/{in_plan['id']}", ACME)
    assert wiring.principals(deployment).find(made.caller.id) == made.caller


def test_a_key_that_could_not_be_finished_is_gone(deployment: Deployment) -> None:
    vars(deployment)["outputs"] = {**deployment.outputs, "PrincipalsTableName": "nonesuch"}

    with pytest.raises(RagError):
        ApiKeys(deployment).add("trial", ACME, writer=False)

    assert keys() == []


def test_an_api_without_keys_gets_none(deployment: Deployment) -> None:
    vars(deployment)["outputs"] = {"PrincipalsTableName": TABLE}

    with pytest.raises(Failure, match="ApiAuthorization=API_KEY"):
        ApiKeys(deployment).add("trial", ACME, writer=False)


def test_the_command_deletes_a_key_with_its_caller(deployment: Deployment) -> None:
    made = ApiKeys(deployment).add("trial", ACME, writer=False)

    done = [CliRunner().invoke(app, ["principals", "remove", made.caller.id]) for _ in range(2)]

    assert (keys(), list(wiring.principals(deployment).all())) == ([], [])
    assert done[0].stdout == f"Removed: {made.caller.id}.\n"
    assert str(done[1].exception) == f"There is no caller {made.caller.id}."


def test_a_name_that_a_key_has_is_refused_with_the_way_out(deployment: Deployment) -> None:
    made = ApiKeys(deployment).add("trial", ACME, writer=False)

    with pytest.raises(Failure, match=f"rag principals remove {made.caller.id} --stack rag"):
        ApiKeys(deployment).add("trial", ACME, writer=False)

    assert len(keys()) == 1


def test_a_key_is_listed_and_removed_by_its_name(deployment: Deployment) -> None:
    made = ApiKeys(deployment).add("trial of Zoë", ACME, writer=False)

    listed = CliRunner().invoke(app, ["principals", "list"])
    removed = CliRunner().invoke(app, ["principals", "remove", "trial of Zoë"])

    assert listed.stdout.splitlines()[1].endswith(f"{made.caller.id}  trial of Zoë  (hr)")
    assert removed.stdout == f"Removed: {made.caller.id}.\n"
    assert keys() == []


def test_a_name_that_several_keys_have_removes_none_of_them(deployment: Deployment) -> None:
    gateway = boto3.client("apigateway")
    for _ in range(2):
        key = gateway.create_api_key(name="trial", enabled=True)["id"]
        gateway.create_usage_plan_key(usagePlanId=deployment.output("ApiUsagePlanId"), keyId=key, keyType="API_KEY")

    done = CliRunner().invoke(app, ["principals", "remove", "trial"])

    assert "Several keys have the name trial" in str(done.exception)
    assert len(keys()) == 2


def test_the_command_sets_lists_and_removes(deployment: Deployment) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/App"
    runner = CliRunner()

    done = runner.invoke(app, ["principals", "set", arn, "--tenant", "acme", "--group", "hr", "--writer"])
    listed = runner.invoke(app, ["principals", "list", "--json"])
    table = runner.invoke(app, ["principals", "list"])
    removed = runner.invoke(app, ["principals", "remove", arn, "--json"])

    caller = f"role/{ACCOUNT}/App"
    assert done.stdout == f"Set: {caller} reads and writes the tenant acme, groups hr.\n"
    entry = {"caller": caller, "tenant": "acme", "groups": ["hr"], "writer": True}
    assert json.loads(listed.stdout) == {"principals": [entry]}
    assert table.stdout.splitlines()[1].split() == ["acme", "yes", caller, "(hr)"]
    assert json.loads(removed.stdout) == {"removed": caller}


def test_the_command_prints_a_key_alone_on_standard_output(deployment: Deployment) -> None:
    done = CliRunner().invoke(app, ["principals", "add-key", "trial", "--tenant", "acme"])

    (key,) = boto3.client("apigateway").get_api_keys(includeValues=True)["items"]
    assert done.stdout == f"{key['value']}\n"
    assert key["value"] not in done.stderr


def test_the_command_says_where_the_table_is_not_looked_at(deployment: Deployment) -> None:
    vars(deployment)["outputs"] = {**deployment.outputs, "ApiAuthorization": "JWT"}

    done = CliRunner().invoke(app, ["principals", "set", "a1b2c3d4e5", "--tenant", "acme"])

    assert "the table is not looked at" in done.stderr
