"""What EventBridge hands to a target."""

import json
from typing import Any

import pytest

from ragctl.local.event_input import target_input

EVENT = {"id": "1", "time": "2026-01-01T00:00:00Z", "detail": {"key": 'a "b" \\ ä', "size": 5, "tags": ["x"]}}


def given(target: dict[str, Any]) -> Any:
    return json.loads(target_input(target, EVENT, "rule", "arn:rule"))


def transformed(template: str, **paths: str) -> Any:
    return given({"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}})


def test_without_more_a_target_gets_the_event() -> None:
    assert given({}) == EVENT


def test_a_path_selects_a_part() -> None:
    assert given({"InputPath": "$.detail"}) == EVENT["detail"]


def test_a_constant_replaces_the_event() -> None:
    assert given({"Input": '{"a": 1}'}) == {"a": 1}


@pytest.mark.parametrize("value", ["key", "size", "tags"])
def test_a_placeholder_outside_of_a_string_is_a_value(value: str) -> None:
    assert transformed('{"v": <v>}', v=f"$.detail.{value}") == {"v": EVENT["detail"][value]}  # type: ignore[index]


def test_a_placeholder_within_a_string_is_text() -> None:
    filled = transformed(
        r'{"v": "<key> of \"<size>\": <tags>"}', key="$.detail.key", size="$.detail.size", tags="$.detail.tags"
    )

    assert filled == {"v": 'a "b" \\ ä of "5": ["x"]'}


def test_a_path_to_nothing_is_an_empty_text() -> None:
    assert transformed('{"v": <v>, "w": "<v>"}', v="$.nothing") == {"v": "", "w": ""}


def test_names_that_no_path_declares_stay() -> None:
    assert transformed('{"v": "<other>"}') == {"v": "<other>"}


def test_the_event_and_its_rule_have_names() -> None:
    template = '{"rule": <aws.events.rule-name>, "whole": <aws.events.event.json>, "head": <aws.events.event>}'

    assert transformed(template) == {
        "rule": "rule",
        "whole": EVENT,
        "head": {"id": "1", "time": EVENT["time"]},
    }
