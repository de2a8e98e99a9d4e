"""What `rag up` and `rag status` tell: what runs where, what is only stood in for, and what to do with it."""

from collections.abc import Iterator
from pathlib import Path

from ragctl.local.account import CREDENTIAL, REGION
from ragctl.local.embedding_choice import ModelInUse
from ragctl.local.presence import Presence

_SERVICES = "Step Functions, Lambda, DynamoDB, S3, EventBridge, Secrets Manager, CloudFormation"
_NOT_DONE = "IAM policies are not enforced, encryption, tracing and log groups have no effect"


def announcement(told: Presence, logs: Path, embedding: ModelInUse | None) -> Iterator[str]:
    """Yield the lines. `embedding` is the model whose vectors readers search."""
    yield f"The local stack is running (process {told.pid}):"
    yield f"  AWS endpoint   {told.endpoint}  {_SERVICES}"
    if told.api_url:
        yield f"  HTTP API       {told.api_url}  documentation at {told.api_url}/docs"
    for name, url in told.services.items():
        yield f"  {name:<14} {url}"
    if embedding:
        yield f"  Embedder       {embedding[0]}, {embedding[1]} dimensions"
    yield f"  Functions      {', '.join(told.functions)}"
    machines = {name: value for name, value in told.outputs.items() if ":stateMachine:" in value}
    for arn in machines.values():
        yield f"  State machine  {arn}"
    yield f"  Logs           {logs}"
    stood_in = ", ".join(told.stands_in_for)
    yield f"  Stands in for  {stood_in + '; ' if stood_in else ''}{_NOT_DONE}"
    if machines:
        arn = machines.get("StateMachineArn", next(iter(machines.values())))
        credentials = f"AWS_ACCESS_KEY_ID={CREDENTIAL} AWS_SECRET_ACCESS_KEY={CREDENTIAL} AWS_DEFAULT_REGION={REGION}"
        yield "With the AWS CLI:"
        yield f"  {credentials} \\"
        yield f"  aws --endpoint-url {told.endpoint} stepfunctions start-execution \\"
        yield f'    --state-machine-arn {arn} --input \'{{"query": "…"}}\''
