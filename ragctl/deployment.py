"""Where a command finds the system: a CloudFormation stack, on this machine or in an AWS account."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from ragctl.failure import Failure
from ragctl.local import presence
from ragctl.local.account import CREDENTIAL, DEFAULT_PORT, REGION, STACK_NAME, endpoint

DEFAULT_DATA_DIRECTORY = Path(".rag")
_ENDPOINT_VARIABLE = "RAG_ENDPOINT"  # for a local stack that was started elsewhere or with another --data-dir
_API_VARIABLE = "RAG_API_URL"  # for its HTTP API, where that is not at the address that the stack itself names

_HOW_TO_START = f"Start it with: rag up --detach (or point {_ENDPOINT_VARIABLE} at the one that runs)"


@dataclass(frozen=True)
class Deployment:
    """A stack, and the way to its services. Without an endpoint it is in the AWS account that boto3 finds."""

    stack: str
    endpoint: str | None = None

    @classmethod
    def find(cls, stack: str | None = None) -> "Deployment":
        """Return the CloudFormation stack of that name in AWS, or without a name the local stack."""
        return cls(stack) if stack else cls(STACK_NAME, _local_endpoint())

    def client(self, service: str, **settings: Any) -> Any:
        """Return a boto3 client for a service such as "stepfunctions"; `settings` are those of botocore's Config."""
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, NoRegionError

        try:
            with _creating:  # boto3 sessions are not thread-safe
                if self.endpoint is None:
                    return self._session.client(service, config=Config(**settings))
                local = Config(inject_host_prefix=False, retries={"total_max_attempts": 1})  # no sync-127.0.0.1
                return self._session.client(service, endpoint_url=self.endpoint, config=local.merge(Config(**settings)))
        except NoRegionError as error:
            raise Failure("No AWS region is set. Set AWS_DEFAULT_REGION to that of the stack.") from error
        except BotoCoreError as error:
            raise Failure(f"AWS cannot be reached: {error}") from error

    def signing(self) -> tuple[Any, str]:
        """Return the credentials that requests are signed with, as boto3 holds them, and the region.

        Raises:
            Failure: there are none.
        """
        credentials = self._session.get_credentials()
        if credentials is None:
            raise Failure("No AWS credentials are set. Sign in, or set AWS_PROFILE.")
        return credentials, self._session.region_name

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs, by name.

        Raises:
            Failure: the local stack is not running, or there is no such stack.
        """
        described = self._ask_cloudformation("describe_stacks", StackName=self.stack)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}

    def output(self, name: str) -> str:
        """Return one of the stack's outputs.

        Raises:
            Failure: the local stack is not running, or the stack is not of this template.
        """
        value = self.outputs.get(name, "")
        if name == "ApiUrl" and self.endpoint is not None:
            value = os.environ.get(_API_VARIABLE, "").rstrip("/") or value
        if not value:
            raise Failure(f"The stack {self.stack} has no output {name}: deploy it again with this version.")
        return value

    def function_name(self, logical_id: str) -> str:
        """Return the name that a function of the template has in this deployment.

        Raises:
            Failure: the local stack is not running, or the stack has no such function.
        """
        answer = self._ask_cloudformation("describe_stack_resources", StackName=self.stack)
        names = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in answer["StackResources"]
            if resource["ResourceType"] == "AWS::Lambda::Function"
        }
        if logical_id not in names:
            known = ", ".join(sorted(names)) or "none"
            raise Failure(f"The stack {self.stack} has no function {logical_id}. Its functions: {known}.")
        return str(names[logical_id])

    def _ask_cloudformation(self, operation: str, **arguments: str) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, HTTPClientError

        try:
            return getattr(self.client("cloudformation"), operation)(**arguments)
        except (EndpointConnectionError, HTTPClientError) as error:
            not_running = f"The local stack is not running at {self.endpoint}. {_HOW_TO_START}"
            raise Failure(not_running if self.endpoint else f"AWS cannot be reached: {error}") from error
        except BotoCoreError as error:
            raise Failure(f"AWS cannot be reached: {error}") from error
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise Failure(f"CloudFormation refuses: {error.response['Error']['Message']}") from error
            where = f"at {self.endpoint}" if self.endpoint else f"in {self._session.region_name}"
            raise Failure(f"There is no stack {self.stack} {where}.") from error

    @cached_property
    def _session(self) -> Any:
        import boto3

        if self.endpoint is None:
            return boto3.Session()
        os.environ.pop("AWS_PROFILE", None)  # it may name a profile that is not there; none is needed here
        return boto3.Session(aws_access_key_id=CREDENTIAL, aws_secret_access_key=CREDENTIAL, region_name=REGION)


_creating = Lock()


def _local_endpoint() -> str:
    if address := os.environ.get(_ENDPOINT_VARIABLE):
        if not address.startswith("http://"):
            raise Failure(f"{_ENDPOINT_VARIABLE} is {address!r}: it must begin with http://, as http://127.0.0.1:4566")
        return address
    running = presence.find(DEFAULT_DATA_DIRECTORY)
    if running and not running.ready:
        raise Failure("The local stack is still starting.")
    return running.endpoint if running else endpoint(DEFAULT_PORT)
