"""How a local stack starts, ends, is killed, and comes back with what was loaded."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from io import BytesIO
from pathlib import Path
from textwrap import dedent
from typing import Any

import boto3
import httpx
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from rag.adapters.s3_uploads import S3Uploads
from ragctl.deployment import Deployment
from ragctl.local import presence
from ragctl.local.account import CREDENTIAL, HOST, REGION, STACK_NAME
from ragctl.local.journal import Journal
from ragctl.local.services import free_port

ROOT = Path(__file__).parents[2]
TOY_TEMPLATE = Path(__file__).parent / "toy_stack" / "template.yaml"
GUARD_SECONDS = 30.0  # only a failing test waits this long

POSTED = "docs/ü & posted.md"
LARGE = bytes(range(256)) * 40_960  # 10 MB
SAM = "Transform: AWS::Serverless-2016-10-31\nResources: {F: {Type: AWS::Serverless::Function, Properties: "
ITEM = {"id": {"S": "a"}, "part": {"B": b"\x00\xff"}, "vector": {"B": b"\x01\x02"}, "expires_at": {"N": "1900000000"}}


def rag(*arguments: str | Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ragctl", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * GUARD_SECONDS,
        check=False,
    )


def up(data: Path, template: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return rag("up", "--detach", "--data-dir", data, "--template", template, "--port", "0", *arguments)


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    children = [
        int(stat.parent.name)
        for stat in Path("/proc").glob("[0-9]*/stat")
        if (fields := _fields(stat)) and int(fields[1]) == pid
    ]
    return [pid, *(member for child in children for member in family(child))]


def _fields(stat: Path) -> list[str]:
    with suppress(OSError):
        return stat.read_text().rpartition(")")[2].split()
    return []


@contextmanager
def all_gone(pid: int) -> Iterator[None]:
    """Hold that every process that descends from this one ends with what happens inside."""
    watched = [os.pidfd_open(member) for member in family(pid)]
    assert len(watched) > 3  # the stack and its workers
    try:
        yield
        for descriptor in watched:
            assert select.select([descriptor], [], [], GUARD_SECONDS)[0], "a process is left over"
    finally:
        for descriptor in watched:
            os.close(descriptor)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    presence.stop(tmp_path / "data")


def found(data: Path) -> presence.Presence:
    running = presence.find(data)
    assert running is not None
    return running


def test_it_stays_when_nobody_reads_what_it_says(data: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    arguments = ["up", "--detach", "--data-dir", str(data), "--template", str(TOY_TEMPLATE), "--port", "0"]
    with os.fdopen(writing, "wb") as nobody:
        ended = subprocess.run([sys.executable, "-m", "ragctl", *arguments], cwd=ROOT, stdout=nobody, check=False)
    assert ended.returncode == 0
    assert found(data).ready


@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
class TestLife:
    def test_what_was_loaded_survives_a_kill(self, data: Path) -> None:
        assert up(data, TOY_TEMPLATE).returncode == 0
        before = found(data)
        lost = load(Deployment(STACK_NAME, before.endpoint))
        current = versions(Deployment(STACK_NAME, before.endpoint))
        with all_gone(before.pid):
            os.kill(before.pid, signal.SIGKILL)
        journal = data / "journal" / "journal.jsonl"
        journal.write_bytes(journal.read_bytes() + b'[["item", "rag-Things", "{\\"S')  # a torn last line

        again = up(data, TOY_TEMPLATE)

        assert again.returncode == 0, again.stdout
        [line] = [line for line in again.stdout.splitlines() if line.startswith(f"lost: execution {lost}, which was")]
        assert "run the command that started it again" in line
        assert_loaded(Deployment(STACK_NAME, found(data).endpoint))
        assert versions(Deployment(STACK_NAME, found(data).endpoint)) == current
        assert current.keys() == {"kept", "large"}
        assert journal.stat().st_mode & 0o077 == 0  # secrets are in it

    def test_what_an_event_asked_for_is_run_after_a_restart(self, data: Path) -> None:
        machine = "arn:aws:states:us-east-1:123456789012:stateMachine:rag-Received"
        waiting = {"machine": machine, "input": '{"detail": "kept"}'}
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:event_name"
        with Journal(data / "journal") as journal:
            journal.record([(("delivery", "event_name"), waiting), (("execution", arn), "since then")])

        started = up(data, TOY_TEMPLATE)

        assert started.returncode == 0
        assert "lost" not in started.stdout

        states = Deployment(STACK_NAME, found(data).endpoint).client("stepfunctions")
        assert states.describe_execution(executionArn=arn)["input"] == '{"detail":"kept"}'

    def test_down_leaves_nothing_running(self, data: Path) -> None:
        started = up(data, TOY_TEMPLATE, "--parameter", "Greeting=hello")
        running = found(data)
        described = json.loads(rag("status", "--data-dir", data, "--json").stdout)

        assert started.stdout.splitlines()[0].startswith("The local stack is running")
        assert "Nonsense (AWS::Nonsense::Thing)" in described["stands_in_for"]
        assert described["running"]
        assert data.stat().st_mode & 0o077 == 0  # documents are in it
        assert described["port"] == running.port
        assert "rag-EchoFunction" in described["functions"]
        with all_gone(running.pid):
            assert rag("down", "--data-dir", data).returncode == 0
        socket.create_server((HOST, running.port)).close()
        assert "No local stack is running" in rag("status", "--data-dir", data).stdout
        assert rag("down", "--data-dir", data).returncode == 0

    def test_it_can_be_ended_while_it_starts(self, data: Path) -> None:
        options = ["--data-dir", str(data), "--template", str(TOY_TEMPLATE), "--port", "0"]
        with subprocess.Popen([sys.executable, "-m", "ragctl", "up", *options], cwd=ROOT) as process:
            while not (running := presence.find(data)):
                assert process.poll() is None
            assert not running.ready
            assert rag("down", "--data-dir", data).returncode == 0
            assert process.wait(GUARD_SECONDS) == 1

    def test_ctrl_c_leaves_nothing_running(self, data: Path) -> None:
        options = ["--data-dir", str(data), "--template", str(TOY_TEMPLATE), "--port", "0"]
        command = [sys.executable, "-m", "ragctl", "up", *options]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert any("Ctrl-C ends it" in line for line in process.stdout)
            with all_gone(process.pid):
                process.send_signal(signal.SIGINT)
                assert process.wait(GUARD_SECONDS) == 0

    def test_a_function_that_crashes_at_import_is_named(self, data: Path, tmp_path: Path) -> None:
        template = write_template(tmp_path, "import no_such_module\n")

        started = up(data, template)

        assert started.returncode == 1
        assert last_line(started) == (
            f"rag: rag-OnlyFunction: {tmp_path}/code/app.py does not import: No module named 'no_such_module' "
            f"(see {data}/logs/OnlyFunction.log)"
        )
        assert presence.find(data) is None


class TestWhatStopsAStart:
    def test_a_port_in_use(self, data: Path) -> None:
        with socket.create_server((HOST, 0)) as taken:
            port = str(taken.getsockname()[1])
            started = rag("up", "--data-dir", data, "--template", TOY_TEMPLATE, "--port", port)

        assert started.returncode == 1
        assert last_line(started) == (
            f"rag: Port {port} of 127.0.0.1 cannot be used: Address already in use. "
            "End what uses it, or choose another: rag up --port N"
        )

    def test_a_port_that_is_none(self, data: Path) -> None:
        started = rag("up", "--data-dir", data, "--port", "99999")

        assert started.returncode == 2
        assert "65535" in started.stderr

    def test_a_data_directory_that_is_a_file(self, data: Path) -> None:
        data.write_text("mine")

        started = up(data, TOY_TEMPLATE)

        assert started.returncode == 1
        assert started.stderr.startswith(f"rag: {data} cannot be used: Not a directory")
        assert started.stderr.endswith("Choose another with --data-dir.\n")
        data.unlink()

    def test_logs_that_are_a_file(self, data: Path) -> None:
        data.mkdir()
        (data / "logs").write_text("mine")

        started = up(data, TOY_TEMPLATE)

        assert last_line(started).startswith(f"rag: {data} cannot be used: File exists ({data}/logs)")

    def test_a_stack_that_runs_already(self, data: Path) -> None:
        with presence.claimed(data):
            started = rag("up", "--data-dir", data, "--template", TOY_TEMPLATE, "--port", "0")

        assert started.returncode == 1
        end = f"rag down --data-dir {data}"
        assert last_line(started) == f"rag: A local stack runs on {data} already. End it with: {end}"

    @pytest.mark.parametrize(
        ("template", "reason"),
        [
            ("Resources: [", "is not valid YAML: while parsing a flow node"),
            ("Parameters: {}", "is no template: it has no section Resources."),
            (f"{SAM}{{CodeUri: missing/}}}}}}", "F: its CodeUri missing/ is no directory in"),
        ],
        ids=["no YAML", "no resources", "no code"],
    )
    def test_a_broken_template(self, data: Path, tmp_path: Path, template: str, reason: str) -> None:
        file = tmp_path / "template.yaml"
        file.write_text(template)

        started = rag("up", "--data-dir", data, "--template", file, "--port", "0")

        assert started.returncode == 1
        assert reason in last_line(started)

    def test_a_parameter_that_the_template_lacks(self, data: Path) -> None:
        started = rag("up", "--data-dir", data, "--template", TOY_TEMPLATE, "--port", "0", "--parameter", "Nope=1")

        assert last_line(started).endswith("has no parameter Nope. It has: Greeting, Limit.")


def test_without_a_stack_a_command_says_how_to_start_one(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text("{}")

    result = rag("invoke", "F", "-e", event, environment={"RAG_ENDPOINT": f"http://{HOST}:{free_port()}"})

    assert result.returncode == 1
    assert last_line(result).startswith("rag: The local stack is not running at http://127.0.0.1:")


def load(deployment: Deployment) -> str:
    """Put something into every store, leave an execution running, and return its ARN."""
    table, bucket = deployment.outputs["Table"], deployment.outputs["Bucket"]
    dynamodb, s3 = deployment.client("dynamodb"), deployment.client("s3")
    dynamodb.put_item(TableName=table, Item=ITEM)
    requests = [{"PutRequest": {"Item": {**ITEM, "id": {"S": f"b{n}"}}}} for n in range(25)]
    dynamodb.batch_write_item(RequestItems={table: requests})
    key = {"id": {"S": "b0"}, "part": ITEM["part"]}
    dynamodb.delete_item(TableName=table, Key=key)
    change = {"Key": {**key, "id": {"S": "b1"}}, "UpdateExpression": "SET n = :n"}
    dynamodb.update_item(TableName=table, **change, ExpressionAttributeValues={":n": {"N": "5"}})
    s3.put_object(Bucket=bucket, Key="docs/ä b.md", Body=b"text", Metadata={"by": "me"}, Tagging="k=v")
    for name in ("gone", "gone/too", "gone at last"):
        s3.put_object(Bucket=bucket, Key=name, Body=b"x")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "gone"}, {"Key": "gone/too"}]})
    s3.delete_object(Bucket=bucket, Key="gone at last")
    load_versioned(deployment)
    post(deployment)
    deployment.client("secretsmanager").put_secret_value(SecretId="rag/key", SecretString="mine")
    states = deployment.client("stepfunctions")
    return str(states.start_execution(stateMachineArn=deployment.outputs["Patient"])["executionArn"])


def post(deployment: Deployment) -> None:
    """Put an object by a presigned form."""
    config = Config(signature_version="s3v4")
    credential = {"aws_access_key_id": CREDENTIAL, "aws_secret_access_key": CREDENTIAL, "region_name": REGION}
    client = boto3.client("s3", endpoint_url=deployment.endpoint, config=config, **credential)
    form = S3Uploads(deployment.outputs["Bucket"], client=client).form(POSTED, 6, "text/markdown", 60)
    answer = httpx.post(form.url, data=dict(form.fields), files={"file": ("f", b"posted")})
    assert answer.status_code == 204, answer.text


def load_versioned(deployment: Deployment) -> None:
    """Put objects into a versioned bucket: two versions, a deleted one, and one in parts."""
    bucket, s3 = deployment.outputs["Inbox"], deployment.client("s3")
    for content in (b"old", b"new"):
        s3.put_object(Bucket=bucket, Key="kept", Body=content)
    s3.put_object(Bucket=bucket, Key="gone", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="gone")
    config = TransferConfig(multipart_threshold=len(LARGE) // 2, multipart_chunksize=len(LARGE) // 2)
    s3.upload_fileobj(BytesIO(LARGE), bucket, "large", Config=config)


def versions(deployment: Deployment) -> dict[str, tuple[str, str, datetime]]:
    """Return the current version, entity tag and date of each object of the versioned bucket."""
    bucket, s3 = deployment.outputs["Inbox"], deployment.client("s3")
    heads = {
        entry["Key"]: s3.head_object(Bucket=bucket, Key=entry["Key"])
        for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]
    }
    return {key: (head["VersionId"], head["ETag"], head["LastModified"]) for key, head in heads.items()}


def assert_loaded(deployment: Deployment) -> None:
    table, bucket = deployment.outputs["Table"], deployment.outputs["Bucket"]
    dynamodb, s3 = deployment.client("dynamodb"), deployment.client("s3")
    items: dict[str, Any] = {item["id"]["S"]: item for item in dynamodb.scan(TableName=table)["Items"]}
    assert items["a"] == ITEM
    assert set(items) == {"a", *(f"b{n}" for n in range(1, 25))}
    assert items["b1"]["n"] == {"N": "5"}
    stored = s3.get_object(Bucket=bucket, Key="docs/ä b.md")
    assert (stored["Body"].read(), stored["Metadata"]) == (b"text", {"by": "me"})
    assert s3.get_object_tagging(Bucket=bucket, Key="docs/ä b.md")["TagSet"] == [{"Key": "k", "Value": "v"}]
    assert {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]} == {"docs/ä b.md", POSTED}
    assert s3.get_object(Bucket=bucket, Key=POSTED)["Body"].read() == b"posted"
    assert deployment.client("secretsmanager").get_secret_value(SecretId="rag/key")["SecretString"] == "mine"
    inbox = deployment.outputs["Inbox"]
    assert s3.get_object(Bucket=inbox, Key="kept")["Body"].read() == b"new"
    assert s3.get_object(Bucket=inbox, Key="large")["Body"].read() == LARGE


def last_line(result: subprocess.CompletedProcess[str]) -> str:
    return (result.stdout + result.stderr).strip().splitlines()[-1]


def write_template(directory: Path, code: str) -> Path:
    (directory / "code").mkdir()
    (directory / "code" / "app.py").write_text(code)
    template = directory / "template.yaml"
    template.write_text(
        dedent("""
            Transform: AWS::Serverless-2016-10-31
            Resources:
              OnlyFunction:
                Type: AWS::Serverless::Function
                Properties: {Runtime: python3.13, Handler: app.lambda_handler, CodeUri: code/}
        """)
    )
    return template
