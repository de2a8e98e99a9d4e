"""From a SAM template to CloudFormation, with code and definitions that stay in directories of this machine."""

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from ragctl.local.translation import CODE_BUCKET, TemplateError, translate

OWN_TEMPLATE = Path(__file__).parents[2] / "template.yaml"

FUNCTION = """
    Transform: AWS::Serverless-2016-10-31
    Parameters:
      Size: {Type: Number, Default: 3, MinValue: 1, MaxValue: 9}
      Kind: {Type: String, Default: small, AllowedValues: [small, large], AllowedPattern: "[a-z]+"}
    Resources:
      HelloFunction:
        Type: AWS::Serverless::Function
        Properties: {CodeUri: hello/, Handler: app.lambda_handler, Runtime: python3.13, AutoPublishAlias: live}
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a template beside a directory hello/ and a state machine's definition."""
    (tmp_path / "hello").mkdir()
    (tmp_path / "machine.asl.json").write_text('{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}')

    def write(text: str) -> Path:
        template = tmp_path / "template.yaml"
        template.write_text(dedent(text))
        return template

    return write


def resources(path: Path, **parameters: str) -> dict[str, Any]:
    found: dict[str, Any] = translate(path, parameters).template["Resources"]
    return found


def test_code_is_addressed_by_its_directory(write: Write) -> None:
    translation = translate(write(FUNCTION), {})

    code = translation.template["Resources"]["HelloFunction"]["Properties"]["Code"]
    assert code == {"S3Bucket": CODE_BUCKET, "S3Key": "hello"}
    assert (translation.root / code["S3Key"]).is_dir()


def test_an_alias_is_translated_to_a_version_and_an_alias(write: Write) -> None:
    types = sorted(resource["Type"] for resource in resources(write(FUNCTION)).values())

    assert types == ["AWS::IAM::Role", "AWS::Lambda::Alias", "AWS::Lambda::Function", "AWS::Lambda::Version"]


def test_code_that_all_functions_share_comes_from_globals(write: Write) -> None:
    template = FUNCTION.replace("CodeUri: hello/, ", "") + "    Globals: {Function: {CodeUri: hello}}\n"

    assert resources(write(template))["HelloFunction"]["Properties"]["Code"]["S3Key"] == "hello"


def test_a_definition_in_a_file_is_taken_in(write: Write) -> None:
    machine = resources(
        write("""
            Transform: AWS::Serverless-2016-10-31
            Resources:
              Machine:
                Type: AWS::Serverless::StateMachine
                Properties: {DefinitionUri: machine.asl.json, Role: "arn:aws:iam::123456789012:role/r"}
        """)
    )["Machine"]

    lines = machine["Properties"]["DefinitionString"]["Fn::Join"][1]
    assert json.loads("".join(lines))["StartAt"] == "A"


