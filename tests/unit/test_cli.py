"""The command line: quick to answer, and clear about wrong usage."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ragctl.cli import app
from ragctl.local.embedders import MINILM


def test_help_imports_nothing_slow() -> None:
    slow = "boto3", "botocore", "moto", "samtranslator", "pymilvus", "numpy", "openai", "aws_lambda_powertools"
    program = f"import sys, ragctl.cli; print([name for name in {slow} if name in sys.modules])"

    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert result.stdout.strip() == "[]"


def test_a_parameter_without_a_value_is_wrong_usage() -> None:
    result = CliRunner().invoke(app, ["up", "--parameter", "ChatModel"])

    assert result.exit_code == 2
    assert "'ChatModel' is not Key=Value" in result.output


def test_an_embedder_that_does_not_exist_is_wrong_usage_and_told_which_do() -> None:
    result = CliRunner().invoke(app, ["up", "--embedder", "nonsense"])

    assert result.exit_code == 2
    assert "'wordllama', 'minilm'" in result.output


def test_an_embedder_goes_without_the_parameters_that_name_another() -> None:
    result = CliRunner().invoke(app, ["up", "--embedder", "minilm", "--parameter", "EmbeddingModel=wordllama-64"])

    assert result.exit_code == 2
    assert "goes without EmbeddingModel" in result.output


@pytest.mark.skipif(MINILM.is_installed, reason="it is installed")
@pytest.mark.parametrize("detached", [[], ["--detach"]])
def test_an_embedder_that_is_not_installed_is_told_before_anything_starts(tmp_path: Path, detached: list[str]) -> None:
    result = rag("up", "--embedder", "minilm", "--data-dir", str(tmp_path), "--port", "0", *detached)

    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("rag: The embedding model all-minilm-l6-v2 is not installed. Install it: ")
    assert {file.name for file in (tmp_path / "logs").iterdir()} == {"stack.log"}


def rag(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ragctl", *arguments]
    return subprocess.run(command, env={**os.environ, **environment}, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("arguments", "environment", "reason"),
    [
        (["ask", "Why?"], {"RAG_ENDPOINT": "http://127.0.0.1:1"}, "rag: The local stack is not running at"),
        (["ask", "Why?"], {"RAG_ENDPOINT": "nonsense"}, "rag: RAG_ENDPOINT is 'nonsense'"),
        (["index", "create", "--store", "milvus", "--uri", "nonsense"], {}, "rag: The address of Milvus must begin"),
        (["ask", "Why?"], {"RAG_ENDPOINT": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:2"}, "rag: The local"),
        (["ask", "Why?"], {"RAG_ENDPOINT": "http://127.0.0.1:1", "AWS_PROFILE": "nobody"}, "rag: The local stack"),
    ],
)
def test_what_goes_wrong_is_one_line(arguments: list[str], environment: dict[str, str], reason: str) -> None:
    result = rag(*arguments, **environment)

    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(reason)


def test_a_filter_that_is_no_json_is_wrong_usage() -> None:
    assert rag("ask", "Why?", "--filter", '{"year": NaN}').returncode == 2


def test_the_version_is_told() -> None:
    assert rag("--version").stdout.startswith("rag ")
