"""The AWS account that the local stack plays: constants that its parts and its clients agree on."""

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
STACK_NAME = "rag"
HOST = "127.0.0.1"  # loopback only: there is no authentication
DEFAULT_PORT = 4566
DEFAULT_API_PORT = 3000
CREDENTIAL = "local"  # access key and secret alike; any would do


def endpoint(port: int) -> str:
    """Return the URL of the AWS endpoint that listens on this port."""
    return f"http://{HOST}:{port}"
