"""`rag token`, and how `rag up` and `rag status` tell of the API."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ragctl.cli import app
from ragctl.deployment import Deployment
from ragctl.failure import Failure
from ragctl.local.http.issuer import Claims, Issuer
from tests.integration.conftest import ROOT
from tests.integration.http_api import Api


@pytest.fixture(autouse=True)
def _endpoint(local_stack: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_ENDPOINT", str(local_stack.endpoint))


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["token", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout.strip()


def test_a_printed_token_is_taken_by_the_api(local_stack: Deployment) -> None:
    api, wanted = Api.of(local_stack), {"document_id": "a.md", "size": 1}

    reader = f"Bearer {printed('--tenant', 'printed', '--group', 'a', '--group', 'b')}"
    writer = f"Bearer {printed('--tenant', 'printed', '--writer')}"

    assert api.call("POST", "/v1/documents", wanted, by=reader).status == 403
    assert "documents/printed/a.md" in api.call("POST", "/v1/documents", wanted, by=writer).json["fields"]["key"]


@pytest.mark.parametrize("tenant", ["Not A Tenant", "../other", "a" * 64])
def test_what_is_no_tenant_opens_nothing(local_stack: Deployment, tenant: str) -> None:
    api = Api.of(local_stack)

    answer = api.call("GET", "/v1/health", by=f"Bearer {Issuer.at(api.url).token(Claims(tenant))}")

    assert answer.status in {401, 403}


@pytest.mark.parametrize("named", [("--tenant", "BAD NAME"), ("--group", "BAD NAME")])
def test_a_name_that_is_none_is_wrong_usage(named: tuple[str, str]) -> None:
    result = CliRunner().invoke(app, ["token", *named])

    assert (result.exit_code, result.stdout) == (2, "")
    assert "must be" in result.stderr


def test_json_is_one_document(local_stack: Deployment) -> None:
    told = json.loads(printed("--json", "--minutes", "5"))

    assert told["issuer"].startswith(Api.of(local_stack).url)


def test_another_address_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_API_URL", "http://127.0.0.1:9/")

    with pytest.raises(Failure, match=r"No local stack answers at http://127\.0\.0\.1:9,"):
        CliRunner().invoke(app, ["token"], catch_exceptions=False)


def test_a_port_that_is_taken_is_told_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        where = ["--data-dir", str(tmp_path), "--template", str(ROOT / "template.yaml")]
        command = [sys.executable, "-m", "ragctl", "up", *where, "--port", "0", "--api-port", port]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.returncode == 1
    assert f"Port {port}" in result.stderr
    assert "rag up --api-port N" in result.stderr
