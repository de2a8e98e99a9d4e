"""CloudFormation properties as a request to the service's own API.

Both describe the same thing in names that differ in the case of their first letter, and CloudFormation takes "30" for a
number and "true" for a truth. The API's description, which botocore carries, tells what each has to become.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final


class UnknownPropertyError(Exception):
    """The service's API knows no such member: the creator has to leave it out by name, or the template is wrong."""


def request(client: Any, operation: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties as arguments of a client's method, such as put_metric_alarm.

    Raises:
        UnknownPropertyError: the operation has no member of that name.
    """
    api_name = client.meta.method_to_api_mapping[operation]
    shape = client.meta.service_model.operation_model(api_name).input_shape
    shaped: dict[str, Any] = _shaped(properties, shape)
    return shaped


def _shaped(value: Any, shape: Any) -> Any:
    match shape.type_name, value:
        case "structure", dict():
            return _structure(value, shape)
        case "list", list():
            return [_shaped(entry, shape.member) for entry in value]
        case "map", dict():
            return {str(key): _shaped(entry, shape.value) for key, entry in value.items()}
    return _SCALARS.get(shape.type_name, _unchanged)(value)


def _unchanged(value: Any) -> Any:
    return value


_SCALARS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": lambda value: str(value).lower() == "true",
    "string": lambda value: str(value) if isinstance(value, int | float) else value,
}


def _structure(values: Mapping[str, Any], shape: Any) -> dict[str, Any]:
    members = {name.lower(): name for name in shape.members}
    shaped = {}
    for name, value in values.items():
        member = members.get(name.lower())
        if member is None:
            raise UnknownPropertyError(f"{shape.name} has no member {name}")
        shaped[member] = _shaped(value, shape.members[member])
    return shaped
