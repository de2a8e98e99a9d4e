"""What a rule hands to its target: the event, a part of it, a constant, or a template filled from it."""

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError, extract_json

_PART = re.compile(r'(?P<escape>\\.)|(?P<quote>")|<(?P<name>[A-Za-z0-9_.-]+)>')


def target_input(target: Mapping[str, Any], event: Mapping[str, Any], rule_name: str, rule_arn: str) -> str:
    """Return the input of a target, as JSON."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at(target["InputPath"], event))
    if "InputTransformer" in target:
        transformer = target["InputTransformer"]
        values = {name: _at(path, event) for name, path in transformer.get("InputPathsMap", {}).items()}
        values |= {
            "aws.events.rule-name": rule_name,
            "aws.events.rule-arn": rule_arn,
            "aws.events.event.ingestion-time": event["time"],
            "aws.events.event.json": event,
            "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
        }
        return _filled(transformer["InputTemplate"], values)
    return json.dumps(event)


def _at(path: str, event: Mapping[str, Any]) -> Any:
    """Return what a path selects; of one that selects nothing, an empty text."""
    try:
        return extract_json(path, dict(event))
    except NoSuchJsonPathError:
        return ""


def _filled(template: str, values: Mapping[str, Any]) -> str:
    """Fill the placeholders: as JSON where JSON has a value, as text of a string within one."""
    within_string = False

    def fill(part: re.Match[str]) -> str:
        nonlocal within_string
        if part["quote"]:
            within_string = not within_string
        if part["name"] is None or part["name"] not in values:
            return part[0]
        value = values[part["name"]]
        if not within_string:
            return json.dumps(value)
        return json.dumps(value if isinstance(value, str) else json.dumps(value))[1:-1]

    return _PART.sub(fill, template)
