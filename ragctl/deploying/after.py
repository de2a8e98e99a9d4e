"""What is to be done once a stack is deployed, as far as its account tells."""

from collections.abc import Iterator, Mapping
from typing import Final

from ragctl.deployment import Deployment

LEAST_CONCURRENCY: Final = 100  # accounts begin with as few as 10, which five people asking at once use up
_SECRETS: Final = {
    "OpenAISecretName": "key of the embedding and chat endpoints",
    "PineconeSecretName": "Pinecone API key",
    "MilvusSecretName": "Milvus token",
    "RerankSecretName": "key of the reranking endpoint",
}


def next_steps(deployment: Deployment) -> Iterator[str]:
    """Yield one line for each thing to do, commands indented below theirs.

    Raises:
        Failure: there is no such stack, or AWS cannot be reached.
    """
    outputs = deployment.outputs
    yield f"\nThe stack {deployment.stack} is deployed. What remains:"
    yield from _to_fill(deployment, outputs)
    yield from _to_raise(deployment)
    if outputs.get("ApiAuthorization") in {"IAM", "API_KEY"}:
        yield "- Say who may ask over HTTP, and as whom:"
        yield f"    rag principals set CALLER --tenant TENANT --stack {deployment.stack}"
    yield "- Bring documents, and ask:"
    yield f"    rag ingest examples/handbook --stack {deployment.stack}"
    yield f'    rag ask "How long is the warranty on a gateway?" --stack {deployment.stack}'
    yield "- See docs/operations.md for the dashboard and the alarms, docs/deploy.md for upgrades and tear-down."


def _to_fill(deployment: Deployment, outputs: Mapping[str, str]) -> Iterator[str]:
    """Yield the command for each secret that has no value yet."""
    from botocore.exceptions import BotoCoreError, ClientError

    client = deployment.client("secretsmanager")
    for output, what in _SECRETS.items():
        if name := outputs.get(output):
            try:
                filled = bool(client.describe_secret(SecretId=name).get("VersionIdsToStages"))
            except (BotoCoreError, ClientError):
                filled = False  # who deploys may not be allowed to look
            if not filled:
                yield f"- Fill the secret {name}, {what}:"
                yield f"    aws secretsmanager put-secret-value --secret-id {name} --secret-string file://KEY.txt"


def _to_raise(deployment: Deployment) -> Iterator[str]:
    """Yield what to ask of AWS where the account runs few functions at once."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        limit = deployment.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    except (BotoCoreError, ClientError):
        return
    if limit < LEAST_CONCURRENCY:
        yield f"- This account runs {limit} functions at once. Ask for 1,000, else questions are throttled:"
        yield "    aws service-quotas request-service-quota-increase \\"
        yield "      --service-code lambda --quota-code L-B99A9384 --desired-value 1000"
