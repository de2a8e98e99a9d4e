"""What makes a rehearsal fail: a type that does not exist, a reference that leads nowhere, a property that is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from ragctl.local.translation import translate
from ragctl.rehearsal.combinations import Combination, combinations
from ragctl.rehearsal.exceptions import read_exceptions, stale
from ragctl.rehearsal.rehearsing import Outcome, problems, rehearse, untried

HERE = Path(__file__).parents[2] / "ragctl" / "rehearsal"
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": 3600}}
PLAIN = Combination("plain", {})


def rehearsed(directory: Path, *, combination: Combination = PLAIN, **resources: Any) -> Outcome:
    template = directory / "template.yaml"
    declared = {"Resources": {"Queue": QUEUE, **resources}, "Parameters": {"Days": {"Type": "Number", "Default": 1}}}
    template.write_text(json.dumps({"Transform": "AWS::Serverless-2016-10-31", **declared}))
    return rehearse(template, combination)


def told(outcome: Outcome) -> str:
    return "\n".join([*problems([outcome], {}), *map(str, outcome.findings)])


def test_a_sound_stack_is_created_whole(tmp_path: Path) -> None:
    outcome = rehearsed(tmp_path)
    assert outcome.resources == sum(outcome.created.values()) == 1
    assert told(outcome) == ""


def test_a_type_that_does_not_exist_is_neither_created_nor_in_the_schemas(tmp_path: Path) -> None:
    said = told(rehearsed(tmp_path, Thing={"Type": "AWS::Nonsense::Thing", "Properties": {}}))
    assert "Thing (AWS::Nonsense::Thing) was not created" in said
    assert "E3006" in said


def test_a_type_that_exists_and_that_nobody_creates_fails_too(tmp_path: Path) -> None:
    project = {"Type": "AWS::CodeStarNotifications::NotificationRule", "Properties": {}}
    assert "Rule (AWS::CodeStarNotifications::NotificationRule) was not created" in told(
        rehearsed(tmp_path, Rule=project)
    )


def test_a_reference_that_leads_nowhere_leaves_no_stack(tmp_path: Path) -> None:
    dangling = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Nobody"}}}
    assert "refers to Nobody" in told(rehearsed(tmp_path, Other=dangling))


def test_an_unknown_property_is_held_against_the_schema(tmp_path: Path) -> None:
    coloured = {"Type": "AWS::SQS::Queue", "Properties": {"Colour": "red"}}
    assert "E3002" in told(rehearsed(tmp_path, Other=coloured))


def test_a_value_is_held_against_the_schema_after_its_parameter_is_known(tmp_path: Path) -> None:
    kept = {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": {"Ref": "Days"}}}
    assert "E3034" in told(rehearsed(tmp_path, Other=kept))


def test_what_the_service_refuses_leaves_no_stack(tmp_path: Path) -> None:
    policy = {"Bucket": "nobodys-bucket", "PolicyDocument": {"Version": "2012-10-17", "Statement": []}}
    said = told(rehearsed(tmp_path, Policy={"Type": "AWS::S3::BucketPolicy", "Properties": policy}))
    assert "NoSuchBucket" in said


def test_a_parameter_that_does_not_fit_is_told(tmp_path: Path) -> None:
    outcome = rehearsed(tmp_path, combination=Combination("wrong", {"Days": "soon"}))
    assert outcome.failure is not None
    assert "Days" in outcome.failure


def test_an_exception_lets_a_type_pass(tmp_path: Path) -> None:
    outcome = rehearsed(tmp_path, Thing={"Type": "AWS::Nonsense::Thing", "Properties": {}})
    assert list(problems([outcome], {"AWS::Nonsense::Thing": "a reason"})) == []


def test_an_exception_is_stale_when_the_type_is_created_or_gone() -> None:
    listed = {"A": "a reason", "B": "a reason", "C": "a reason"}
    said = list(stale(listed, created={"A"}, occurring={"A", "B"}))
    assert [line.split()[2] for line in said] == ["A", "C"]


def test_an_exception_needs_a_reason(tmp_path: Path) -> None:
    listed = tmp_path / "exceptions.toml"
    listed.write_text('[not_created]\n"AWS::A::B" = " "\n')
    with pytest.raises(ValueError, match="has no reason"):
        read_exceptions(listed)


def test_a_condition_that_no_combination_turns_is_told() -> None:
    outcomes = [Outcome(PLAIN, 0.0, conditions={"Turned": turned, "Stuck": True}) for turned in (True, False)]
    assert list(untried(outcomes)) == ["the condition Stuck is true in every combination: add one that turns it"]


def test_every_combination_has_a_name_of_its_own_and_fits_the_template() -> None:
    names = [one.name for one in combinations()]
    assert len(names) == len(set(names))
    braces = {"vpc": "vpc-1", "subnets": "subnet-1,subnet-2", "user_pool": "us-east-1_abc"}
    first = next(combinations())
    parameters = {name: value.format(**braces) for name, value in first.parameters.items()}
    assert translate(HERE.parents[1] / "template.yaml", parameters).template["Resources"]
