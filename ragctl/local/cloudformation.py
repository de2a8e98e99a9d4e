"""moto's CloudFormation, mended for the templates of this project.

moto resolves the intrinsic functions, orders the resources and creates most of them. Added are the types that it skips
or creates wrongly (`resources`), and a stand-in for every type that neither knows, which is listed.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from itertools import islice
from typing import Any

from moto.cloudformation import models as stacks
from moto.cloudformation import parsing

from ragctl.local.account import ACCOUNT_ID, REGION
from ragctl.local.api_gateway import API_GATEWAY, is_address_of_api
from ragctl.local.mending import replace
from ragctl.local.resources import COMPLETIONS, CREATORS, Properties, Resource, stand_in

_CREATORS = {**CREATORS, **API_GATEWAY}

_stood_in_for: dict[str, str] = {}  # logical id to type, of what has only a name here


def mend() -> None:
    """Put the above into moto's CloudFormation."""
    replace(parsing, "parse_and_create_resource", _create)
    replace(parsing, "resource_class_from_type", _class_of)
    replace(parsing, "generate_resource_name", _name)
    replace(parsing, "clean_json", _clean)
    replace(stacks.Stack, "parse_template", staticmethod(_parse))
    replace(stacks.Stack, "stack_resources", property(_resources_of))


def also_create(creators: Mapping[str, Callable[[str, Properties], Resource]]) -> None:
    """Have these create the types that they are for, from now on."""
    _CREATORS.update(creators)


_create_by_moto: Callable[..., Any] = parsing.parse_and_create_resource
_class_by_moto: Callable[..., Any] = parsing.resource_class_from_type
_clean_by_moto: Callable[..., Any] = parsing.clean_json
_parse_by_moto: Callable[..., Any] = stacks.Stack.parse_template


def _create(logical_id: str, resource: Any, resources: Any, account_id: str, region_name: str) -> Any:
    """Create one resource, in place of moto's function of this signature."""
    condition = resource.get("Condition")
    if condition and not resources.lazy_condition_map[condition]:
        return None
    kind = resource["Type"]
    properties = _clean(resource.get("Properties", {}), resources)
    creator = _CREATORS.get(kind)
    if creator is None and kind in parsing.get_model_map():
        created = _create_by_moto(logical_id, resource, resources, account_id, region_name)
        if completion := COMPLETIONS.get(kind):
            completion(created, properties)
        return created
    if creator is None:
        _stood_in_for[logical_id] = kind
        creator = stand_in
    created = creator(_name(kind, resources["AWS::StackName"], logical_id), properties)
    created.type, created.logical_resource_id = kind, logical_id
    return created


def _class_of(kind: str) -> Any:
    """Return what answers for a type: also where moto asks whether an output's attribute exists."""
    return Resource if kind in _CREATORS or kind not in parsing.get_model_map() else _class_by_moto(kind)


def _name(kind: str, stack_name: str, logical_id: str) -> str:
    """Name a resource the same at each start, so that what was loaded finds its table and bucket again."""
    name = f"{stack_name}-{logical_id}"
    return name.lower() if kind == "AWS::S3::Bucket" else name


def _clean(value: Any, resources: Any) -> Any:
    """Resolve intrinsic functions, also Fn::Cidr, and drop AWS::NoValue from lists too, where moto leaves a None."""
    if isinstance(value, list):
        return [cleaned for cleaned in (_clean(entry, resources) for entry in value) if cleaned is not None]
    if isinstance(value, dict) and "Fn::Cidr" in value:
        block, count, bits = (_clean(part, resources) for part in value["Fn::Cidr"])
        return [str(subnet) for subnet in islice(ip_network(block).subnets(new_prefix=32 - int(bits)), int(count))]
    return _clean_by_moto(value, resources)


def _parse(template: str) -> Any:
    """Parse JSON as JSON: moto tries its YAML parser first, which takes a second on a translated template."""
    try:
        return json.loads(template)
    except ValueError:
        return _parse_by_moto(template)


def _resources_of(stack: Any) -> list[Any]:
    """List a stack's resources without those whose condition is false, which moto lists as nothing."""
    return [resource for resource in stack.resource_map.values() if resource is not None]


def create_stack(
    name: str, template: Mapping[str, Any], parameters: Mapping[str, str], api_url: str | None = None
) -> Mapping[str, str]:
    """Create a stack and return its outputs, in which the API's address in AWS is `api_url` instead."""
    stack = stacks.cloudformation_backends[ACCOUNT_ID][REGION].create_stack(
        name=name, template=json.dumps(template), parameters=dict(parameters)
    )
    for output in stack.output_map.values():
        if output and api_url and is_address_of_api(str(output.value)):
            output.value = api_url
    return {output["OutputKey"]: str(output["OutputValue"]) for output in stack.outputs or []}


def stand_ins() -> Iterator[str]:
    """Yield what the local stack only stands in for, as a reader of the template knows it."""
    for logical_id, kind in sorted(_stood_in_for.items(), key=lambda pair: (pair[1], pair[0])):
        yield f"{logical_id} ({kind})"