def test_a_body_that_cloudformation_includes_is_taken_in(write: Write, tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text("openapi: 3.0.1\ninfo: {title: T, version: '1'}\npaths: {/a: {get: {}}}\n")
    api = resources(
        write("""
            Transform: AWS::Serverless-2016-10-31
            Resources:
              Api:
                Type: AWS::Serverless::Api
                Properties:
                  StageName: s
                  DefinitionBody: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: api.yaml}}}
        """)
    )["Api"]

    assert api["Properties"]["Body"]["paths"] == {"/a": {"get": {}}}


def test_what_stands_beside_an_inclusion_is_part_of_the_body(write: Write, tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text("openapi: 3.0.1\ninfo: {title: T, version: '1'}\npaths: {/a: {get: {}}}\n")
    body = resources(
        write("""
            Transform: AWS::Serverless-2016-10-31
            Resources:
              Api:
                Type: AWS::Serverless::Api
                Properties:
                  StageName: s
                  DefinitionBody:
                    x-deployed-for: {Ref: AWS::Region}
                    Fn::Transform: {Name: AWS::Include, Parameters: {Location: api.yaml}}
        """)
    )["Api"]["Properties"]["Body"]

    assert (body["x-deployed-for"], list(body["paths"])) == ({"Ref": "AWS::Region"}, ["/a"])


def test_an_inclusion_that_is_no_object_has_nothing_beside_it(write: Write, tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text("[]")
    template = """
        Resources:
          Api:
            Type: AWS::Serverless::Api
            Properties:
              DefinitionBody: {a: 1, Fn::Transform: {Name: AWS::Include, Parameters: {Location: api.yaml}}}
    """

    with pytest.raises(TemplateError, match=r"Api: its DefinitionBody api.yaml is no object"):
        translate(write(template), {})


def test_a_body_that_is_not_there_is_named(write: Write) -> None:
    template = """
        Resources:
          Api:
            Type: AWS::Serverless::Api
            Properties: {DefinitionBody: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: no.yaml}}}}
    """

    with pytest.raises(TemplateError, match=r"Api: its DefinitionBody no.yaml cannot be read"):
        translate(write(template), {})


def test_parameters_have_their_defaults_as_text(write: Write) -> None:
    assert translate(write(FUNCTION), {"Kind": "large"}).parameters == {"Size": "3", "Kind": "large"}


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("Resources: [", "is not valid YAML"),
        ("- a list", "is no template"),
        (FUNCTION.replace("hello/", "absent/"), "HelloFunction: its CodeUri absent/ is no directory"),
        (FUNCTION.replace("hello/", "s3://bucket/key"), "HelloFunction: its CodeUri is in S3"),
        (FUNCTION.replace("Handler: app.lambda_handler, ", ""), r"HelloFunction.*Handler"),
        (FUNCTION.replace("Default: 3", "Description: no default"), "needs a value for Size: pass --parameter Size="),
    ],
    ids=["no YAML", "no template", "no directory", "remote code", "invalid SAM", "no value"],
)
def test_what_cannot_be_translated_is_told_in_one_line(write: Write, template: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason) as told:
        translate(write(template), {})

    assert "\n" not in str(told.value)


def test_a_definition_that_does_not_parse_is_named(write: Write, tmp_path: Path) -> None:
    (tmp_path / "machine.asl.json").write_text("{")
    template = """
        Resources:
          Machine: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: machine.asl.json}}
    """

    with pytest.raises(TemplateError, match=r"Machine: its DefinitionUri machine.asl.json does not parse"):
        translate(write(template), {})


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"Kind": "huge"}, "Allowed: small, large"),
        ({"Other": "1"}, "no parameter Other. It has: Kind, Size"),
        ({"Size": "abc"}, "Parameter Size is 'abc', which is no number"),
        ({"Size": "nan"}, "Parameter Size is 'nan', which is no number"),
        ({"Size": "0"}, "Parameter Size is '0'. It must be at least 1."),
        ({"Size": "10"}, "Parameter Size is '10'. It must be at most 9."),
    ],
    ids=["a value that is not allowed", "an unknown name", "no number", "not a number", "too small", "too large"],
)
def test_a_parameter_that_does_not_fit_is_refused(write: Write, parameters: dict[str, str], reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        translate(write(FUNCTION), parameters)


def test_text_of_the_wrong_length_is_refused(write: Write) -> None:
    template = write("""
        Parameters: {Code: {Type: String, MinLength: 2, MaxLength: 3}}
        Resources: {}
    """)

    for code, reason in {"a": "at least 2 characters", "abcd": "at most 3 characters"}.items():
        with pytest.raises(TemplateError, match=reason):
            translate(template, {"Code": code})


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"VectorStore": "pinecone"}, "VectorStore=pinecone needs PineconeHost"),
        ({"VectorStore": "milvus"}, "VectorStore=milvus needs MilvusUri"),
    ],
)
def test_a_violated_rule_speaks_for_itself(parameters: dict[str, str], reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        translate(OWN_TEMPLATE, parameters)


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("!Ref HelloFunktion", "HelloFunktion"),
        ("!GetAtt Nobody.Arn", "Nobody"),
        ('!Sub "${AWS::StackName}-${!Literal}-${Size}-${Absent.Arn}"', "Absent"),
        ('!Sub ["${Own}-${Absent}", {Own: !Ref Size}]', "Absent"),
    ],
)
def test_a_reference_to_nothing_is_named(write: Write, reference: str, target: str) -> None:
    template = f"{dedent(FUNCTION)}\nOutputs: {{Told: {{Value: {reference}}}}}\n"

    with pytest.raises(TemplateError, match=f"Output Told refers to {target}, which the template does not define"):
        translate(write(template), {})


def test_what_sam_generates_may_be_referred_to(write: Write) -> None:
    outputs = "{A: {Value: !Ref HelloFunction.Alias}, B: {Value: !GetAtt HelloFunctionRole.Arn}}"

    assert "HelloFunctionRole" in resources(write(f"{dedent(FUNCTION)}\nOutputs: {outputs}\n"))


def test_a_missing_template_says_where_to_be(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"Run this where the repository's template\.yaml is"):
        translate(tmp_path / "template.yaml", {})


def test_the_own_template_translates_for_either_store() -> None:
    for store, place in (("pinecone", {"PineconeHost": "a.pinecone.io"}), ("milvus", {"MilvusUri": "http://a"})):
        translated = resources(OWN_TEMPLATE, VectorStore=store, **place)
        assert not [resource for resource in translated.values() if resource["Type"].startswith("AWS::Serverless")]


@pytest.mark.parametrize(
    ("name", "said"),
    [("chatmodel", "Do you mean ChatModel"), ("Foo", r"All \d+ are below Parameters in .*template.yaml\.$")],
)
def test_of_many_parameters_those_that_resemble_the_unknown_one_are_named(name: str, said: str) -> None:
    with pytest.raises(TemplateError, match=said) as refused:
        translate(OWN_TEMPLATE, {name: "1"})

    assert len(str(refused.value)) < 200 + len(str(OWN_TEMPLATE))


def test_an_api_keeps_the_order_of_its_file() -> None:
    contract = yaml.safe_load((OWN_TEMPLATE.parent / "api/openapi.yaml").read_text())

    body = translate(OWN_TEMPLATE, {"PineconeHost": "index.svc.pinecone.io"}).template["Resources"]["RagApi"]

    paths = body["Properties"]["Body"]["paths"]
    assert list(paths) == list(contract["paths"])
    assert [list(item) for item in paths.values()] == [list(item) for item in contract["paths"].values()]
