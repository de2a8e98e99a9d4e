"""The operations floor: a dashboard and alarms over metrics that exist, logs that end, traces on every hop."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ragctl.checks.translated import PARAMETERS
from ragctl.local.translation import translate

ROOT = Path(__file__).parents[2]
TEMPLATE: dict[str, Any] = translate(ROOT / "template.yaml", PARAMETERS).template
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
ALARMS = {name: one for name, one in RESOURCES.items() if one["Type"] == "AWS::CloudWatch::Alarm"}
RUNBOOK = (ROOT / "docs" / "operations.md").read_text()

# What AWS's own services emit, of what is used here.
OF_AWS = {
    "AWS/States": {
        "ExecutionsStarted",
        "ExecutionsSucceeded",
        "ExecutionsFailed",
        "ExecutionsTimedOut",
        "ExecutionThrottled",
        "ExecutionTime",
    },
    "AWS/Lambda": {"Duration", "Invocations", "Errors", "Throttles", "ConcurrentExecutions"},
    "AWS/ApiGateway": {"Count", "4XXError", "5XXError", "Latency", "IntegrationLatency"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible"},
}
OURS = "ServerlessRAG"
FREE_ALARM_METRICS = 10
FREE_DASHBOARD_METRICS = 50


def _camel(name: str) -> str:
    return "".join(map(str.capitalize, name.split("_")))


def _counted() -> set[str]:
    """Return the names of all metrics that the code records."""
    names = {"ColdStart"}  # Powertools, by capture_cold_start_metric
    for file in [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers" / "rag" / "rag").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name(id="count"), keywords=keywords):
                    names |= {_camel(keyword.arg) for keyword in keywords if keyword.arg}
                case ast.FunctionDef(name="counts"):
                    keys = [key for one in ast.walk(node) if isinstance(one, ast.Dict) for key in one.keys]
                    names |= {_camel(str(key.value)) for key in keys if isinstance(key, ast.Constant)}
    return names


COUNTED = _counted()


def _widgets() -> list[dict[str, Any]]:
    body = RESOURCES["OperationsDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets: list[dict[str, Any]] = json.loads(body)["widgets"]
    return widgets


def _metrics() -> Iterator[tuple[str, str]]:
    """Yield namespace and name of each metric on the dashboard."""
    for widget in _widgets():
        for metric in widget["properties"].get("metrics", []):
            yield metric[0], metric[1]


def _watched(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics that an alarm watches, each of which is billed."""
    properties = alarm["Properties"]
    if "Metrics" in properties:
        return [one["MetricStat"]["Metric"] for one in properties["Metrics"] if "MetricStat" in one]
    return [properties]


def _exists(namespace: str, name: str) -> bool:
    return name in (COUNTED if namespace == OURS else OF_AWS[namespace])


def test_every_metric_on_the_dashboard_is_one_that_the_code_or_aws_emits() -> None:
    assert [metric for metric in _metrics() if not _exists(*metric)] == []


