"""The order in which the file of an API is written, which SAM's translator does not keep."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any


def bodies(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the definition of each API of a SAM template, as it is written, by the API's logical id."""
    written = {name: one.get("Properties", {}).get("DefinitionBody") for name, one in template["Resources"].items()}
    return {name: deepcopy(body) for name, body in written.items() if isinstance(body, dict)}


def restore(translated: Mapping[str, Any], written: Mapping[str, Any]) -> None:
    """Put the names in each API's body in the order of its definition; those that are new come last."""
    for name, body in written.items():
        properties = translated["Resources"].get(name, {}).get("Properties", {})
        if "Body" in properties:
            properties["Body"] = _ordered(properties["Body"], body)


def _ordered(node: Any, like: Any) -> Any:
    if isinstance(node, dict) and isinstance(like, dict):
        names = [*(name for name in like if name in node), *(name for name in node if name not in like)]
        return {name: _ordered(node[name], like.get(name)) for name in names}
    if isinstance(node, list) and isinstance(like, list) and len(node) == len(like):
        return [_ordered(one, as_written) for one, as_written in zip(node, like, strict=True)]
    return node
