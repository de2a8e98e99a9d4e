"""Makes the call to AWS that the event asks for, and tells how it was refused."""

from typing import Any

import boto3
from botocore.exceptions import ClientError


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    try:
        getattr(boto3.client(event["service"]), event["operation"])(**event["arguments"])
    except ClientError as error:
        return dict(error.response["Error"])
    return {}
