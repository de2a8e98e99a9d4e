"""What `make deploy` checks before it builds, and what it tells once the stack is there."""

import shlex
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ragctl.deploying.__main__ import main
from ragctl.deploying.after import next_steps
from ragctl.deploying.configuration import Configuration
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
