"""A stack, created in an account of moto's that is empty at first."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ragctl.local.account import ACCOUNT_ID, CREDENTIAL, REGION, STACK_NAME
from ragctl.local.translation import Translation
from ragctl.rehearsal.lookups import Resource


class CreationError(Exception):
    """The stack cannot be created: told in one line."""


@dataclass(frozen=True)
class Stack:
    """What was created, and which conditions hold."""

    resources: tuple[Resource, ...]
    outputs: Mapping[str, str]
    conditions: Mapping[str, bool]

    def template(self) -> dict[str, Any]:
        """Return the stack as a template of plain values: what each service is asked for."""
        resources = {one.logical_id: {"Type": one.type, "Properties": one.properties} for one in self.resources}
        return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}


@contextmanager
def empty_account() -> Iterator[None]:
    """Have boto3 talk to an account of moto's in which nothing is yet, mended as the local stack mends it."""
    _prepare()
    from moto import mock_aws

    with mock_aws(config={"lambda": {"use_docker": False}, "stepfunctions": {"execute_state_machine": True}}):
        yield


def create(translation: Translation) -> Stack:
    """Create every resource of a translated template, in the order of their references.

    Raises:
        CreationError: a reference leads nowhere, or a service refuses what the template asks for.
    """
    from moto.cloudformation import models as stacks
    from moto.moto_api._internal import mock_random

    from ragctl.local import cloudformation

    mock_random.seed(0)  # the same ids in each stack, as far as the order of creation is the same
    try:
        outputs = cloudformation.create_stack(STACK_NAME, translation.template, translation.parameters)
    except Exception as error:
        reason = getattr(error, "message", None) or str(error)
        raise CreationError(
            f"the stack cannot be created: {type(error).__name__}: {' '.join(reason.split())}"
        ) from error
    (stack,) = stacks.cloudformation_backends[ACCOUNT_ID][REGION].stacks.values()
    created = stack.resource_map
    conditions = {name: bool(created.lazy_condition_map[name]) for name in translation.template.get("Conditions", {})}
    return Stack(tuple(_resources(translation, created)), outputs, conditions)


def _resources(translation: Translation, created: Any) -> Iterator[Resource]:
    from moto.cloudformation.parsing import clean_json

    for logical_id, declared in translation.template["Resources"].items():
        condition = declared.get("Condition")
        if condition and not created.lazy_condition_map[condition]:
            continue
        properties = clean_json(declared.get("Properties", {}), created)
        physical_id = str(getattr(created[logical_id], "physical_resource_id", None) or "")
        yield Resource(logical_id, declared["Type"], physical_id, properties)


_kept: list[TemporaryDirectory[str]] = []


def _prepare() -> None:
    """Mend moto, once a process."""
    if _kept:
        return
    _kept.append(TemporaryDirectory())
    os.environ.update(
        AWS_ACCESS_KEY_ID=CREDENTIAL,
        AWS_SECRET_ACCESS_KEY=CREDENTIAL,
        AWS_DEFAULT_REGION=REGION,
        VALIDATE_LAMBDA_S3="false",
    )
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        os.environ.pop(name, None)
    from ragctl.local import cloudformation, server
    from ragctl.local.deliveries import Deliveries
    from ragctl.local.durable import DurableState
    from ragctl.local.functions import Functions
    from ragctl.local.journal import Journal
    from ragctl.rehearsal.creators import CREATORS

    state = DurableState(Journal(Path(_kept[0].name) / "journal"))
    server.mend(Functions(), state, Deliveries(server.start_execution, state), "http://127.0.0.1:9")
    cloudformation.also_create(CREATORS)
