"""The functions of the local stack: what moto's Lambda knows about them, run by worker processes."""

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction
from moto.awslambda.utils import get_backend

from ragctl.local.account import ACCOUNT_ID, REGION
from ragctl.local.authority import role_name
from ragctl.local.mending import replace
from ragctl.local.workers import FunctionPool, FunctionSpec, InvocationResult, RequestTooLargeError

_PROCESSORS = max(os.cpu_count() or 2, 2)
_MAX_WORKERS = min(_PROCESSORS, 8)  # of one function: more would not be faster, and each takes 100 MB
_IDLE_SECONDS = 60.0


class Functions:
    """Every function that CloudFormation created, each with its own pool of processes."""

    def __init__(self) -> None:
        self._pools: dict[str, FunctionPool] = {}

    def find(self, root: Path, logs: Path, endpoint: str) -> None:
        """Take in the functions that exist by now, whose code is below `root`."""
        for function in map(_untyped, get_backend(ACCOUNT_ID, REGION).list_functions(None)):
            spec = _spec(function, root, endpoint)
            self._pools[spec.name] = FunctionPool(spec, logs / f"{function.logical_resource_id}.log", _MAX_WORKERS)

    def __iter__(self) -> Iterator[str]:
        return iter(self._pools)

    def warm(self) -> None:
        """Return when one worker of each function waits for an event.

        Raises:
            FunctionDoesNotStartError: the code of one does not import.
        """
        if not self._pools:
            return
        with ThreadPoolExecutor(_PROCESSORS) as executor:  # all at once, the last might not be ready in time
            for warmed in [executor.submit(pool.warm) for pool in self._pools.values()]:
                warmed.result()

    def invoke(self, name: str, payload: bytes) -> InvocationResult:
        """Run a function by its name, with or without qualifier, or by its ARN."""
        return self._pools[_plain_name(name)].invoke(payload)

    def end_idle(self) -> None:
        """End workers that had nothing to do for a minute, but one of each function."""
        for pool in self._pools.values():
            pool.end_idle(_IDLE_SECONDS)

    def close(self) -> None:
        """End every worker."""
        for pool in self._pools.values():
            pool.close()

    def mend(self) -> None:
        """Have moto's Lambda invoke these: its own way needs Docker."""

        def invoke(function: Any, body: Any, headers: Mapping[str, str], answer: dict[str, str]) -> str | bytes:
            payload = body.encode() if isinstance(body, str) else bytes(body or b"")
            kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
            answer["X-Amz-Executed-Version"] = str(function.version)
            if kind == "DryRun":
                return b""
            if kind == "Event":
                Thread(target=self.invoke, args=(function.function_name, payload), daemon=True).start()
                return b""
            try:
                result = self.invoke(function.function_name, payload)
            except RequestTooLargeError as error:
                raise LambdaClientError("RequestTooLargeException", str(error)) from error
            if result.function_error:
                answer["X-Amz-Function-Error"] = result.function_error
            return result.payload

        replace(LambdaFunction, "invoke", invoke)


def _spec(function: Any, root: Path, endpoint: str) -> FunctionSpec:
    """Describe one of moto's functions to the workers."""
    backend = get_backend(ACCOUNT_ID, REGION)
    layers = [_untyped(backend.layers_versions_by_arn(layer["Arn"])) for layer in function.layers]
    variables = {name: _variable(value) for name, value in function.environment_vars.items()}
    return FunctionSpec(
        name=function.function_name,
        arn=function.function_arn,
        code_directory=root / function.code["S3Key"],
        handler=function.handler,
        environment={**variables, "AWS_ENDPOINT_URL": endpoint},
        timeout_seconds=float(function.timeout),
        memory_mb=int(function.memory_size),
        layers=tuple(root / layer.content["S3Key"] for layer in layers),
        access_key=role_name(function.role),
    )


def _untyped(model: object) -> Any:
    """Return one of moto's models, whose types know less than what CloudFormation has set on it."""
    return model


def _variable(value: object) -> str:
    """Write an environment variable as CloudFormation does, from a parameter that moto made a number or a truth."""
    return value if isinstance(value, str) else json.dumps(value)


def _plain_name(name: str) -> str:
    if name.startswith("arn:"):
        return name.split(":")[6]
    return name.split(":", maxsplit=1)[0]
