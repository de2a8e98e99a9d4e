"""From a request to AWS to what IAM calls it: actions on resources.

https://docs.aws.amazon.com/service-authorization/latest/reference/ tells which operation needs which action. An
operation that is not below gets an action of its own name on every resource, which no policy here allows.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ragctl.iam.conditions import Context
from ragctl.iam.objects import object_calls
from ragctl.iam.policy import Call


@dataclass(frozen=True)
class Account:
    """What a request leaves out: where it goes, and the ARN that a secret's name stands for."""

    region: str
    number: str
    secret_arn: Callable[[str], str]

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource."""
        return f"arn:aws:{service}:{self.region}:{self.number}:{resource}"


@dataclass(frozen=True)
class Request:
    """A request as it came in. `target` is the header X-Amz-Target."""

    service: str
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: Callable[[], bytes]

    @property
    def target(self) -> str:
        """The operation that the header X-Amz-Target names, or nothing."""
        return self.headers.get("x-amz-target", "").rpartition(".")[2]


def calls(request: Request, account: Account) -> list[Call]:
    """Return what a request does in IAM's terms; nothing if it needs no permission."""
    service, operation = request.service, request.target
    if service == "sts":
        return []  # who am I: everybody may ask
    if service in _SERVICES and (found := list(_SERVICES[service](request, account))):
        return found
    return [Call(f"{service}:{operation or request.method}", "*")]


def _objects(request: Request, _account: Account) -> Iterator[Call]:
    return object_calls(request)


def _items(request: Request, account: Account) -> Iterator[Call]:
    if items := _ITEMS.get(request.target):
        for action, table, index, context in items(json.loads(request.body())):
            yield Call(f"dynamodb:{action}", _table(account, table, index), context)


def _secrets(request: Request, account: Account) -> Iterator[Call]:
    secret = account.secret_arn(json.loads(request.body()).get("SecretId", ""))
    yield Call(f"secretsmanager:{request.target}", secret)


def _machines(request: Request, _account: Account) -> Iterator[Call]:
    if name := _MACHINES.get(request.target):
        yield Call(f"states:{request.target}", json.loads(request.body()).get(name, ""))


def _queues(request: Request, account: Account) -> Iterator[Call]:
    if request.target == "SendMessage":
        queue = json.loads(request.body())["QueueUrl"].rpartition("/")[2]
        yield Call("sqs:SendMessage", account.arn("sqs", queue))


def _functions(request: Request, account: Account) -> Iterator[Call]:
    if request.path.endswith("/invocations"):
        name = unquote(request.path.split("/")[-2])
        qualifier = f":{request.query['Qualifier'][0]}" if "Qualifier" in request.query else ""
        arn = name if name.startswith("arn:") else account.arn("lambda", f"function:{name}")
        yield Call("lambda:InvokeFunction", arn + qualifier)


def _models(request: Request, account: Account) -> Iterator[Call]:
    if request.path.startswith("/model/"):
        model = unquote(request.path.split("/")[2])
        yield Call("bedrock:InvokeModel", f"arn:aws:bedrock:{account.region}::foundation-model/{model}")


_SERVICES: Mapping[str, Callable[[Request, Account], Iterator[Call]]] = {
    "s3": _objects,
    "dynamodb": _items,
    "secretsmanager": _secrets,
    "states": _machines,
    "sqs": _queues,
    "lambda": _functions,
    "bedrock": _models,
}


def _table(account: Account, table: str, index: str | None) -> str:
    arn = table if table.startswith("arn:") else account.arn("dynamodb", f"table/{table}")
    return f"{arn}/index/{index}" if index else arn


_Items = Iterator[tuple[str, str, str | None, Context]]  # action, table, index


def _leading(change: Any) -> Context:
    """Return the partition key; of a key of several attributes the request does not say which that is."""
    key = change.get("Key", {})
    return {"dynamodb:leadingkeys": [str(*value.values()) for value in key.values()]} if len(key) == 1 else {}


def _one(action: str) -> Callable[[Any], _Items]:
    return lambda body: iter([(action, body["TableName"], body.get("IndexName"), _leading(body))])


def _batch(action: str) -> Callable[[Any], _Items]:
    return lambda body: ((action, table, None, {}) for table in body["RequestItems"])


def _transaction(body: Any) -> _Items:
    actions = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "Get": "GetItem"}
    for item in body["TransactItems"]:
        for kind, change in item.items():
            yield actions.get(kind, "ConditionCheckItem"), change["TableName"], None, _leading(change)


_ITEMS: Mapping[str, Callable[[Any], _Items]] = {
    **{name: _one(name) for name in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan")},
    **{name: _one(name) for name in ("DescribeTable", "DescribeTimeToLive")},
    **{name: _batch(name) for name in ("BatchGetItem", "BatchWriteItem")},
    **dict.fromkeys(("TransactWriteItems", "TransactGetItems"), _transaction),
}
_MACHINES: Mapping[str, str] = {
    "StartExecution": "stateMachineArn",
    "StartSyncExecution": "stateMachineArn",
    "DescribeStateMachine": "stateMachineArn",
    "ListExecutions": "stateMachineArn",
    "DescribeExecution": "executionArn",
    "StopExecution": "executionArn",
    "RedriveExecution": "executionArn",
    "GetExecutionHistory": "executionArn",
}
