"""What a Lambda function is, and the environment that its code sees."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from ragctl.local.account import CREDENTIAL

# The machine's own: where programs, libraries, homes and trusted certificates are. Nothing else is inherited.
_INHERITED = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True)
class FunctionSpec:
    """One Lambda function, as the template declares it.

    `layers` are directories whose content is importable. Third-party packages come from the running interpreter.
    `access_key` tells the AWS endpoint whose rights it has.
    """

    name: str
    arn: str
    code_directory: Path
    handler: str
    environment: Mapping[str, str]
    timeout_seconds: float
    memory_mb: int
    layers: tuple[Path, ...] = ()
    access_key: str = CREDENTIAL

    @property
    def region(self) -> str:
        """The region that the ARN names."""
        return self.arn.split(":")[3]

    @property
    def module_file(self) -> Path:
        """The file that the handler is in."""
        module, _, _ = self.handler.rpartition(".")
        return self.code_directory / f"{module.replace('.', '/')}.py"


def process_environment(spec: FunctionSpec, runtime_api: str) -> dict[str, str]:
    """Return every environment variable of a worker process that talks to the Runtime API at `runtime_api`.

    The names are those of https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, the values as near
    to AWS's as a laptop allows. Neither the caller's variables nor its AWS credentials reach a function.
    """
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    code_directory = str(spec.code_directory.resolve())
    overridable = {
        "AWS_ACCESS_KEY_ID": spec.access_key,
        "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
        "AWS_SESSION_TOKEN": CREDENTIAL,
        "AWS_CONFIG_FILE": os.devnull,  # HOME is the caller's, its profiles are not for functions
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "LANG": "en_US.UTF-8",
        "PYTHON_DOTENV_DISABLED": "1",  # pymilvus would read a .env of the project, which Lambda never sees
        "PYTHONUTF8": "1",  # as that locale has it, which the machine may lack
        "TZ": ":UTC",
    }
    reserved = {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{token_hex(16)}",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_REGION": spec.region,
        "LAMBDA_TASK_ROOT": code_directory,
        "PYTHONPATH": os.pathsep.join([code_directory, *(str(layer.resolve()) for layer in spec.layers)]),
        "_HANDLER": spec.handler,
    }
    return {**inherited, **overridable, **spec.environment, **reserved}
