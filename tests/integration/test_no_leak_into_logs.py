"""What people ask, what documents say, and the secret are in no log, metric, trace or error, at INFO and at DEBUG."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest

from rag.batches.lines import question_in
from rag.composing import ComposePrompt
from rag.contract import to_state
from rag.contracts import ComposeRequest, GenerateRequest, Spent
from rag.models import Candidate, Chunk
from rag.passages import passage_of
from ragctl.asking import Asker, QueryFailedError
from ragctl.batching import BatchAsker, Line
from ragctl.deployment import Deployment
from ragctl.failure import Failure
from ragctl.local import presence
from tests.fakes import faulty_http as faults
from tests.fakes.log_records import records
from tests.fakes.openai_server import OpenAIServer
from tests.integration.conftest import ROOT, stack_of

SECRET = "sk-canary-7d1f0b52c9"
ASKED = "quokkaquestion"
WRITTEN = "numbatparagraph"
ANSWERED = "bilbyanswer"
MAIL = "potoroo.person@wombat.example"
NAMED = "dunnartname"
CANARIES = (SECRET, ASKED, WRITTEN, ANSWERED, MAIL, quote(MAIL), MAIL.partition("@")[0], NAMED)

QUESTION = f"What does {MAIL} say about the {ASKED}?"
DOCUMENTS = {
    f"{NAMED} of {MAIL}.md": f"# The {WRITTEN}\n\nThe {WRITTEN} of {MAIL} says: the {ASKED} is at noon.",
    f"{NAMED}.pdf": f"%PDF-1.7 {WRITTEN}",
    f"{NAMED}.docx": f"PK\x03\x04 {WRITTEN}",
    f"{NAMED}\x1b[31m.md": f"{WRITTEN}\x1b]0;{WRITTEN}\x07",
    f"{NAMED}.jsonl": json.dumps({"_id": MAIL, "text": WRITTEN}) + f'\n{{"_id": "{WRITTEN}"\n',
    f"{NAMED}.txt": "\n".join([f"{WRITTEN} {MAIL}"] * 50),
    f"{NAMED}.txt.metadata.json": json.dumps({"metadataAttributes": {WRITTEN: {"value": MAIL}, "groups": [MAIL]}}),
    f"{NAMED}.csv": f"name,mail\n{WRITTEN},{MAIL}\n",
    f"{NAMED}.json": f'{{"{WRITTEN}": "{MAIL}"',
}
MALFORMED: tuple[dict[str, Any], ...] = (
    {"query": QUESTION, ASKED: MAIL},
    {"query": QUESTION, "tenant": MAIL},
    {"query": QUESTION, "tenant": "acme", "filter": {"name": {f"${ASKED}": MAIL}}},
    {"query": QUESTION, "tenant": "acme", "filter": {"name": {"$eq": f"{MAIL}\x00"}}},
    {"query": QUESTION, "tenant": "acme", "history": [{"role": ASKED, "content": MAIL}]},
    {"query": QUESTION * 500, "tenant": "acme"},
)

OF_THE_RUNTIME = re.compile(
    r"(?:\[ERROR\] [A-Z]\w+: .*|LAMBDA_WARNING: .*|Traceback \(most recent call last\):"
    r"|\S+\.py:\d+: UserWarning: No application metrics to publish.*|\s.*)?"
)
TWICE = """
import app, json, sys, types
context = types.SimpleNamespace(
    function_name="f", memory_limit_in_mb=1, aws_request_id="r", get_remaining_time_in_millis=lambda: 9000,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:f",
)
for _ in range(2):
    try:
        app.lambda_handler(json.load(open(sys.argv[1])), context)
    except Exception as error:
        print(type(error).__name__)
