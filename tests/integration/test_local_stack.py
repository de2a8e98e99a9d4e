"""What a local stack does with a template: the resources that moto's CloudFormation lacks, and executions."""

import json
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from ragctl.cli import app
from ragctl.deployment import Deployment
from ragctl.failure import Failure

GUARD_SECONDS = 20.0  # only a failing test waits this long


@pytest.fixture(scope="session")
def states(toy_stack: Deployment) -> Any:
    return toy_stack.client("stepfunctions")


@pytest.fixture(scope="session")
def ended(states: Any) -> Callable[[str], dict[str, Any]]:
    """Return an execution's description once it has ended."""

    def wait(arn: str) -> dict[str, Any]:
        pause = Event()
        for _ in range(int(GUARD_SECONDS / 0.02)):
            described: dict[str, Any] = states.describe_execution(executionArn=arn)
            if described["status"] != "RUNNING":
                return described
            pause.wait(0.02)
        raise TimeoutError(arn)

    return wait


@pytest.fixture(scope="session")
def run(states: Any, ended: Callable[[str], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Run a machine on an input and return the execution's description."""

    def run(machine: str, event: object, **arguments: str) -> dict[str, Any]:
        started = states.start_execution(stateMachineArn=machine, input=json.dumps(event), **arguments)
        return ended(started["executionArn"])

    return run


class TestResources:
    def test_outputs_resolve_references_to_aliases_machines_and_stand_ins(self, toy_stack: Deployment) -> None:
        assert toy_stack.outputs["EchoAlias"].endswith(":function:rag-EchoFunction:live")
        assert toy_stack.outputs["ExpressRelay"].endswith(":stateMachine:rag-ExpressRelay")
        assert toy_stack.outputs["Nonsense"] == "Nonsense.Sense"
        assert toy_stack.outputs["Table"] == "rag-Things"
        assert "Missing" not in toy_stack.outputs

    def test_a_function_has_its_layers_and_the_environment_of_the_template(self, toy_stack: Deployment) -> None:
        answer = toy_stack.client("lambda").invoke(FunctionName=toy_stack.function_name("EchoFunction"), Payload=b"{}")

        seen = json.load(answer["Payload"])
        assert seen == {
            "layer": "shared",
            "environment": {
                "GREETING": "hello",
                "LIMIT": "7",
                "TABLE": "rag-Things",
                "CHOSEN": "kept",
                "AWS_ENDPOINT_URL": toy_stack.endpoint,
            },
        }

    def test_an_alias_and_a_version_are_invocable(self, toy_stack: Deployment) -> None:
        client = toy_stack.client("lambda")

        for qualifier in ("live", "1", "$LATEST"):
            answer = client.invoke(FunctionName="rag-EchoFunction", Qualifier=qualifier, Payload=b'{"n": 1}')
            assert json.load(answer["Payload"])["n"] == 1

    def test_a_table_has_its_time_to_live(self, toy_stack: Deployment) -> None:
        described = toy_stack.client("dynamodb").describe_time_to_live(TableName=toy_stack.outputs["Table"])

        assert described["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}

    def test_an_empty_secret_is_filled(self, toy_stack: Deployment) -> None:
        assert toy_stack.client("secretsmanager").get_secret_value(SecretId="rag/key")["SecretString"] == "local"

    def test_a_client_of_another_region_sees_the_same(self, toy_stack: Deployment) -> None:
        elsewhere = boto3.client(
            "dynamodb",
            endpoint_url=toy_stack.endpoint,
            region_name="eu-central-1",
            aws_access_key_id="mine",
            aws_secret_access_key="mine",
        )

        assert "rag-Things" in elsewhere.list_tables()["TableNames"]


class TestExecutions:
    def test_an_execution_runs_its_functions(self, toy_stack: Deployment, run: Callable[..., dict[str, Any]]) -> None:
        described = run(toy_stack.outputs["Relay"], {"n": "ä"}, name="by-name")

        assert described["status"] == "SUCCEEDED"
        assert described["name"] == "by-name"
        assert json.loads(described["output"])["n"] == "ä"

    def test_unnamed_executions_get_names_of_their_own(
        self, toy_stack: Deployment, run: Callable[..., dict[str, Any]]
    ) -> None:
        names = {run(toy_stack.outputs["Relay"], {"n": 1})["name"] for _ in range(3)}

        assert len(names) == 3

    def test_a_name_that_was_used_is_refused(self, toy_stack: Deployment, run: Callable[..., dict[str, Any]]) -> None:
        run(toy_stack.outputs["Relay"], {"n": 1}, name="once")

        with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
            run(toy_stack.outputs["Relay"], {"n": 2}, name="once")

    def test_an_express_execution_answers_at_once(self, toy_stack: Deployment, states: Any) -> None:
        answer = states.start_sync_execution(stateMachineArn=toy_stack.outputs["ExpressRelay"], input='{"n": 2}')

        assert answer["status"] == "SUCCEEDED"
        assert json.loads(answer["output"])["n"] == 2
        assert ":express:rag-ExpressRelay:" in answer["executionArn"]

    def test_express_executions_run_side_by_side(self, toy_stack: Deployment, states: Any) -> None:
        def answer(n: int) -> int:
            started = states.start_sync_execution(
                stateMachineArn=toy_stack.outputs["ExpressRelay"], input=json.dumps({"n": n})
            )
            return int(json.loads(started["output"])["n"])

        with ThreadPoolExecutor(8) as executor:
            assert list(executor.map(answer, range(40))) == list(range(40))

    def test_a_standard_machine_takes_no_synchronous_start(self, toy_stack: Deployment, states: Any) -> None:
        with pytest.raises(ClientError, match="StateMachineTypeNotSupported"):
            states.start_sync_execution(stateMachineArn=toy_stack.outputs["Relay"], input="{}")

    def test_retry_and_catch_know_an_exception_by_its_class(
        self, toy_stack: Deployment, states: Any, run: Callable[..., dict[str, Any]]
    ) -> None:
        with ThreadPoolExecutor(3) as executor:  # side by side, since they share one parsed definition
            all_described = list(executor.map(lambda _: run(toy_stack.outputs["Careful"], {}), range(3)))

        for described in all_described:
            assert json.loads(described["output"])["caught"]["Error"] == "Flaky"
            events = states.get_execution_history(executionArn=described["executionArn"])["events"]
            assert [event["type"] for event in events].count("LambdaFunctionFailed") == 2

    def test_a_machine_that_takes_too_long_is_timed_out(
        self, toy_stack: Deployment, run: Callable[..., dict[str, Any]]
    ) -> None:
        described = run(toy_stack.outputs["Hasty"], {})

        assert described["status"] == "TIMED_OUT"
        assert 1 <= (described["stopDate"] - described["startDate"]).total_seconds() < 5

    def test_an_execution_can_be_stopped(
        self, toy_stack: Deployment, states: Any, ended: Callable[[str], dict[str, Any]]
    ) -> None:
        arn = states.start_execution(stateMachineArn=toy_stack.outputs["Endless"])["executionArn"]

        states.stop_execution(executionArn=arn)

        assert ended(arn)["status"] == "ABORTED"

    def test_history_comes_in_pages_and_newest_first(
        self, toy_stack: Deployment, states: Any, run: Callable[..., dict[str, Any]]
    ) -> None:
        arn = run(toy_stack.outputs["Relay"], {"n": 1})["executionArn"]

        page = states.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=2)
        rest = states.get_execution_history(executionArn=arn, reverseOrder=True, nextToken=page["nextToken"])

        ids = [event["id"] for event in page["events"] + rest["events"]]
        assert ids == sorted(ids, reverse=True)
        assert page["events"][0]["type"] == "ExecutionSucceeded"
        assert rest["events"][-1]["type"] == "ExecutionStarted"

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param('{"n": NaN, "s": "secret"}', id="NaN"),
            pytest.param('{"n": 1e999, "s": "secret"}', id="1e999"),
            pytest.param("secret", id="no JSON"),
            pytest.param("[" * 50_000 + "]" * 50_000, id="absurdly deep"),
            pytest.param('{"secret":' * 300 + "1" + "}" * 300, id="too deep"),
            pytest.param('"' + "s" * 262_143 + '"', id="too long"),
        ],
    )
    def test_what_is_no_json_starts_nothing_and_is_not_echoed(
        self, toy_stack: Deployment, states: Any, text: str
    ) -> None:
        for start, machine in ((states.start_execution, "Patient"), (states.start_sync_execution, "ExpressRelay")):
            with pytest.raises(ClientError) as refused:
                start(stateMachineArn=toy_stack.outputs[machine], input=text)
            assert refused.value.response["Error"]["Code"] == "InvalidExecutionInput"
            assert "secret" not in str(refused.value)
            assert "sss" not in str(refused.value)

        assert states.list_executions(stateMachineArn=toy_stack.outputs["Patient"])["executions"] == []


