"""The seam where the errors of boto3 become ours.

AWS's own messages are left behind: they quote keys, and those are names of documents. What a message of ours keeps is
the error's code, which AWS documents.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore import exceptions as botocore
from urllib3.exceptions import HTTPError

from rag.errors import (
    InternalError,
    MalformedResponse,
    RagError,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)

_THROTTLED: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "ExecutionLimitExceeded",
        "KMS.ThrottlingException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_PASSING: Final = frozenset(
    {
        "InternalError",
        "InternalServerError",
        "OperationAborted",
        "ReplicatedWriteConflictException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_ABSENT: Final = frozenset({"NoSuchBucket", "ResourceNotFoundException"})
_FORBIDDEN: Final = frozenset(
    {
        "401",
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500

# What boto3 raises where no request could be made at all: a defect of ours or of the deployment.
_BEFORE_THE_REQUEST: Final = (
    botocore.ParamValidationError,
    botocore.NoRegionError,
    botocore.UnknownServiceError,
    botocore.DataNotFoundError,
)
_NO_CREDENTIALS: Final = (
    botocore.NoCredentialsError,
    botocore.PartialCredentialsError,
    botocore.CredentialRetrievalError,
    botocore.TokenRetrievalError,
)
_UNREACHABLE: Final = (
    botocore.ConnectionError,
    botocore.HTTPClientError,
    botocore.IncompleteReadError,
    botocore.ResponseStreamingError,
    HTTPError,
    OSError,
)


@contextmanager
def aws_errors(resource: str, *, forbidden: str) -> Iterator[None]:
    """Raise boto3's errors as ours. `resource` begins a sentence, `forbidden` tells what access it takes.

    Raises:
        UpstreamThrottled, UpstreamUnavailable: worth another attempt.
        UpstreamRejected, MalformedResponse, InternalError: not.
    """
    try:
        yield
    except RagError:
        raise
    except Exception as error:  # noqa: BLE001 - botocore lets any error through for a body that it cannot read
        raise translated(error, resource, forbidden=forbidden) from None


def translated(error: Exception, resource: str, *, forbidden: str) -> RagError:
    """Return our error for one that a call of boto3 raised; one that is none of AWS's means a malformed answer."""
    if isinstance(error, botocore.ClientError):
        code = error_code(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return refusal(code, resource, forbidden=forbidden, status=status)
    if isinstance(error, _NO_CREDENTIALS):
        return UpstreamRejected(f"{resource} cannot be used: there are no credentials for AWS.")
    if isinstance(error, _BEFORE_THE_REQUEST):
        return InternalError(f"{resource} was asked in a way that AWS does not know ({type(error).__name__}).")
    if isinstance(error, _UNREACHABLE):
        return UpstreamUnavailable(f"{resource} could not be reached, or broke off ({type(error).__name__}).")
    return MalformedResponse(f"{resource} answered something that AWS never should ({type(error).__name__}).")


def refusal(code: str, resource: str, *, forbidden: str, status: int = 0) -> RagError:
    """Return our error for an error code of AWS."""
    if code in _THROTTLED or status == _TOO_MANY_REQUESTS:
        return UpstreamThrottled(f"{resource} asks for fewer requests ({code}).")
    if code in _FORBIDDEN:
        return UpstreamRejected(f"{resource} refuses access: the role needs {forbidden} ({code}).")
    if code in _ABSENT:
        return UpstreamRejected(
            f"{resource} does not exist: deploy the stack again, or mend the setting that names it."
        )
    if code in _PASSING or status >= _SERVER_ERROR:
        return UpstreamUnavailable(f"{resource} failed on its side ({code}).")
    return UpstreamRejected(f"{resource} refused the request ({code}).")


def error_code(error: botocore.ClientError) -> str:
    """Return AWS's code of an error, such as `NoSuchKey`, or the HTTP status where an answer had no body."""
    return str(error.response.get("Error", {}).get("Code", ""))