"""


class Rig:
    """A stack whose models are stand-ins that repeat what they were sent, and the errors that it answered with."""

    def __init__(self, deployment: Deployment, models: OpenAIServer, data: Path) -> None:
        self.deployment = deployment
        self.models = models
        self.data = data
        self.told: list[str] = []

    def ask(self, request: dict[str, Any]) -> None:
        try:
            Asker(self.deployment).ask(request)
        except QueryFailedError as error:
            self.told.append(f"{error.error} {error.cause}")

    def batch(self, *queries: object) -> None:
        contents = [json.dumps(query).encode() for query in queries]
        lines = [Line(content, question_in(content, number)) for number, content in enumerate(contents, start=1)]
        try:
            BatchAsker(self.deployment).ask(lines, {"tenant": "acme"})
        except Failure as failure:
            self.told.append(str(failure))

    def post(self, path: str, body: bytes) -> None:
        running = presence.find(self.data)
        assert running is not None
        sent = HttpRequest(f"{running.api_url}{path}", body, {"Content-Type": "application/json"}, method="POST")
        try:
            urlopen(sent, timeout=60).close()
        except HTTPError as error:
            self.told.append(error.read().decode())

    def ingest(self, directory: Path) -> None:
        environment = {**os.environ, "RAG_ENDPOINT": str(self.deployment.endpoint)}
        command = [sys.executable, "-m", "ragctl", "ingest", str(directory), "--tenant", "acme"]
        subprocess.run(command, env=environment, check=False, capture_output=True)

    def causes(self) -> Iterator[str]:
        """Yield what failed executions say of their causes."""
        states = self.deployment.client("stepfunctions")
        for machine in states.list_state_machines()["stateMachines"]:
            for one in states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]:
                yield states.describe_execution(executionArn=one["executionArn"]).get("cause") or ""


@pytest.fixture(scope="module", params=["INFO", "DEBUG"])
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A stack on which much has been asked and ingested, well and badly."""
    data = tmp_path_factory.mktemp(f"leaks_{request.param}")
    with OpenAIServer(dimensions=16, keys=(SECRET,)) as models:
        parameters = {
            "EmbeddingBaseUrl": models.base_url, "ChatBaseUrl": models.base_url, "EmbeddingModel": "stand-in",
            "ChatModel": "stand-in", "EmbeddingDimensions": "16", "RelevanceRule": "always", "LogLevel": request.param,
        }  # fmt: skip
        with stack_of(ROOT / "template.yaml", data, parameters) as deployment:
            name = deployment.output("OpenAISecretName")
            deployment.client("secretsmanager").put_secret_value(SecretId=name, SecretString=SECRET)
            rig = Rig(deployment, models, data)
            _use(rig, tmp_path_factory.mktemp("documents"))
            yield rig


def _use(rig: Rig, directory: Path) -> None:
    for path, text in DOCUMENTS.items():
        (directory / path).write_text(text)
    rig.ingest(directory)
    rig.models.say(f"The {ANSWERED} says {MAIL} [1].")
    rig.ask({"query": QUESTION, "tenant": "acme"})
    rig.models.say(f"{ASKED}?\n{MAIL}?")
    rig.ask({"query": QUESTION, "tenant": "acme", "history": [{"role": "user", "content": ASKED}], "phrasings": 2})
    for request in MALFORMED:
        rig.ask(request)
    echo = {"error": {"message": f"{SECRET} {QUESTION} {WRITTEN}", "type": ASKED, "param": MAIL, "code": ASKED}}
    for status in (400, 401, 404, 422, 429, 500, 503):
        rig.models.next(*[faults.answer_json(echo, status)] * 4)
        rig.ask({"query": f"{QUESTION} {status}", "tenant": "acme"})
        rig.models._faults.clear()
    for fault in (faults.answer(200, f"<html>{SECRET} {ASKED}</html>"), faults.truncated, faults.answer(200, WRITTEN)):
        rig.models.next(*[fault] * 4)
        rig.ask({"query": f"{QUESTION} again", "tenant": "acme", "mode": "lexical"})
        rig.models._faults.clear()
    rig.models.next(faults.answer_json(echo, 400))
    rig.batch({"query": QUESTION, "id": MAIL}, {"query": 7, ASKED: MAIL}, f"Another {ASKED}?", {"query": ""})
    for body in (
        json.dumps({"query": QUESTION}).encode(),
        json.dumps({"query": QUESTION, "tenant": MAIL, ASKED: WRITTEN}).encode(),
        f'{{"query": "{QUESTION}'.encode(),
    ):
        rig.post("/v1/answers", body)
        rig.post(f"/v1/{quote(MAIL)}?{ASKED}={quote(MAIL)}", body)


