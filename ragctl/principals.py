"""Who the callers of an API are that bring no claims: IAM identities, and API keys made for them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from rag.contracts import AskedBy
from rag.http.callers import Caller, caller_id_of
from rag.models import Principal
from ragctl import wiring
from ragctl.deployment import Deployment
from ragctl.failure import Failure

_IAM_ROLE: Final = re.compile(r"arn:(aws[a-z-]*):iam::(\d{12}):role/(?:[^/]+/)*([^/]+)\Z", re.ASCII)
_CALLER_ID: Final = re.compile(r"(?:(?:role|user)/\d{12}/[\w+=,.@/-]+|root/\d{12}|key/[A-Za-z0-9]+)\Z", re.ASCII)
_KEY_ID: Final = re.compile(r"[A-Za-z0-9]{4,}\Z", re.ASCII)
_KEY_PREFIX: Final = "key/"
_GONE: Final = "NotFoundException"


@dataclass(frozen=True)
class NewKey:
    """An API key that was just made; its value is not shown again."""

    caller: Caller
    value: str


def principal_of(tenant: str, groups: Sequence[str]) -> Principal:
    """Return the principal of that tenant and those groups.

    Raises:
        InvalidRequest: one of them is no name.
    """
    names = AskedBy.parse({"tenant": tenant, "groups": list(groups)})
    return Principal(names.tenant, tuple(sorted(set(names.groups))))


def caller_id(text: str) -> str:
    """Return the id of the caller that an ARN, an API key's id, or an id as listed stands for.

    Raises:
        Failure: it is none of these.
    """
    if role := _IAM_ROLE.match(text):  # requests come from sessions of it
        partition, account, name = role.groups()
        text = f"arn:{partition}:sts::{account}:assumed-role/{name}/session"
    if text.startswith("arn:"):
        if known := caller_id_of("IAM", {"userArn": text}):
            return known
        raise Failure("This is no ARN of a role, an assumed role or a user.")
    if _CALLER_ID.match(text):
        return text
    if _KEY_ID.match(text):
        return f"{_KEY_PREFIX}{text}"
    raise Failure("A caller is an ARN of a role, an assumed role or a user, or the id of an API key.")


class ApiKeys:
    """The API keys of a deployment's callers."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def add(self, name: str, principal: Principal, *, writer: bool) -> NewKey:
        """Make a key in the API's usage plan, and note whose it is.

        Raises:
            Failure: the API is not authorised by keys, a key has that name, or API Gateway refuses.
            RagError: the table of principals refuses.
        """
        plan = self._deployment.outputs.get("ApiUsagePlanId")
        if not plan:
            raise Failure("The API of this stack takes no keys: deploy it with ApiAuthorization=API_KEY.")
        if holder := self.named(name):
            where = f" --stack {self._deployment.stack}" if self._deployment.endpoint is None else ""
            raise Failure(
                f"There is a key {name} already, {holder}. Remove it with: rag principals remove {holder}{where}"
            )
        with _gateway(self._deployment) as gateway:
            made = gateway.create_api_key(name=name, enabled=True)
        caller = Caller(f"{_KEY_PREFIX}{made['id']}", principal, writer)
        try:
            with _gateway(self._deployment) as gateway:
                gateway.create_usage_plan_key(usagePlanId=plan, keyId=made["id"], keyType="API_KEY")
            wiring.principals(self._deployment).store(caller)
        except BaseException:
            self.delete(caller.id)  # nobody will ever know its value
            raise
        return NewKey(caller, made["value"])

    def names(self) -> Mapping[str, str]:
        """Return the name of each key of this API by its caller's id; of an API that takes no keys, none.

        Raises:
            Failure: API Gateway refuses.
        """
        plan = self._deployment.outputs.get("ApiUsagePlanId")
        if not plan:
            return {}
        with _gateway(self._deployment) as gateway:
            pages = gateway.get_paginator("get_usage_plan_keys").paginate(usagePlanId=plan)
            return {f"{_KEY_PREFIX}{key['id']}": key.get("name", "") for page in pages for key in page["items"]}

    def named(self, name: str) -> str | None:
        """Return the id of the caller whose key has that name, if there is one.

        Raises:
            Failure: there are several, or API Gateway refuses.
        """
        holders = sorted(caller for caller, known in self.names().items() if known == name)
        if len(holders) > 1:
            raise Failure(f"Several keys have the name {name}: {', '.join(holders)}. Name one of these instead.")
        return holders[0] if holders else None

    def delete(self, caller: str) -> bool:
        """Delete the key that a caller is; return whether it is one, and was there.

        Raises:
            Failure: API Gateway refuses.
        """
        from botocore.exceptions import ClientError

        if not caller.startswith(_KEY_PREFIX):
            return False
        with _gateway(self._deployment) as gateway:
            try:
                gateway.delete_api_key(apiKey=caller.removeprefix(_KEY_PREFIX))
            except ClientError as error:
                if error.response["Error"]["Code"] != _GONE:
                    raise
                return False
        return True


@contextmanager
def _gateway(deployment: Deployment) -> Iterator[Any]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield deployment.client("apigateway")
    except ClientError as error:
        raise Failure(f"API Gateway refuses: {error.response['Error']['Message']}") from error
    except BotoCoreError as error:
        raise Failure(f"API Gateway cannot be reached: {error}") from error
