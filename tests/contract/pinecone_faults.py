"""What may go wrong between an adapter and a Pinecone index of either kind, and what the adapter makes of it."""

from rag import errors
from tests.fakes.faulty_http import (
    Fault,
    answer,
    answer_json,
    drip,
    empty_body,
    hang,
    html,
    reset,
    throttled,
    truncated,
)

SECRET_WORDS = "vendor-words-that-must-not-travel"

FAULTS: list[tuple[Fault, type[errors.RagError]]] = [
    (throttled(), errors.UpstreamThrottled),
    (throttled(retry_after="300"), errors.UpstreamThrottled),
    (answer_json({"message": "read unit limit for the current month"}, 429), errors.QuotaExhausted),
    (answer_json({"message": SECRET_WORDS}, 500), errors.UpstreamUnavailable),
    (answer(503, SECRET_WORDS), errors.UpstreamUnavailable),
    (html(502), errors.UpstreamUnavailable),
    (answer_json({"message": SECRET_WORDS}, 408), errors.UpstreamUnavailable),
    (answer_json({"message": SECRET_WORDS}, 400), errors.UpstreamRejected),
    (answer_json({"message": f"{SECRET_WORDS} dimension"}, 400), errors.IndexUnavailable),
    (answer_json({"message": f"{SECRET_WORDS} document schema"}, 400), errors.IndexUnavailable),
    (answer_json({"message": f"{SECRET_WORDS} sparse values"}, 400), errors.IndexUnavailable),
    (answer_json({"message": f"{SECRET_WORDS} without full_text_search"}, 400), errors.IndexUnavailable),
    (answer_json({"message": SECRET_WORDS}, 409), errors.UpstreamRejected),
    (answer_json({"message": SECRET_WORDS}, 412), errors.UpstreamRejected),
    (answer_json({"message": SECRET_WORDS}, 413), errors.UpstreamRejected),
    (answer_json({"message": SECRET_WORDS}, 402), errors.QuotaExhausted),
    (answer_json({"message": SECRET_WORDS}, 404), errors.IndexUnavailable),
    (answer(302, b"", {"Location": "https://example.invalid/"}), errors.UpstreamRejected),
    (html(), errors.MalformedResponse),
    (empty_body(), errors.MalformedResponse),
    (answer(200, b'{"matches": [{"id": "\xff'), errors.MalformedResponse),
    (answer(200, b'{"matches": "\xff"}'), errors.MalformedResponse),
    (answer(200, "[" * 100_000), errors.MalformedResponse),
    (answer(200, b"not gzip", {"Content-Encoding": "gzip"}), errors.MalformedResponse),
    (answer_json({}), errors.MalformedResponse),
    (answer_json({"anything": "else"}), errors.MalformedResponse),
    (answer_json([]), errors.MalformedResponse),
    (answer_json({"matches": [{"id": 7}]}), errors.MalformedResponse),
    (answer_json({"matches": [], "namespace": "another-tenant"}), errors.MalformedResponse),
    (
        answer_json({"matches": [], "namespace": "another-tenant", "usage": {"read_units": 1}}),
        errors.MalformedResponse,
    ),
    (truncated, errors.UpstreamUnavailable),
    (reset, errors.UpstreamUnavailable),
]

LATE: list[Fault] = [hang, drip(0.1)]  # no deadline is long enough for these