def test_all_of_it_went_through(rig: Rig) -> None:
    embedded, answered = (
        "".join(asked.body.decode() for asked in rig.models.requests if asked.path == path)
        for path in ("/v1/embeddings", "/v1/chat/completions")
    )
    assert [canary for canary in (ASKED, WRITTEN, MAIL, NAMED) if canary not in answered] == []
    assert [canary for canary in (ASKED, WRITTEN, MAIL) if canary not in embedded] == []
    assert {asked.headers["authorization"] for asked in rig.models.requests} == {f"Bearer {SECRET}"}


def test_no_log_of_any_process_holds_them(rig: Rig) -> None:
    files = [*(rig.data / "logs").rglob("*"), rig.data / "up.log"]
    logs = {path: path.read_bytes() for path in files if path.is_file()}
    written = {path.name for path, content in logs.items() if content}
    assert {"EmbedFunction.log", "SearchFunction.log", "GenerateFunction.log", "ReadDocumentFunction.log"} <= written
    leaks = {
        (path.name, canary, _line(content, canary.encode()))
        for path, content in logs.items()
        for canary in CANARIES
        if canary.encode() in content
    }
    assert leaks == set()


def _line(content: bytes, canary: bytes) -> str:
    at = content.index(canary)
    return content[max(0, at - 200) : at + 100].decode("utf-8", "replace")


def test_a_function_s_log_holds_json_objects_and_what_the_runtime_says_of_an_error(rig: Rig) -> None:
    for path in (rig.data / "logs").glob("*Function.log"):
        log = path.read_text()
        assert [line for line in log.split("\n") if not (line.startswith("{") or OF_THE_RUNTIME.fullmatch(line))] == []
        assert all(records(log))


def test_no_error_that_a_caller_sees_holds_the_secret_or_what_documents_say(rig: Rig) -> None:
    causes = [cause for cause in rig.causes() if cause]
    assert len(causes) > len(MALFORMED)
    told = "\n".join([*causes, *rig.told])
    assert [canary for canary in CANARIES if canary in told] == []


def test_no_trace_holds_them(rig: Rig) -> None:
    """Let the generate function run under a sampled trace, once well and once refused, and listen as the daemon."""
    text = f"The {WRITTEN} of {MAIL}."
    chunk = Chunk("c" * 32, f"{NAMED}.md", "1", 0, WRITTEN, f"{NAMED}.md", text, 10, 0, len(text))
    composed = ComposePrompt(1_000)(
        ComposeRequest(query=QUESTION, passages=[passage_of(Candidate(chunk, 0.9))], degraded=[], trace_id="t")
    )
    spent = Spent(embedding_tokens=0, prompt_tokens=0, completion_tokens=0, cost_usd=None, cached_embedding=False)
    event = to_state(
        GenerateRequest(
            query=QUESTION, rewritten_query=None, prompt=composed.prompt, spent=spent, degraded=[], trace_id="t"
        )
    )
    rig.models.say(f"The {ANSWERED} [1].")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(10)
        written = rig.data / "event.json"
        written.write_text(json.dumps(event))
        rig.models.next(_answered, faults.answer_json({"error": {"message": QUESTION}}, 400))
        ran = subprocess.run(
            [sys.executable, "-c", TWICE, str(written)],
            cwd=ROOT / "functions" / "generate",
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": f"{ROOT / 'functions' / 'generate'}{os.pathsep}{ROOT / 'layers' / 'rag'}",
                "AWS_ENDPOINT_URL": str(rig.deployment.endpoint),
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": "local",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
                "LAMBDA_TASK_ROOT": "/var/task",
                "AWS_LAMBDA_FUNCTION_NAME": "generate",
                "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
                "POWERTOOLS_SERVICE_NAME": "rag",
                "POWERTOOLS_METRICS_NAMESPACE": "ServerlessRAG",
                "LOG_LEVEL": "DEBUG",
                "OPENAI_SECRET": rig.deployment.output("OpenAISecretName"),
                "CHAT_BASE_URL": rig.models.base_url,
                "CHAT_MODEL": "stand-in",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        segments = daemon.recv(65_536).decode() + daemon.recv(65_536).decode()
    assert '"name":' in segments
    assert [canary for canary in CANARIES if canary in segments + ran.stdout + ran.stderr] == []


def _answered(exchange: faults.Exchange) -> bool:
    exchange.send(exchange.response.head() + exchange.response.body)
    return True
