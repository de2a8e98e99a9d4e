"""The command line: quick to answer, and clear about wrong usage."""

import subprocess
import sys

from typer.testing import CliRunner

from ragctl.cli import app


def test_help_imports_nothing_slow() -> None:
    slow = "boto3", "botocore", "moto", "samtranslator", "pymilvus", "numpy", "openai", "aws_lambda_powertools"
    program = f"import sys, ragctl.cli; print([name for name in {slow} if name in sys.modules])"

    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert result.stdout.strip() == "[]"


def test_a_parameter_without_a_value_is_wrong_usage() -> None:
    result = CliRunner().invoke(app, ["up", "--parameter", "ChatModel"])

    assert result.exit_code == 2
    assert "'ChatModel' is not Key=Value" in result.output
