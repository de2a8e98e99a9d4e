"""What `make deploy` checks before it builds, and what it tells once the stack is there."""

import os
import shlex
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ragctl.deploying.__main__ import main
from ragctl.deploying.after import next_steps
from ragctl.deploying.configuration import LONGEST_NAME, Configuration
from ragctl.deployment import Deployment
from ragctl.failure import Failure
from ragctl.local.translation import read_template

ROOT = Path(__file__).parents[2]
_EXPLAINED = {"Network", "Governance", "Operations"}
SECTIONS = """
version = 0.1
[dev.deploy.parameters]
stack_name = "rag-dev"
parameter_overrides = 'VectorStore=pinecone PineconeHost=REPLACE-WITH-YOUR-INDEX-HOST'
[prod.deploy.parameters]
stack_name = "rag"
parameter_overrides = 'PineconeHost=rag.svc.pinecone.io DoctorSchedule="cron(0 3 * * ? *)"'
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "eu-west-1")


@dataclass
class Account:
    """An AWS account: its secrets with a value, and how many functions it runs at once."""

    filled: set[str] = field(default_factory=set)
    concurrency: int = 1000
    denies: bool = False

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803 - boto3 names it so
        self._deny("DescribeSecret")
        return {"VersionIdsToStages": {"v": ["AWSCURRENT"]}} if SecretId in self.filled else {}

    def get_account_settings(self) -> dict[str, Any]:
        self._deny("GetAccountSettings")
        return {"AccountLimit": {"ConcurrentExecutions": self.concurrency}}

    def _deny(self, operation: str) -> None:
        if self.denies:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)


@dataclass(frozen=True)
class Deployed(Deployment):
    """A stack named `rag` in such an account."""

    account: Account = field(default_factory=Account)

    @property
    def outputs(self) -> dict[str, str]:
        return {"OpenAISecretName": "rag/openai", "PineconeSecretName": "rag/pinecone", "ApiAuthorization": "IAM"}

    def client(self, service: str, **settings: Any) -> Account:
        return self.account


def told(account: Account) -> str:
    return "\n".join(next_steps(Deployed("rag", account=account)))


@pytest.fixture
def samconfig(tmp_path: Path) -> Path:
    file = tmp_path / "samconfig.toml"
    file.write_text(SECTIONS)
    return file


def test_a_section_that_is_filled_in_names_its_stack(samconfig: Path) -> None:
    assert Configuration.read(samconfig, "prod") == Configuration("rag")


def test_a_placeholder_stops_before_anything_is_built(samconfig: Path) -> None:
    with pytest.raises(Failure, match=r"PineconeHost in section dev of .* is a placeholder"):
        Configuration.read(samconfig, "dev")


def test_an_unknown_section_is_told_with_the_known_ones(samconfig: Path) -> None:
    with pytest.raises(Failure, match=r"no section stagging. It has: dev, prod\."):
        Configuration.read(samconfig, "stagging")


def test_every_environment_has_a_section() -> None:
    for section in ("default", "dev", "staging", "prod"):
        with pytest.raises(Failure, match="PineconeHost in section"):  # the repository's own wait for their hosts
            Configuration.read(ROOT / "samconfig.toml", section)


def test_the_command_ends_with_one_line_and_a_status(samconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(samconfig.parent)
    assert main(["before", "dev"]) == 1
    assert main(["before", "prod"]) == 0


@pytest.mark.parametrize(
    ("missing", "said"), [("AWS_DEFAULT_REGION", "No AWS region"), ("AWS_ACCESS_KEY_ID", "No AWS credentials")]
)
def test_what_aws_needs_is_missed_before_anything_is_built(
    samconfig: Path, missing: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(samconfig.parent)
    monkeypatch.delenv(missing)

    assert main(["before", "prod"]) == 1
    assert said in capsys.readouterr().err


def test_a_region_of_the_section_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "samconfig.toml").write_text(SECTIONS + 'region = "eu-west-1"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    assert main(["before", "prod"]) == 0


def test_a_profile_that_is_not_there_is_told(samconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nonesuch")

    with pytest.raises(Failure, match="nonesuch"):
        Configuration.read(samconfig, "prod").check_account()


def test_a_stack_whose_name_would_be_cut_is_refused(
    samconfig: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(samconfig.parent)
    assert main(["before", "prod", "r" * LONGEST_NAME]) == 0
    assert main(["before", "prod", "r" * (LONGEST_NAME + 1)]) == 1
    assert "Choose a shorter one" in capsys.readouterr().err


def test_a_name_that_is_left_whole_leaves_room_for_the_longest_function_and_what_makes_it_unique() -> None:
    resources = read_template(ROOT / "template.yaml")["Resources"]
    longest = max(len(name) for name, one in resources.items() if one["Type"] == "AWS::Serverless::Function")
    assert LONGEST_NAME + len("-") + longest + len("-") + 12 == 64


def test_empty_secrets_are_to_be_filled_and_filled_ones_are_left_alone() -> None:
    text = told(Account(filled={"rag/pinecone"}))
    assert "put-secret-value --secret-id rag/openai" in text
    assert "rag/pinecone" not in text


def test_a_new_account_is_told_to_ask_for_concurrency() -> None:
    assert "runs 10 functions at once" in told(Account(concurrency=10))
    assert "functions at once" not in told(Account())


def test_who_may_not_look_is_told_what_to_do_anyway() -> None:
    text = told(Account(filled={"rag/openai"}, denies=True))
    assert "put-secret-value --secret-id rag/openai" in text
    assert "rag principals set" in text


def test_what_the_sections_set_are_parameters_of_the_template() -> None:
    sections = tomllib.loads((ROOT / "samconfig.toml").read_text())
    parameters = read_template(ROOT / "template.yaml")["Parameters"]
    for section in ("default", "dev", "staging", "prod"):
        pairs = shlex.split(sections[section]["deploy"]["parameters"]["parameter_overrides"])
        for name, _, value in (pair.partition("=") for pair in pairs):
            allowed = parameters[name].get("AllowedValues", [value])
            assert value in map(str, allowed), (section, name)


def test_the_guide_names_everything_that_outlives_the_stack_and_every_parameter_of_network_and_governance() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text()
    template = read_template(ROOT / "template.yaml")
    retained = [name for name, one in template["Resources"].items() if one.get("DeletionPolicy") == "Retain"]
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    governed = {name for one in groups for name in one["Parameters"] if one["Label"]["default"] in _EXPLAINED}
    assert [name for name in retained if name not in guide] == []
    assert {name for name in governed if f"`{name}`" not in guide} == set()


def test_every_parameter_has_its_place_in_the_console() -> None:
    template = read_template(ROOT / "template.yaml")
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    placed = [name for one in groups for name in one["Parameters"]]
    assert sorted(placed) == sorted(template["Parameters"])