class TestCommands:
    @pytest.fixture(autouse=True)
    def _endpoint(self, toy_stack: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAG_ENDPOINT", str(toy_stack.endpoint))

    def test_invoke_prints_the_result(self) -> None:
        result = CliRunner().invoke(app, ["invoke", "EchoFunction", "-e", "-"], input='{"greeting": "ü"}')

        assert result.exit_code == 0
        assert json.loads(result.stdout)["greeting"] == "ü"

    def test_invoke_fails_with_the_function(self) -> None:
        result = CliRunner().invoke(app, ["invoke", "SlowFunction", "-e", "-"], input="{}")

        assert result.exit_code == 1
        assert json.loads(result.stdout)["errorType"] == "Sandbox.Timedout"

    def test_invoke_names_the_functions_that_there_are(self) -> None:
        result = CliRunner().invoke(app, ["invoke", "NoFunction", "-e", "-"], input="{}")

        assert isinstance(result.exception, Failure)
        assert "EchoFunction, FlakyFunction, ReachingFunction, SlowFunction" in str(result.exception)

    @pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not installed")
    def test_the_aws_cli_starts_and_describes_an_execution(
        self, toy_stack: Deployment, ended: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-west-1"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)

        def aws(*arguments: str) -> Any:
            command = ["aws", "--endpoint-url", str(toy_stack.endpoint), "--output", "json", "stepfunctions"]
            return json.loads(subprocess.run([*command, *arguments], check=True, capture_output=True, text=True).stdout)

        arguments = ("--state-machine-arn", toy_stack.outputs["Relay"], "--input", '{"n": 3}')
        arn = aws("start-execution", *arguments)["executionArn"]
        ended(arn)

        assert json.loads(aws("describe-execution", "--execution-arn", arn)["output"])["n"] == 3


class TestOwnTemplate:
    def test_every_output_of_a_milvus_deployment_is_there(self, local_stack: Deployment) -> None:
        assert local_stack.outputs["VectorStore"] == "milvus"
        assert local_stack.outputs["EmbeddingModel"] == "wordllama-256"
        assert "PineconeHost" not in local_stack.outputs

    @pytest.mark.parametrize("question", ["7", '"\\ud800"'], ids=["no text", "a lone surrogate"])
    def test_a_bad_question_fails_with_its_reason(self, local_stack: Deployment, question: str) -> None:
        machine = local_stack.outputs["ExpressStateMachineArn"]

        answer = local_stack.client("stepfunctions").start_sync_execution(
            stateMachineArn=machine, input=f'{{"query": {question}}}'
        )

        assert (answer["status"], answer["error"]) == ("FAILED", "InvalidRequest")
        assert "query" in answer["cause"]

    def test_the_cache_holds_what_was_embedded(self, local_stack: Deployment) -> None:
        event = b'{"request": {"query": "Where is the local stack\'s cache?"}, "trace_id": "cached"}'
        name = local_stack.outputs["EmbedFunctionName"]
        client = local_stack.client("lambda", read_timeout=30)

        first, second = (json.load(client.invoke(FunctionName=name, Payload=event)["Payload"]) for _ in range(2))

        assert (first["spent"]["cached_embedding"], second["spent"]["cached_embedding"]) == (False, True)
        assert first["embedding"]["vectors"] == second["embedding"]["vectors"]
