"""What `rag up` and `rag status` tell: where the stack is, what it runs on, and what to do with it."""

from collections.abc import Iterator
from pathlib import Path

from ragctl.deployment import DEFAULT_DATA_DIRECTORY
from ragctl.local.account import CREDENTIAL, DEFAULT_PORT, REGION, endpoint
from ragctl.local.embedding_choice import ModelInUse
from ragctl.local.presence import Presence


def announcement(told: Presence, logs: Path, embedding: ModelInUse | None) -> Iterator[str]:
    """Yield the lines. `embedding` is the model whose vectors readers search."""
    machines = {name: value for name, value in told.outputs.items() if ":stateMachine:" in value}
    elsewhere = "" if logs.parent == DEFAULT_DATA_DIRECTORY else f" --data-dir {logs.parent}"
    yield f"The local stack is running (process {told.pid}):"
    yield f"  AWS endpoint   {told.endpoint}"
    if told.api_url:
        yield f"  HTTP API       {told.api_url}  documentation at {told.api_url}/docs"
    for name, url in told.services.items():
        yield f"  {name:<14} {url}"
    if embedding:
        yield f"  Embedder       {embedding[0]}, {embedding[1]} dimensions"
    yield f"  Runs           {_counted(len(told.functions), 'function')}, {_counted(len(machines), 'state machine')}"
    yield f"  Logs           {logs}"
    yield f"  All of it      rag status --json{elsewhere}"
    if "StateMachineArn" not in machines:
        return
    where = "" if told.endpoint == endpoint(DEFAULT_PORT) else f"RAG_ENDPOINT={told.endpoint} "
    yield "Next:"
    yield f"  {where}rag ingest examples/handbook"
    yield f'  {where}rag ask "How long is the warranty on a gateway?"'
    credentials = f"AWS_ACCESS_KEY_ID={CREDENTIAL} AWS_SECRET_ACCESS_KEY={CREDENTIAL} AWS_DEFAULT_REGION={REGION}"
    yield "Or with the AWS CLI:"
    yield f"  {credentials} \\"
    yield f"  aws --endpoint-url {told.endpoint} stepfunctions start-execution \\"
    yield f'    --state-machine-arn {machines["StateMachineArn"]} --input \'{{"query": "…"}}\''


def _counted(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