def test_the_dashboard_shows_what_an_operator_asks_first() -> None:
    asked = {
        "AWS/States": {"ExecutionTime", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionThrottled"},
        "AWS/Lambda": {"Duration", "Invocations", "Errors", "Throttles"},
        "AWS/ApiGateway": {"4XXError", "5XXError", "Latency"},
        OURS: {
            "ColdStart",
            "VectorStoreMilliseconds",
            "EmbeddingCacheHit",
            "EmbeddingCacheMiss",
            "PromptTokens",
            "CompletionTokens",
            "EmbeddingTokens",
            "Refused",
            "GenerationCostUsd",
        },
    }
    shown = set(_metrics())
    assert {(namespace, name) for namespace, names in asked.items() for name in names} - shown == set()


def test_the_dashboard_names_resources_of_the_stack_alone() -> None:
    body = RESOURCES["OperationsDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    named = {reference.partition(".")[0] for reference in re.findall(r"\$\{([^}]+)\}", body)}
    assert {name for name in named if not name.startswith("AWS::")} <= set(RESOURCES)


def test_the_dashboard_shows_every_state_machine() -> None:
    body = RESOURCES["OperationsDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    machines = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::StepFunctions::StateMachine"]
    assert [name for name in machines if f"${{{name}}}" not in body] == []


def test_the_dashboard_is_free() -> None:
    assert len(list(_metrics())) <= FREE_DASHBOARD_METRICS


def test_no_widget_lies_upon_another() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in _widgets():
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_watches_metrics_that_exist_and_tells_the_topic(alarm: str) -> None:
    assert all(_exists(one["Namespace"], one["MetricName"]) for one in _watched(ALARMS[alarm]))
    topic = {"Fn::If": ["MakesTopic", {"Ref": "AlarmTopic"}, {"Ref": "AlarmTopicArn"}]}
    assert ALARMS[alarm]["Properties"]["AlarmActions"] == [topic]


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_names_the_chapter_that_tells_what_to_do(alarm: str) -> None:
    (anchor,) = re.findall(r"docs/operations\.md#([a-z-]+)", ALARMS[alarm]["Properties"]["AlarmDescription"])
    headings = {re.sub(r"[^a-z -]", "", line[3:].lower().strip()).replace(" ", "-") for line in RUNBOOK.splitlines()}
    headings |= {re.sub(r"[^a-z -]", "", line[4:].lower().strip()).replace(" ", "-") for line in RUNBOOK.splitlines()}
    assert anchor in headings


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_on_a_metric_of_our_own_looks_at_this_stack(alarm: str) -> None:
    for one in _watched(ALARMS[alarm]):
        if one["Namespace"] == OURS:
            assert one["Dimensions"] == [{"Name": "service", "Value": {"Ref": "AWS::StackName"}}]


def test_the_alarms_that_are_on_by_default_are_free() -> None:
    by_default = [alarm for alarm in ALARMS.values() if "Condition" not in alarm]
    assert sum(len(_watched(alarm)) for alarm in by_default) <= FREE_ALARM_METRICS


@pytest.mark.parametrize(
    ("symptom", "metric"),
    [
        ("error rate", ("AWS/States", "ExecutionsFailed")),
        ("error rate over HTTP", ("AWS/ApiGateway", "5XXError")),
        ("latency", ("AWS/States", "ExecutionTime")),
        ("throttled functions", ("AWS/Lambda", "Throttles")),
        ("throttled states", ("AWS/States", "ExecutionThrottled")),
        ("failed ingestion", (OURS, "DocumentsFailed")),
        ("dead letters", ("AWS/SQS", "ApproximateNumberOfMessagesVisible")),
        ("registry and index differ", (OURS, "IndexDiscrepancies")),
    ],
)
def test_there_is_an_alarm_by_default_for(symptom: str, metric: tuple[str, str]) -> None:
    watched = [
        (one["Namespace"], one["MetricName"])
        for alarm in ALARMS.values()
        if "Condition" not in alarm
        for one in _watched(alarm)
    ]
    assert metric in watched, symptom


def test_what_a_rollback_waits_for_hangs_on_no_state_machine() -> None:
    """A machine waits for the aliases, and they for the alarm: the stack could not be made."""
    canary = translate(ROOT / "template.yaml", PARAMETERS | {"DeploymentPreference": "Canary10Percent5Minutes"})
    groups = [one for one in canary.template["Resources"].values() if one["Type"] == "AWS::CodeDeploy::DeploymentGroup"]
    assert groups
    assert "StateMachine" not in json.dumps(RESOURCES["VersionErrorsAlarm"])
    for group in groups:
        assert "VersionErrorsAlarm" in json.dumps(group["Properties"]["AlarmConfiguration"])


def test_nothing_shifts_by_default() -> None:
    assert not [one for one in RESOURCES.values() if one["Type"].startswith("AWS::CodeDeploy::")]
    assert not [one for one in RESOURCES.values() if "UpdatePolicy" in one]


def test_every_function_and_every_machine_logs_where_events_end_and_machines_log_no_data() -> None:
    logging = [one for one in RESOURCES.values() if one["Type"] == "AWS::Lambda::Function"]
    groups = [one["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for one in logging]
    machines = [one["Properties"] for one in RESOURCES.values() if one["Type"] == "AWS::StepFunctions::StateMachine"]
    for machine in machines:
        settings = machine["LoggingConfiguration"]
        assert settings["IncludeExecutionData"] is False
        (destination,) = settings["Destinations"]
        groups.append(destination["CloudWatchLogsLogGroup"]["LogGroupArn"]["Fn::GetAtt"][0])
    assert len(groups) == len(logging) + len(machines) > 30
    for name, resource in RESOURCES.items():
        if resource["Type"] == "AWS::Logs::LogGroup":
            assert resource["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}, name
    assert {group for group in groups if RESOURCES[group]["Type"] != "AWS::Logs::LogGroup"} == set()


def test_every_hop_is_traced() -> None:
    traced: dict[str, Callable[[dict[str, Any]], bool]] = {
        "AWS::Lambda::Function": lambda one: one["TracingConfig"]["Mode"] == "Active",
        "AWS::StepFunctions::StateMachine": lambda one: one["TracingConfiguration"]["Enabled"] is True,
        "AWS::ApiGateway::Stage": lambda one: one["TracingEnabled"] is True,
    }
    hops = [(name, one) for name, one in RESOURCES.items() if one["Type"] in traced]
    assert {one["Type"] for _, one in hops} == set(traced)
    assert [name for name, one in hops if not traced[one["Type"]](one["Properties"])] == []
