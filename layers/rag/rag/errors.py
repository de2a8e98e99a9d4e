"""The errors of the pipeline; their class names are the contract with the state machines.

RagError
├── TransientError            retried by the state machine
│   ├── UpstreamThrottled
│   └── UpstreamUnavailable
├── PermanentError            caught, reported, never retried
│   ├── InvalidRequest
│   ├── UpstreamTimedOut
│   ├── UpstreamRejected
│   ├── MalformedResponse
│   ├── CredentialsRejected
│   ├── QuotaExhausted
│   ├── SecretUnavailable
│   ├── IndexUnavailable
│   ├── UnreadableDocument
│   └── InternalError
└── Refusal                   told to a caller over HTTP; no state raises one
    ├── NotAllowed
    ├── NotFound
    ├── NoResults
    ├── Conflict
    ├── TooLarge
    ├── UnsupportedMediaType
    ├── AllowanceSpent
    └── Unauthorized

A message names what is wrong and what to do. It never holds a query, a passage, a secret or an upstream's own words,
since it is shown to callers and written to logs.
"""


class RagError(Exception):
    """Base of every error that this package raises on purpose."""


class TransientError(RagError):
    """The same call may succeed a moment later."""


class UpstreamThrottled(TransientError):
    """A service asked for fewer requests."""


class UpstreamUnavailable(TransientError):
    """A service could not be reached, broke off, was too slow, or failed on its side."""


class PermanentError(RagError):
    """The same call will fail again."""


class InvalidRequest(PermanentError):
    """The caller's input does not fit its contract."""


class UpstreamTimedOut(PermanentError):
    """A service took all the time that there was; another attempt would cost as much and end as late."""


class UpstreamRejected(PermanentError):
    """A service refused the request as such: an unknown model, an unsupported parameter, a text too long."""


class MalformedResponse(PermanentError):
    """A service answered something that it never should."""


class CredentialsRejected(PermanentError):
    """A service does not accept the key that it was given."""


class QuotaExhausted(PermanentError):
    """The account with a service is out of credit."""


class SecretUnavailable(PermanentError):
    """A secret is missing, empty or malformed."""


class IndexUnavailable(PermanentError):
    """The vector index does not exist, or was made for other vectors."""


class UnreadableDocument(PermanentError):
    """A document is empty, binary, malformed, or of a format that is not read."""


class InternalError(PermanentError):
    """A defect of this package; the log tells where."""


class Refusal(RagError):
    """A request over HTTP is understood and not granted."""


class NotAllowed(Refusal):
    """The caller is nobody's principal, or lacks the right to write."""


class NotFound(Refusal):
    """There is no such thing, or the caller may not know of it."""


class NoResults(Refusal):
    """The caller's own batch has no results to be fetched apart."""


class Conflict(Refusal):
    """The idempotency key was used for another request."""


class TooLarge(Refusal):
    """The request has more bytes than a state machine could take."""


class UnsupportedMediaType(Refusal):
    """The request's body is said to be something else than JSON."""


class AllowanceSpent(Refusal):
    """The principal has asked as many questions as it may in a day."""


class Unauthorized(Refusal):
    """A token is none, or not to be trusted. API Gateway knows this one by its message, which is its name."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")
