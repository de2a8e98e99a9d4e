"""What a caller without an entry may do about the 403 of an API that is authorised by IAM."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from ragctl.api.problems import ApiProblemError
from ragctl.deployment import Deployment
from ragctl.failure import Failure
from ragctl.local.account import ACCOUNT_ID, CREDENTIAL


@contextmanager
def hinted(deployment: Deployment) -> Iterator[None]:
    """Say with a 403 whom the API saw, and how that caller gets an entry.

    Raises:
        Failure: the 403 of an API with ApiAuthorization=IAM, with the hint; whatever else was raised passes.
    """
    try:
        yield
    except ApiProblemError as error:
        if error.status != HTTPStatus.FORBIDDEN or deployment.outputs.get("ApiAuthorization") != "IAM":
            raise
        raise Failure(f"{error}\n{_hint(deployment)}") from error


def _hint(deployment: Deployment) -> str:
    caller = _caller(deployment)
    stack = "" if deployment.endpoint else f" --stack {deployment.stack}"
    entry = f"If nobody has said who that is: rag principals set {caller or 'ARN'} --tenant TENANT{stack}"
    leave = "" if deployment.endpoint else "\nIt also needs execute-api:Invoke on the API."
    return f"The request was signed as {caller or 'a caller that STS does not tell'}. {entry}{leave}"


def _caller(deployment: Deployment) -> str | None:
    """Return the ARN of who signs, if that can be told."""
    if deployment.endpoint:
        return f"arn:aws:iam::{ACCOUNT_ID}:user/{CREDENTIAL}"
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return str(deployment.client("sts").get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError):
        return None
