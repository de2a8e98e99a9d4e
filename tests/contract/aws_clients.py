"""boto3 clients that talk to a server on a socket, with one attempt."""

from typing import Any

import boto3
from botocore.config import Config


def client_at(service: str, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(
            connect_timeout=10,
            read_timeout=10,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        ),
    )
