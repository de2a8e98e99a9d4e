"""Whether everything that a template refers to is there."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_SUBSTITUTED = re.compile(r"\$\{([^!}][^}]*)\}")  # ${!x} stands for the text ${x}
_GENERATED = ("AWS::", "Serverless", "CodeDeployServiceRole")  # pseudo parameters, and what SAM makes once a template


def dangling_reference(template: Mapping[str, Any]) -> str | None:
    """Return who refers to what the template does not define, if anybody does."""
    resources = template["Resources"]
    parameters = template.get("Parameters") or {}
    known = (*_GENERATED, *resources)  # SAM names what it generates after the resource that it is for
    parts = [
        *resources.items(),
        *((f"Output {name}", value) for name, value in (template.get("Outputs") or {}).items()),
    ]
    for name, part in parts:
        for target in _targets(part):
            if target not in parameters and not target.startswith(known):
                return f"{name} refers to {target}, which the template does not define."
    return None


def _targets(node: object) -> Iterator[str]:
    match node:
        case {"Ref": str(target)}:
            yield target.partition(".")[0]
        case {"Fn::GetAtt": str(target) | [str(target), *_]}:
            yield target.partition(".")[0]
        case {"Fn::Sub": str(text)}:
            yield from _substituted(text)
        case {"Fn::Sub": [str(text), dict(own)]}:
            yield from (target for target in _substituted(text) if target not in own)
            yield from _targets(own)
        case dict():
            for value in node.values():
                yield from _targets(value)
        case list():
            for value in node:
                yield from _targets(value)


def _substituted(text: str) -> Iterator[str]:
    for target in _SUBSTITUTED.findall(text):
        yield target.strip().partition(".")[0]
