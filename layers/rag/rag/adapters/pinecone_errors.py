"""The seam where Pinecone's errors become ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

import httpx
from pinecone.errors import exceptions as vendor

from rag import errors

_TRANSLATION: Final[dict[type[Exception], tuple[type[errors.RagError], str]]] = {
    vendor.UnauthorizedError: (errors.CredentialsRejected, "Pinecone does not accept the API key."),
    vendor.ForbiddenError: (errors.CredentialsRejected, "Pinecone does not allow this API key the operation."),
    vendor.PaymentRequiredError: (errors.QuotaExhausted, "Pinecone asks for payment: see the account's billing."),
    vendor.NotFoundError: (errors.IndexUnavailable, "The Pinecone index does not exist, or is of the other kind."),
    vendor.ConflictError: (errors.UpstreamRejected, "Pinecone reports a conflict with the index's state."),
    vendor.FailedPreconditionError: (errors.UpstreamRejected, "The Pinecone index is in no state for the operation."),
    vendor.PayloadTooLargeError: (errors.UpstreamRejected, "The request is larger than Pinecone accepts."),
    vendor.RateLimitError: (errors.UpstreamThrottled, "Pinecone asks for fewer requests."),
    vendor.ServiceError: (errors.UpstreamUnavailable, "Pinecone failed on its side."),
    vendor.ApiError: (errors.UpstreamRejected, "Pinecone refused the request."),
    vendor.IndexInitFailedError: (errors.IndexUnavailable, "The Pinecone index failed to initialise: delete it."),
    vendor.IndexTerminatedError: (errors.IndexUnavailable, "The Pinecone index was deleted or disabled."),
    vendor.PineconeTimeoutError: (errors.UpstreamUnavailable, "Pinecone did not answer in time."),
    vendor.PineconeConnectionError: (errors.UpstreamUnavailable, "Pinecone could not be reached, or broke off."),
    vendor.ResponseParsingError: (errors.MalformedResponse, "Pinecone's answer is not of its API."),
    vendor.PineconeValueError: (errors.InternalError, "The Pinecone client refused an argument."),
    vendor.PineconeTypeError: (errors.InternalError, "The Pinecone client refused an argument."),
    vendor.PineconeError: (errors.InternalError, "The Pinecone client failed in a way that it did not use to."),
    httpx.DecodingError: (errors.MalformedResponse, "Pinecone's answer could not be decompressed."),
    httpx.HTTPError: (errors.UpstreamUnavailable, "Pinecone could not be reached, or broke off."),
}

_WORDLESS: Final = (
    "The Pinecone index cannot be searched by words: make one with rag index create and load the documents into it. "
    "Mode dense can search what is there."
)

# What the words of a refusal tell of the index, in the order in which they are looked for.
_OTHER_SCHEMAS: Final = (
    ("sparse", _WORDLESS),
    ("full_text", _WORDLESS),
    ("full-text", _WORDLESS),
    ("dimension", "The Pinecone index was made for vectors of other dimensions."),
    ("schema", "The Pinecone index is of the other kind than configured, or was not made by rag index create."),
)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise our error for each of the client's, with the client's as its cause and none of its words."""
    try:
        yield
    except (vendor.PineconeError, httpx.HTTPError) as error:
        raise translated(error) from error


def translated(error: Exception) -> errors.RagError:
    """Return our error for one of the client's: that of the nearest class in the table, unless its content says more.

    Pinecone tells a few cases apart only in words, which are read here and not passed on.
    """
    if isinstance(error, vendor.ApiError):
        words = error.message.lower()
        if error.status_code == HTTPStatus.BAD_REQUEST:
            for sign, message in _OTHER_SCHEMAS:
                if sign in words:
                    return errors.IndexUnavailable(message)
        if error.status_code == HTTPStatus.TOO_MANY_REQUESTS and "month" in words:
            return errors.QuotaExhausted("The Pinecone plan's units for this month are used up.")
        if error.status_code == HTTPStatus.REQUEST_TIMEOUT:
            return errors.UpstreamUnavailable("Pinecone did not answer in time.")
    ours, message = next(_TRANSLATION[kind] for kind in type(error).__mro__ if kind in _TRANSLATION)
    return ours(message)


def is_missing_namespace(error: BaseException | None) -> bool:
    """Tell whether the error says that a namespace does not exist, which it does not before its first record."""
    return isinstance(error, vendor.NotFoundError) and "namespace" in error.message.lower()
