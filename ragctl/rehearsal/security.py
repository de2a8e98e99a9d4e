"""checkov's rules on templates. It lives in an environment of its own and is kept from the network."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from ragctl.rehearsal.findings import Finding

CHECKOV: Final = Path(".venv-rehearse/bin/checkov")

_LINTER: Final = "checkov"
_NOWHERE: Final = "http://127.0.0.1:9"  # the port "discard", where nobody listens


class CheckovError(Exception):
    """checkov cannot be run, or not understood: told in one line."""


def security_findings(side: str, text: str, suffix: str, checkov: Path = CHECKOV) -> list[Finding]:
    """Return which rules a template breaks; `suffix` tells its format, .yaml or .json.

    Raises:
        CheckovError: it did not run to its end, or could not read the template.
    """
    with TemporaryDirectory() as directory:
        template = Path(directory) / f"{side}{suffix}"
        template.write_text(text, "utf-8")
        return list(_findings(side, _report(checkov, template)))


def _report(checkov: Path, template: Path) -> dict[str, Any]:
    options = ["--framework", "cloudformation", "--quiet", "--compact", "--output", "json", "--skip-download"]
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE)
    try:
        ended = subprocess.run(
            [str(checkov.absolute()), *options, "--file", str(template)],
            capture_output=True,
            check=False,
            cwd=template.parent,
            env={**os.environ, **nowhere, "NO_PROXY": "", "no_proxy": ""},
        )
    except OSError as error:
        raise CheckovError(f"{checkov} does not run: {error.strerror}. make rehearse installs it.") from error
    try:
        report: dict[str, Any] = json.loads(ended.stdout)
        summary = report["summary"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckovError(f"checkov said nothing of use: {ended.stderr.decode(errors='replace')[-500:]}") from error
    if summary["parsing_errors"] or not summary["resource_count"]:
        raise CheckovError(f"checkov could not read {template.name}")
    return report


def _findings(side: str, report: dict[str, Any]) -> Iterator[Finding]:
    for check in report["results"]["failed_checks"]:
        resource = check["resource"].rpartition(".")[2]
        yield Finding(_LINTER, side, check["check_id"], resource, check["check_name"])
